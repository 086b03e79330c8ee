"""The values of the users that nasty_answers.py makes, by the rules they are aimed at."""


class Json(str):
    """A token that is written as it stands: a number or a text spelled in its own way."""


def numbers(text):
    return list(map(Json, text.split()))


# A field of this value is left out.
ABSENT = object()

ORDINARY = {
    "gender": "male",
    "name": {"title": "Mr", "first": "Ann", "last": "Lee"},
    "location": {
        "street": {"number": 12, "name": "High St"}, "city": "York", "state": "Yorks", "country": "UK",
        "postcode": "0123", "coordinates": {"latitude": "1.5", "longitude": "-2.5"},
        "timezone": {"offset": "+1:00", "description": "Paris"},
    },
    "email": "ann.lee@example.com",
    "login": {
        "uuid": "X", "username": "annlee", "password": "SECRETpw", "salt": "SECRETsalt", "md5": "SECRETmd5",
        "sha1": "SECRETsha1", "sha256": "SECRETsha256",
    },
    "dob": {"date": "1990-05-05T10:00:00.000Z", "age": 34},
    "registered": {"date": "2015-01-01T00:00:00.000Z", "age": 9},
    "phone": "12345678",
    "cell": "22",
    "id": {"name": "SSN", "value": "1"},
    "picture": {"large": "http://l", "medium": "m", "thumbnail": "t"},
    "nat": "GB",
}
# Dotted paths in it.
PARTS = """
    name location location.street location.coordinates location.timezone login dob registered id picture""".split()
FIELDS = """
    gender name.title name.first name.last location.street.number location.street.name location.city location.state
    location.country location.postcode location.coordinates.latitude location.coordinates.longitude
    location.timezone.offset location.timezone.description email login.uuid login.username dob.date registered.date
    phone cell id.name id.value picture.large nat""".split()

# Shapes.

SHAPES_OF_PARTS = [None, ABSENT, "text", "", [], [1], 5, True, False, {}, Json('"  "'), *numbers("1.5")]
SHAPES_OF_FIELDS = [
    None, ABSENT, "", Json('" \\u00a0\\u2028\\u3000\\u1680\\t"'), [], ["a"], {}, {"a": 1}, True, False,
    Json('" \\u3000padded\\u00a0\\u2028inner  x\\u1680y "'),
    Json('"caf\\u00e9 \\ud83d\\ude00 \\/ \\"q\\" \\\\ \\n \\u0000 z"'), Json('"\\u200bzw\\ufeff\\u180e"'),
    Json('"\\u001cfs\\u001d"'),
] + numbers("""
    7 1e3 -0 1.50 123456789012345678901234567890 1E+2 -0.0 0.1e-7 1e999 -1e999 18446744073709551616""")
UNKNOWN_MEMBERS = [
    ('"age":34', '"age":[34]'), ('"medium":"m"', '"medium":5'), ('"age":34', '"age":34,"age":35'),
    ('"salt":"SECRETsalt"', '"salt":null'), ('"nat":"GB"', '"nat":"GB","zz":1,"zz":2'),
    ('"nat":"GB"', '"nat":"GB","big":1e99999'), ('"medium":"m"', '"medium":"m","medium":"m"'),
    ('"thumbnail":"t"', '"thumbnail":{"a":1,"a":[2]}'), ('"nat":"GB"', '"nat":"GB","zz":{"email":1,"email":2}'),
    ('"password":"SECRETpw"', '"password":{"SECRETx":[1]}'),
    ('"nat":"GB"', '"nat":"GB","Nat":"XX","NAT":5,"nat ":[],"":1'),
    ('"title":"Mr"', '"title":"Mr","middle":{"x":[1,2,{"y":null}]}'),
    ('"nat":"GB"', '"nat":"GB","big":123456789012345678901234567890.5e-400'),
    ('"nat":"GB"', '"nat":"GB","id.name":"XX","user_id":"hh","first_name":{}'),
]

# Identity.

SAME_BUT_FOR_BLANKS = ["same", "same", " same", "same ", "same\u00a0", "\u3000same", "SAME", "same"]
# The last blocks of murmur2 have 0 to 3 bytes.
IDS = ["", "x", "xy", "xyz", "wxyz", "é", "日本語", "\U0001F600", "a" * 1000, "\x00", "a\nb", "-0"]

# Coordinates.

COORDINATE_TEXTS = """
    NaN nan inf -inf Infinity +Infinity 1e999 -1e999 1e-999 1_0 +5 -5 5. .5 -.5 . - + e5 1e5 1E5 1e+5 1e
    0x10 1,5 １２ ٣ -0 0 -0.0 90.0000001 181 1e308 1.8e308 1.7976931348623157e308 4.9e-324 2e-324
    179.99999999999999999999999999 0.1 0.30000000000000004 1d5 1f 1.5f --5 +-5 5- ½ 1e5.5 infinity INF NAN
    true null 12° 12.5N 00012 9007199254740993 1_000 ١ −5""".split() + [
    "", "12 5", " 12.5 ", "\u00a012.5\u3000", "\u200b12.5", "\t7\n", "1" * 400, "0." + "0" * 400 + "1",
]
COORDINATE_NUMBERS = numbers("""
    1 -0 -0.0 0.1 1e2 1E-2 1e308 1e309 -1e309 123456789012345678901234567890 4.9e-324 1e-400
    9007199254740993 0.1234567890123456789 181 12.50""")

# Dates.

DAYS = """
    1990-05-05 1990-5-5 1990-02-30 2023-02-29 2024-02-29 1900-02-29 2000-02-29 0000-01-01 0000-02-29
    9999-12-31 10000-01-01 -001-01-01 +2024-01-01 1990-13-01 1990-00-01 1990-01-00 1990-04-31 19900505
    1990/05/05 1990-05 1990 05-05-1990 1990-05-05T １９９０-05-05 1969-12-31 1970-01-01 1582-10-10 1990-125
    1990-W18-6""".split() + ["1990-05-05 ", " 1990-05-05", "1990-05-05\n"]
# Of 1990-05-05.
TIMES = """
    T10:11:12Z t10:11:12z _10:11:12Z T10:11:12 T10:11Z T10Z T10:11:12.Z T10:11:12.1Z T10:11:12.12Z
    T10:11:12.123456Z T10:11:12.1234567Z T10:11:12.123456789Z T10:11:12.1234567899Z
    T10:11:12.999999999999999999999Z T10:11:12,5Z T10:11:12+00:00 T10:11:12-00:00 T23:11:12-05:30 T10:11:60Z
    T10:11:61Z T24:00:00Z T24:00:01Z T23:60:00Z T25:00:00Z T00:00:00Z T23:59:59.9999999Z T1:11:12Z T10:1:12Z
    T10:11:2Z T10:11:12.123é T10:11:12z T10:11:-1Z T10:11:12.-5Z T10:11:12.٣Z""".split() + [
    " 10:11:12Z", "  10:11:12Z", "T 1:11:12Z",
]
# Of 1990-05-05T00:11:12.
OFFSETS = "+05:30 +0530 +05 +5:30 +23:59 -23:59 +24:00 -24:00 +24:01 +99:00 +05:60 UTC ZZ".split() + [
    "\u221205:30", " +05:30", "+05: 30", "+05 :30", " Z", "Z ",
]
INSTANTS = """
    2016-12-31T23:59:60Z 2016-12-31T23:59:60.5Z 2016-12-31T23:59:60.999999999Z 2017-01-01T00:59:60+01:00
    1969-12-31T23:59:59.9999999Z 1969-12-31T23:59:59.0000001Z 1969-12-31T23:59:59.5Z
    1900-01-01T00:00:00.123456789Z 0000-01-01T00:00:00Z 0000-01-01T00:00:00+01:00
    0000-01-01T00:00:00.5+23:59 9999-12-31T23:59:59Z 9999-12-31T23:59:59.999999999-23:59
    0001-01-01T00:00:00Z 10000-01-01T00:00:00Z +2020-01-01T00:00:00Z -0001-01-01T00:00:00Z
    2023-02-29T00:00:00Z 2024-02-29T12:00:00Z 2024-02-30T00:00:00Z 1990-5-05T10:11:12Z 641900000 now null""".split() + [
    " 1990-05-05T00:11:12Z", "1990-05- 5T10:11:12Z", "Sat, 05 May 1990 10:11:12 GMT",
]
LOGICAL_DAYS = "2024-02-29 2026-11-28 2023-02-28 2025-03-01 1990-06-15 2024-12-31".split()
GENERATION_YEARS = [
    1900, 1904, 1945, 1946, 1964, 1965, 1980, 1981, 1996, 1997, 2000, 2004, 2012, 2013, 2020, 2024, 2028, 2096,
]

# Texts.

LONGEST_LABEL, TOO_LONG_LABEL = "a" * 63, "a" * 64
EMAILS = """
    a@b.c a@b @b.c a@ @ a a@b. a@.b a@b..c a@@b.c a@b@c.d o'brien@example.com !#$%&'*+/=?^_`{|}~-.@x.y
    a..b@x.y .a@x.y a.@x.y a(b@x.y a,b@x.y a:b@x.y a;b@x.y a<b@x.y a[b@x.y é@x.y a@é.y a@x.é a@-x.y a@x-.y
    a@x-y.z a@x.-y a@x.y- a@1.2 a@x_y.z a@[1.2.3.4] a@x.y. mailto:a@x.y A@X.Y a@x.y,b@z.w
    a@xn--e1afmkfd.xn--p1ai a@x.K ａ@x.y a@x。y @@ a@b@ a@@ a.b@c@ a@B@C.ß İ@İ.İ a@ΑΣ.ΟΔΟΣ a@ǅ.com %@%.%
    a+b@gmail.com""".split() + [
    "a b@c.d", "a@c d.e", "a @c.d", "a@ c.d", "a@c .d", '"a"@x.y', "a\\b@x.y", "a@x.y\n", "\na@x.y", "a@x.y\nb",
    f"a@{LONGEST_LABEL}.c", f"a@{TOO_LONG_LABEL}.c", f"a@b.{LONGEST_LABEL}", f"a@b.{TOO_LONG_LABEL}",
    "a@" + "a" * 61 + "-b.c", "a@" + "a" * 62 + "-.c", "a" * 300 + "@x.y", "a@" + ".".join(["ab"] * 200), "a@b.c ",
    " a@b.c", "\u00a0a@b.c\u3000", "\u200ba@b.c", "a\u00a0@b.c", "a@\u3000", "a@x\u3000", "x@ \u00a0y.com", "\t@b.c",
    "a\x00@b.c", "a@b.c\x00", "a@b.c\x1c", "a@b.c\x85",
]
DOMAINS = """
    gmail.com GMAIL.com Yahoo.COM hotmail.com outlook.com mail.gmail.com gmail.com. gmail.co gmail.co.uk
    googlemail.com x.edu edu X.EDU edu.au x.edu.au x.ac.uk ac.uk AC.UK x.ac.xyz x.edu.xyz x.gov gov gov.uk
    x.gov.uk x.gov.xyz x.ac ac x.mil x.edu. x.ac.uk. x.gov. x.edu.1a x.edu.é1 x.edu.éé x.ac.u x.ac.u1
    x.ac.ukk x.gov.a x.gov.ab x.gov.AB edu.x.com gov.com gov.edu edu.gov ac.gov gov.ac x.gov.ac x.edu.ac
    x.ac.edu xedu xgov x.xac.uk x.xedu.au x..edu .edu .ac.uk ..uk uk x.ac.uk.com x.nhs.uk x.gob.mx x.gouv.fr
    ＧＭＡＩＬ.com x.ac.ﬀ x@gmail.com gov.u- x.edu.-- x.edu.12""".split() + [
    "x.edu uk", "x.\u212aedu", "x.ac.u\u212a", "x.ac.\u212a\u212a", "x.ED\u1e9e", "gmail.com\u00a0", " gmail.com",
]
PHONES = """
    123456 1234567 123456789 1234567890 12345678901 123456789012345 1234567890123456 555.123.4567
    1-555-123-4567 ٠١٢٣٤٥٦٧٨٩ １２３４５６７８９０ 555123456٧ 5551234567٧ 123456٧ x ½¼²³1234567 000-000-0000 +""".split() + [
    "(555) 123-4567", "+1 555 123 4567", "call 555 123 4567 now", "", "5551234567 ext 1", "55512\n34567",
    "\u30005551234567\u00a0", "5 5 5 1 2 3 4 5 6 7", "5551234567\u0000",
]
PHONE_NUMBERS = numbers("""
    5551234567 5551234567.0 5.551234567 1e3 1e10 -5551234567 1234567 0 5551234567e0 12345678901234567""")
COUNTRY_CODES = [" US ", "us", "Us", "USA", "CA\u3000", "ca", "DK", "", None, "\u00a0", "U S", "MX", *numbers("5")]
NAMES = """
    ß ßan ŉa ǆoo ǅoo ǳx ﬁx ﬀ ΐx ı i İ ς ÿ ǰ ᾳx ᾼ և µ ſ mcDonald McDonald o'brien O'BRIEN hans-martin 1st
    (bob) émile éric ŀ 𐐨x ꭰ ა ⓐ ⅳ a -a""".split() + [
    "\u0345x", "a\u0301b", "\u0301b", "jean  paul", "  jean   paul ", "jean\u00a0paul", "jean\u2028paul\u1680x",
    "jean\tpaul\nx", "\u200bjean", "'t hooft", "van der berg", "日本 太郎", "", "a\u001cb", "a\u0085b", "a\u180eb",
    "A B  C   d", "x\u202fy", "x\u205fy", "x\u2000y\u200az", "x\u200by", "x\ufeffy", "x\u2060y", "x\u0000 y",
    " \u0000 ",
]
GENDERS = [
    "male", "female", "Male", "FEMALE", " male ", "\u3000Female\u00a0", "m", "f", "other", "fe male", "male.", "ｍale",
    "MALE\n", "", "unknown", "ﬀemale", "\u200bmale", "female\x00", "FEMALE\x1c", "fema\u017fe", "maLe", *numbers("1"),
]
USERNAMES = [" ", " u ", "a  b", "\u3000", None, ABSENT, "\u200b", "x\u00a0", *numbers("5 -0")]
STREET_NUMBERS = [None, ABSENT, "", 12, "12a", " 12  a ", "\u3000", "1\u00a02", *numbers("1.50 0 -0")]
STREET_NAMES = [None, ABSENT, "", "Main", "  Main   St ", "\u00a0", "Rua São José ", "a\u2028b", *numbers("5")]
POSTCODES = ["0012", "  1  2 ", "K1A 0B1", "\u3000 9", *numbers("0.10 12345")]

# Dead letters.

REJECTED = [
    '{"login":{"uuid":"d1","uuid":"d2","password":"SECRETpw","password":"SECRETpw2"}}',
    '{"login":{"uuid":"d3","password":"SECRETpw"},"login":{"uuid":"d4","password":"SECRETpw2"}}',
    '{"login":{"uuid":"d5","pass\\u0077ord":"SECRETpw","md\\u0035":"SECRETmd"},"email":[]}',
    '{"login":{"password":"SECRETpw","sha256":"SECRETx"}}',
    '{"email":5,"email":5,"login":{"password":"SECRETpw"}}',
    '{"login":{"login":{"password":"SECRETnested"}},"nat":[]}',
    '{"nat":true,"login":{"uuid":"d6","username":"u","salt":"SECRETsalt"},"big":1e999,"z":1.50,'
    '"y":"\\u00e9\\ud83d\\ude00"}',
    '{"login":{"uuid":null,"uuid":" ","uuid":7.50,"uuid":"d7"}}',
    '{"login":5,"login":{"uuid":"d8"},"login":{"uuid":"d9"}}',
    '{"password":"SECRETtop","nat":[{"Salt":"SECRETlist","kept":[[{"MD5":{"sha1":1},"x":1.0}]]}],"SHA256":null}',
    '{"email":[],"pa\\u017f\\u017fword":"kept","passwords":"kept","x":{"password ":"kept"}}',
]
