"""analytics-aggregation and time-series-analysis in Spark's DataFrames: 15 tables, as of the lake's first day."""

from pyspark.sql import Window
from pyspark.sql import functions as F

WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
col = F.col


def nearest(k, n, scale):
    """k * scale / n as the nearest whole number, half away from zero; null for n = 0."""
    k, n = (f"CAST({name} AS BIGINT)" for name in (k, n))
    quotient = f"(2 * {scale} * abs({k}) + {n}) div (2 * {n})"
    return F.expr(f"CASE WHEN {n} > 0 THEN CAST(sign({k}) AS BIGINT) * ({quotient}) END")


def percent(k, n):
    return nearest(k, n, 10_000) / 100


def named(*keys):
    return [F.coalesce(col(key), F.lit("unknown")).alias(key) for key in keys]


def count_where(condition, name):
    return F.count_if(condition).alias(name)


def total(name):
    return F.sum(name).over(Window.partitionBy())


def ymd(date):
    return F.year(date) * 10000 + F.month(date) * 100 + F.dayofmonth(date)


def user_count():
    return F.count("*").alias("user_count")


def quality():
    return F.avg("data_quality_score").alias("avg_data_quality")


def countries(name):
    return F.countDistinct("country").alias(name)


def domains():
    return F.countDistinct("email_domain").alias("unique_email_domains")


def is_business():
    return col("email_provider_type") == "Business"


class Tables:
    """`write(table, frame, *key)` publishes a table."""

    def __init__(self, published, run, write):
        # Not persisted: reading each table's columns from the file is faster than building a cache of all of them.
        self.users = published
        self.run = run
        self.write = write

    @property
    def stamps(self):
        return [self.run.day.alias("processing_date"), self.run.started_at.alias("created_at")]

    def analytics_aggregation(self):
        self.dimension()
        self.geography()
        self.age_and_generation()
        self.email()
        self.quality()
        self.overview()

    def time_series_analysis(self):
        self.registrations()
        self.expansion()
        self.age_trends()
        self.quality_series()

    def dimension(self):
        """The first day: there are no versions to compare with."""
        score = (
            F.when(col("age_group").isin("25-34", "35-44"), 10).otherwise(5)
            + F.when(col("generation").isin("Millennial", "Gen X"), 10).otherwise(5)
            + F.when(is_business(), 15).otherwise(5)
            + F.when(col("account_tenure_category") == "Veteran", 20).otherwise(10)
        )
        scored = self.users.where(col("id").isNotNull()).withColumn("demographic_score", score.cast("double"))
        points = col("demographic_score")
        self.write("dim_user_demographics", scored.select(
            col("id").alias("user_id"), "age_group", "generation", "gender", "country", "city", "email_provider_type",
            "account_tenure_category", "data_quality_score", self.run.day.alias("processing_date"), points,
            F.when(points >= 40, "Premium").when(points >= 25, "Standard").otherwise("Basic").alias("target_segment"),
            self.run.started_at.alias("dim_created_at"), self.run.started_at.alias("dim_updated_at"),
            F.lit(True).alias("is_current"),
        ), "user_id")

    def geography(self):
        located = self.users.select(
            *named("country", "city"), "gender", "email_domain", "email_provider_type", "age_years",
            "data_quality_score",
        )
        measures = [
            user_count(), domains(), F.avg("age_years").alias("avg_age"), quality(),
            count_where(col("gender") == "male", "male"), count_where(col("gender") == "female", "female"),
            count_where(is_business(), "business"),
        ]
        measured = [
            "user_count", "unique_email_domains", "avg_age", "avg_data_quality", "male", "female", "business",
        ]
        place = F.concat_ws(", ", "city", "country")
        by_country = located.groupBy("country").agg(*measures).select(
            F.lit("country").alias("analysis_type"), col("country").alias("geographic_level"), "country",
            F.lit(None).cast("string").alias("city"), *measured,
        )
        by_city = located.groupBy("country", "city").agg(*measures).select(
            F.lit("city").alias("analysis_type"), place.alias("geographic_level"), "country", "city",
            *measured,
        )
        rank = Window.partitionBy("analysis_type").orderBy(F.desc("user_count"), "country", "city")
        self.write("fact_geographic_analysis", by_country.unionByName(by_city).select(
            "analysis_type", "geographic_level", "country", "city", "user_count", "unique_email_domains", "avg_age",
            "avg_data_quality", percent("male", "user_count").alias("male_percentage"),
            percent("female", "user_count").alias("female_percentage"),
            percent("business", "user_count").alias("business_email_percentage"),
            self.run.day.alias("processing_date"),
            F.row_number().over(rank).cast("long").alias("user_count_rank"), self.run.started_at.alias("created_at"),
        ), "analysis_type", "geographic_level", "country", "city")

    def age_and_generation(self):
        keys = ["age_group", "generation", "gender"]
        counted = self.users.groupBy(*named(*keys)).agg(
            user_count(), quality(), F.avg("account_age_days").alias("avg_account_age_days"),
            countries("countries_represented"), domains(),
            count_where(col("email_provider_type") == "Personal", "personal_email_count"),
            count_where(is_business(), "business_email_count"),
            count_where(col("account_tenure_category") == "Veteran", "veteran_users"),
            count_where(col("account_tenure_category") == "New", "new_users"),
        ).withColumn("total_users_in_batch", total("user_count"))
        score = (
            F.when(col("avg_account_age_days") > 365, 20).otherwise(10)
            + F.when(2 * col("business_email_count") > col("user_count"), 15).otherwise(5)
            + F.when(col("avg_data_quality") > 80, 10).otherwise(5)
            + F.when(col("countries_represented") > 1, 5).otherwise(0)
        )
        tier = F.when(score >= 35, "High").when(score >= 20, "Medium").otherwise("Low")
        self.write("fact_age_generation_analysis", counted.select(
            *keys, "user_count", "avg_data_quality", "avg_account_age_days", "countries_represented",
            "unique_email_domains", "personal_email_count", "business_email_count", "veteran_users", "new_users",
            "total_users_in_batch", percent("user_count", "total_users_in_batch").alias("percentage_of_total"),
            percent("business_email_count", "user_count").alias("business_email_percentage"),
            percent("veteran_users", "user_count").alias("veteran_percentage"),
            score.cast("double").alias("engagement_score"), tier.alias("engagement_tier"), *self.stamps,
        ), *keys)

    def email(self):
        self.write("fact_email_provider_analysis", self.users.groupBy(*named("email_provider_type")).agg(
            F.count("*").alias("total_users"), F.countDistinct("email_domain").alias("unique_domains"),
            F.avg("age_years").alias("avg_age"), quality(), countries("countries_represented"),
        ).select("*", F.lit("provider_type").alias("analysis_level"), *self.stamps), "email_provider_type")
        keys = ["email_domain", "email_provider_type"]
        counted = self.users.groupBy(*named(*keys)).agg(
            user_count(), countries("countries_using"), F.avg("age_years").alias("avg_user_age"), quality(),
            count_where(col("gender") == "male", "male_users"), count_where(col("gender") == "female", "female_users"),
        ).withColumn("total_users_in_batch", total("user_count"))
        self.write("fact_email_domain_analysis", counted.select(
            "*", percent("user_count", "total_users_in_batch").alias("market_share_percentage"),
            (nearest("male_users", "female_users", 100) / 100).alias("gender_ratio_male_female"),
            F.lit("domain").alias("analysis_level"), *self.stamps,
        ), *keys)

    def quality(self):
        score = col("data_quality_score")
        between = lambda low, high: (score >= low) & (score < high)
        counted = self.users.agg(
            F.count("*").alias("total_records"), count_where(score >= 90, "excellent_quality"),
            count_where(between(80, 90), "good_quality"), count_where(between(70, 80), "fair_quality"),
            count_where(between(50, 70), "poor_quality"), count_where(score < 50, "very_poor_quality"),
            F.avg(score).alias("avg_quality_score"), F.min(score).alias("min_quality_score"),
            F.max(score).alias("max_quality_score"), count_where(col("email_valid"), "valid_emails"),
            count_where(col("phone_valid"), "valid_phones"), F.countDistinct("id").alias("unique_users"),
            count_where(F.size("quality_issues") > 0, "records_with_issues"),
        )
        metrics = counted.select(
            "*", percent("excellent_quality", "total_records").alias("excellent_quality_percentage"),
            percent("good_quality", "total_records").alias("good_quality_percentage"),
            percent("valid_emails", "total_records").alias("email_validity_percentage"),
            percent("valid_phones", "total_records").alias("phone_validity_percentage"),
            percent("(valid_emails + valid_phones)", "(2 * total_records)").alias("data_completeness_score"),
            *self.stamps,
        ).coalesce(1).persist()
        self.metrics = metrics
        self.write("fact_data_quality_metrics", metrics, "total_records")
        keys = ["age_group", "generation"]
        segments = self.users.groupBy(*named(*keys)).agg(
            F.count("*").alias("segment_total"), F.avg(score).alias("avg_segment_quality"),
            count_where(col("email_valid"), "valid_emails_in_segment"),
            count_where(col("phone_valid"), "valid_phones_in_segment"),
        )
        self.write("fact_quality_by_segment", segments.select(
            "*", percent("valid_emails_in_segment", "segment_total").alias("segment_email_validity_rate"),
            percent("valid_phones_in_segment", "segment_total").alias("segment_phone_validity_rate"), *self.stamps,
        ), *keys)

    def overview(self):
        counted = lambda key: self.users.groupBy(*named(key)).agg(user_count())
        top = lambda key: counted(key).orderBy(F.desc("user_count"), key).limit(10)
        metric = lambda frame, kind, name, value: frame.select(
            F.lit(kind).alias("metric_type"), name.alias("metric_name"), col(value).alias("metric_value")
        )
        totals = self.users.agg(
            F.count("*").alias("total_users"), F.countDistinct("username").alias("unique_usernames")
        ).coalesce(1).persist()
        genders = metric(
            counted("gender"), "gender_distribution", F.concat(F.lit("gender_"), col("gender")), "user_count"
        )
        most_used = metric(
            top("email_domain"), "email_domain_distribution", F.concat(F.lit("domain_"), col("email_domain")),
            "user_count",
        )
        general = [metric(totals, "general", F.lit(name), name) for name in ["total_users", "unique_usernames"]]
        metrics = genders.unionAll(most_used).unionAll(general[0]).unionAll(general[1])
        last = [self.run.started_at.alias("created_at"), self.run.day.alias("processing_date")]
        of_all = F.broadcast(totals.select("total_users"))
        self.write("user_analytics", metrics.crossJoin(of_all).select(
            "metric_type", "metric_name", "metric_value", percent("metric_value", "total_users").alias("percentage"),
            *last,
        ), "metric_type", "metric_name")
        places = [
            frame.select(F.lit(kind).alias("demographic_type"), col(kind).alias("demographic_value"), "user_count")
            for kind, frame in [("country", counted("country")), ("state", top("state"))]
        ]
        self.write("user_demographics", places[0].unionAll(places[1]).crossJoin(of_all).select(
            "demographic_type", "demographic_value", "user_count",
            percent("user_count", "total_users").alias("percentage"), *last,
        ), "demographic_type", "demographic_value")

    def registrations(self):
        """Months and quarters are counted from year 0 and weekdays from Monday, so that "the one before" is
        arithmetic."""
        on, born = col("registration_date"), col("birth_date")
        registered = self.users.where(on.isNotNull()).select(
            (F.year(on) * 12 + F.month(on) - 1).alias("monthly"),
            (F.year(on) * 4 + F.quarter(on) - 1).alias("quarterly"), F.weekday(on).alias("day_of_week"),
            "country", "gender", "data_quality_score",
            F.when(born <= on, F.floor((ymd(on) - ymd(born)) / 10000)).alias("age"),
        )
        def counted(kind):
            return registered.groupBy(col(kind).alias("period")).agg(
                F.count("*").alias("registrations"), countries("countries_represented"),
                F.avg("age").alias("avg_age_at_registration"), count_where(col("gender") == "male", "male"),
                count_where(col("gender") == "female", "female"), quality(),
            ).withColumn("period_type", F.lit(kind))

        kinds = [counted(kind) for kind in ["monthly", "quarterly", "day_of_week"]]
        periods = kinds[0].unionByName(kinds[1]).unionByName(kinds[2]).coalesce(1).persist()
        before = F.when(col("period_type") == "day_of_week", (col("period") + 6) % 7).otherwise(col("period") - 1)
        earlier = periods.select(
            "period_type", col("period").alias("before"), col("registrations").alias("previous_registrations")
        )
        year, month = F.expr("period div 12"), col("period") % 12 + 1
        time_period = (
            F.when(col("period_type") == "monthly", F.format_string("%04d-%02d", year, month.cast("long")))
            .when(
                col("period_type") == "quarterly",
                F.format_string("%04d-Q%d", F.expr("period div 4"), (col("period") % 4 + 1).cast("long")),
            )
            .otherwise(F.element_at(F.array(*[F.lit(day) for day in WEEKDAYS]), col("period") % 7 + 1))
        )
        trends = periods.withColumn("before", before).join(earlier, ["period_type", "before"], "left").withColumn(
            "previous_registrations", F.coalesce("previous_registrations", F.lit(0).cast("long"))
        ).select(
            "period_type", time_period.alias("time_period"), "registrations", "countries_represented",
            "avg_age_at_registration", percent("male", "registrations").alias("male_percentage"),
            percent("female", "registrations").alias("female_percentage"), "avg_data_quality",
            self.run.day.alias("processing_date"), "previous_registrations",
            percent("(registrations - previous_registrations)", "previous_registrations").alias("growth_rate"),
            self.run.started_at.alias("created_at"),
        ).coalesce(1).persist()
        self.write("fact_registration_trends", trends, "period_type", "time_period")
        months = trends.where(col("period_type") == "monthly")
        finished = col("time_period") < F.lit(self.run.as_of.strftime("%Y-%m"))
        self.write(
            "fact_registration_anomalies", judged(months, "registrations", finished), "period_type", "time_period"
        )

    def expansion(self):
        counted = self.users.groupBy(*named("country")).agg(
            user_count(), F.min("registration_date").alias("first_user_date"),
            F.max("registration_date").alias("latest_user_date"), F.countDistinct("city").alias("cities_represented"),
            F.avg("age_years").alias("avg_user_age"), quality(),
        ).withColumns({
            "days_since_first_user": F.datediff(self.run.day, "first_user_date").cast("long"),
            "total_users_global": total("user_count"),
        }).withColumn(
            "user_acquisition_rate",
            F.when(
                col("days_since_first_user").isNotNull(),
                nearest("user_count", "greatest(days_since_first_user, 1)", 10_000) / 10_000,
            ),
        )
        rank = lambda first: F.row_number().over(Window.orderBy(first, "country")).cast("long")
        ranked = counted.withColumns({
            "user_count_rank": rank(F.desc("user_count")),
            "expansion_rate_rank": rank(F.desc_nulls_last("user_acquisition_rate")),
        })
        at = col("expansion_rate_rank")
        category = F.when(at <= 5, "Top Tier").when(at <= 15, "Mid Tier").otherwise("Emerging")
        self.write("fact_geographic_expansion", ranked.select(
            "country", "user_count", "first_user_date", "latest_user_date", "cities_represented", "avg_user_age",
            "avg_data_quality", "days_since_first_user", "user_acquisition_rate", "total_users_global",
            percent("user_count", "total_users_global").alias("market_share_percentage"), "user_count_rank",
            "expansion_rate_rank", category.alias("expansion_category"), *self.stamps,
        ), "country")

    def age_trends(self):
        group = ["age_group", "generation"]
        counted = self.users.where(col("registration_date").isNotNull()).groupBy(
            *named(*group), F.year("registration_date").cast("long").alias("registration_year")
        ).agg(F.count("*").alias("total_users_in_group"), quality(), countries("total_countries"))
        of_year = Window.partitionBy("registration_year")
        shared = counted.withColumn(
            "total_users_in_year", F.sum("total_users_in_group").over(of_year)
        ).withColumn("share", nearest("total_users_in_group", "total_users_in_year", 10_000))
        year_before = Window.partitionBy(*group).orderBy("registration_year").rangeBetween(-1, -1)
        compared = shared.withColumn("before", F.max("share").over(year_before))
        share, before = col("share"), col("before")
        trend = F.when(before.isNull(), "New").when(share > before, "Growing").when(share < before, "Declining")
        self.write("fact_age_demographic_trends", compared.select(
            *group, "registration_year", "total_users_in_group", "avg_data_quality", "total_countries",
            "total_users_in_year", (share / 100).alias("percentage_of_year"),
            (before / 100).alias("previous_year_percentage"), trend.otherwise("Stable").alias("trend_direction"),
            (F.abs(share - before) / 100).alias("trend_magnitude"), *self.stamps,
        ), *group, "registration_year")

    def quality_series(self):
        day = Window.orderBy("processing_date")
        change = col("quality_change")
        series = self.metrics.where(col("total_records") > 0).withColumn(
            "previous_avg_quality", F.lag("avg_quality_score").over(day)
        ).withColumn("quality_change", col("avg_quality_score") - col("previous_avg_quality")).select(
            col("processing_date").alias("quality_date"), "total_records", "avg_quality_score",
            *[col(f"{name}_quality").alias(f"{name}_quality_count") for name in ["excellent", "good", "fair"]],
            (col("poor_quality") + col("very_poor_quality")).alias("poor_quality_count"), "valid_emails",
            "valid_phones", "excellent_quality_percentage", "good_quality_percentage", "email_validity_percentage",
            "phone_validity_percentage", "previous_avg_quality",
            F.when(change.isNull(), "Baseline").when(change > 1, "Improving").when(change < -1, "Declining")
            .otherwise("Stable").alias("quality_trend"),
            change, *self.stamps,
        )
        self.write("fact_data_quality_trends", series, "quality_date")
        self.write("fact_quality_anomalies", judged(series, "avg_quality_score", F.lit(True)), "quality_date")


def judged(rows, measure, counts):
    """`rows` with the five columns of an anomaly, judged among those of them that `counts`."""
    among = rows.where(counts).select(measure)
    centre = among.agg(
        F.count("*").alias("points"), F.avg(measure).alias("mean"), F.stddev_samp(measure).alias("deviation"),
        F.median(measure).alias("middle"), (F.min(measure) == F.max(measure)).alias("flat"),
    ).where((col("points") >= 3) & ~col("flat"))
    mad = among.crossJoin(F.broadcast(centre)).agg(F.median(F.abs(col(measure) - col("middle"))).alias("mad"))
    spread = F.broadcast(centre.crossJoin(mad))
    z = col("z_score")
    return rows.join(spread, F.lit(True), "left").withColumns({
        "z_score": F.when(counts, F.abs(col(measure) - col("mean")) / col("deviation")),
        "robust_z": F.when(
            counts & (col("mad") > 0), 0.6745 * F.abs(col(measure) - col("middle")) / col("mad")
        ),
    }).select(
        *rows.columns, z, F.coalesce(z > 2, F.lit(False)).alias("is_anomaly"),
        F.when(z > 2, F.when(col(measure) > col("mean"), "High Anomaly").otherwise("Low Anomaly"))
        .otherwise("Normal").alias("anomaly_type"),
        F.when(z > 3, "Critical").when(z > 2, "High").when(z > 1.5, "Medium").otherwise("Low")
        .alias("anomaly_severity"),
        "robust_z",
    )
