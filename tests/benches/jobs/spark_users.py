"""raw-transformation in Spark's DataFrames: users_transformed and data_quality_summary."""

import dataclasses
import datetime as dt

from pyspark.sql import Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

WHITE = (
    "\t\n\x0b\x0c\r \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
)
# A run of white space that is not one blank already.
UNEVEN = "[{0}][{0} ]*| [{0} ]+".format(WHITE.replace(" ", ""))
# At least one dot behind the @.
HTML_EMAIL = (
    r"^[a-zA-Z0-9.!#$%&'*+/=?^_`{|}~-]+@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
    r"(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+\z"
)
POSITION = ["_topic", "_generation", "_partition", "_offset"]
KEY = ["id", "source_topic", "source_generation", "source_partition", "source_offset"]

# The columns of raw/users that the job reads.
RAW = T.StructType(
    [
        T.StructField(name, T.StringType())
        for name in [
            "user_id", "first_name", "last_name", "gender", "street_number", "street_name", "city", "state", "country",
            "country_code", "postcode", "email", "username", "phone", "picture_url", "source", "_topic", "_generation",
        ]
    ]
    + [T.StructField(name, T.DoubleType()) for name in ["latitude", "longitude"]]
    + [T.StructField(name, T.TimestampType()) for name in ["dob", "registered_at", "_timestamp"]]
    + [T.StructField("_partition", T.IntegerType()), T.StructField("_offset", T.LongType())]
)


@dataclasses.dataclass
class Run:
    as_of: dt.date
    started_at_micros: int

    @property
    def day(self):
        return F.lit(self.as_of)

    @property
    def started_at(self):
        return F.expr(f"timestamp_micros({self.started_at_micros})")


def trimmed(text):
    return F.nullif(F.btrim(text, F.lit(WHITE)), F.lit(""))


def squeezed(text):
    return F.regexp_replace(trimmed(text), UNEVEN, " ")


def name_case(text):
    """initcap() would make Mcdonald of McDonald."""
    def word(w):
        return F.concat(F.upper(w.substr(1, 1)), w.substr(2, 1 << 30))

    words = F.array_join(F.transform(F.split(text, " "), word), " ")
    return F.when(F.instr(text, " ") > 0, words).otherwise(word(text))


def joined(separator, *parts):
    return F.nullif(F.concat_ws(separator, *parts), F.lit(""))


def ymd(date):
    """Days as numbers whose differences count calendar years: a 29 February birthday falls on 1 March."""
    return F.year(date) * 10000 + F.month(date) * 100 + F.dayofmonth(date)


def newest(raw, run):
    """Overlapping objects may hold one source position twice. Two rows of one position are of one id, so where there
    is an id the newest of it is one row anyway, and only rows without an id compete by position."""
    end = F.lit(dt.datetime.combine(run.as_of + dt.timedelta(days=1), dt.time(), dt.timezone.utc))
    by_version = [F.desc(name) for name in ["_generation", "_timestamp", "_offset", "_partition", "_topic"]]
    one_user = Window.partitionBy("user_id", "orphan").orderBy(*by_version)
    return (
        raw.where(F.col("_timestamp") < end)
        .withColumn("user_id", F.when(trimmed(F.col("user_id")).isNotNull(), F.col("user_id")))
        .withColumn("orphan", F.when(F.col("user_id").isNull(), F.struct(*POSITION)))
        .withColumn("age_of_version", F.row_number().over(one_user))
        .where(F.col("age_of_version") == 1)
    )


def users_transformed(raw, run):
    col = F.col
    finite = lambda name: F.when(
        ~F.isnan(name) & (F.abs(col(name)) != float("inf")), col(name)
    ).alias(name)
    cleaned = newest(raw, run).select(
        col("user_id").alias("id"),
        name_case(squeezed(col("first_name"))).alias("first_name"),
        name_case(squeezed(col("last_name"))).alias("last_name"),
        F.lower(trimmed(col("gender"))).alias("given_gender"),
        trimmed(col("email")).alias("email"),
        trimmed(col("username")).alias("username"),
        trimmed(col("phone")).alias("given_phone"),
        joined(" ", squeezed(col("street_number")), squeezed(col("street_name"))).alias("street_address"),
        *[squeezed(col(name)).alias(name) for name in ["city", "state", "country"]],
        trimmed(col("country_code")).alias("country_code"),
        trimmed(col("postcode")).alias("post_code"),
        finite("latitude"),
        finite("longitude"),
        F.to_date("dob").alias("birth_date"),
        F.to_date("registered_at").alias("registration_date"),
        trimmed(col("picture_url")).alias("picture"),
        trimmed(col("source")).alias("data_source"),
        *POSITION,
    )
    has_at = F.instr("email", "@") > 0
    given_domain = F.substring_index("email", "@", -1)
    local = F.expr("left(email, length(email) - length(substring_index(email, '@', -1)) - 1)")
    age = F.floor((ymd(run.day) - ymd(col("birth_date"))) / 10000).cast("int")
    derived = cleaned.withColumns({
        "digits": F.regexp_replace("given_phone", "[^0-9]+", ""),
        "gender": F.when(col("given_gender").isin("male", "female"), col("given_gender")).otherwise("unknown"),
        "email_domain": F.when(has_at, F.nullif(F.lower(given_domain), F.lit(""))),
        # Spark 3.5.7's nullif takes no parsed expression.
        "email_local": F.when(has_at & (local != ""), local),
        "email_valid": F.coalesce(F.rlike("email", F.lit(HTML_EMAIL)), F.lit(False)),
        "age_years": F.when(col("birth_date") <= run.day, age),
        "account_age_days": F.datediff(run.day, "registration_date"),
    }).withColumn("phone_valid", F.coalesce(F.length("digits").between(7, 15), F.lit(False)))
    return derived.select(*columns(run))


def columns(run):
    col, length = F.col, F.length
    digits = lambda start, count: F.substring("digits", start, count)
    domain, age, tenure = col("email_domain"), col("age_years"), col("account_age_days")
    born = F.year("birth_date")
    deducted = lambda wrong, points: F.when(wrong, points).otherwise(0)
    no_id, bad_email, bad_phone = col("id").isNull(), ~col("email_valid"), ~col("phone_valid")
    north_american = (length("digits") == 10) & col("country_code").isin("US", "CA")
    corporation = F.when(col("gender") == "male", "@corp-m.example").when(
        col("gender") == "female", "@corp-f.example"
    )
    made = {
        "full_name": joined(" ", "first_name", "last_name"),
        "email_provider_type": F.when(domain.isNull(), "unknown")
        .when(domain.isin("gmail.com", "yahoo.com", "hotmail.com", "outlook.com"), "Personal")
        .when(domain.rlike(r"(^|\.)(edu|(edu|ac)\.[a-z][a-z])\z"), "Educational")
        .when(domain.rlike(r"(^|\.)(gov|gov\.[a-z][a-z])\z"), "Government")
        .otherwise("Business"),
        "phone": F.when(
            north_american,
            F.concat(F.lit("("), digits(1, 3), F.lit(") "), digits(4, 3), F.lit("-"), digits(7, 4)),
        ).otherwise(col("given_phone")),
        "address": joined(", ", "street_address", "city", "state", "country"),
        "age_group": F.when(age.isNull(), "unknown").when(age < 18, "under-18").when(age < 25, "18-24")
        .when(age < 35, "25-34").when(age < 45, "35-44").when(age < 55, "45-54").when(age < 65, "55-64")
        .otherwise("65+"),
        "generation": F.when(born.isNull(), "unknown").when(col("birth_date") > run.day, "Gen Alpha")
        .when(born <= 1945, "Silent").when(born <= 1964, "Boomer").when(born <= 1980, "Gen X")
        .when(born <= 1996, "Millennial").when(born <= 2012, "Gen Z").otherwise("Gen Alpha"),
        "account_tenure_category": F.when(tenure.isNull(), "unknown").when(tenure < 30, "New")
        .when(tenure < 365, "Regular").otherwise("Veteran"),
        "data_quality_score": (
            100 - deducted(no_id, 20) - deducted(bad_email, 15) - deducted(bad_phone, 10)
        ).cast("double"),
        "quality_issues": F.array_compact(F.array(
            F.when(no_id, "missing_id"), F.when(bad_email, "invalid_email"), F.when(bad_phone, "invalid_phone")
        )),
        "business_email": F.concat("email_local", corporation),
        "user_company": F.concat("username", F.lit("@corp")),
        "processed_at": run.started_at,
        "processing_date": run.day,
        "job_name": F.lit("raw-transformation"),
        "source_topic": col("_topic"),
        "source_generation": col("_generation"),
        "source_partition": col("_partition"),
        "source_offset": col("_offset"),
    }
    order = """
        id first_name last_name full_name gender email email_domain email_provider_type email_valid username phone
        phone_valid address street_address city state country country_code post_code latitude longitude birth_date
        age_years age_group generation registration_date account_age_days account_tenure_category data_quality_score
        quality_issues picture business_email user_company processed_at processing_date data_source job_name
        source_topic source_generation source_partition source_offset"""
    return [made.get(name, col(name)).alias(name) for name in order.split()]


def data_quality_summary(users, run):
    score = F.col("data_quality_score")
    return users.agg(
        F.count("*").alias("total_records"),
        F.count_if(score >= 80).alias("high_quality_records"),
        F.count_if((score >= 50) & (score < 80)).alias("medium_quality_records"),
        F.count_if(score < 50).alias("low_quality_records"),
        F.avg(score).alias("avg_quality_score"),
        F.count_if("email_valid").alias("valid_emails"),
        F.count_if("phone_valid").alias("valid_phones"),
        F.countDistinct("email_domain").alias("unique_email_domains"),
        F.countDistinct("country").alias("unique_countries"),
        run.started_at.alias("quality_check_timestamp"),
        run.day.alias("processing_date"),
        F.lit("raw-transformation").alias("job_name"),
    )
