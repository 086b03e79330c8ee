//! The published plans themselves: what is counted of any split of the users, merged in any order, gives the tables of the
//! whole.

use std::sync::Arc;

use arrow_array::DictionaryArray;
use arrow_array::builder::{ListBuilder, StringBuilder};
use arrow_array::types::Int32Type;
use arrow_array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, ListArray, RecordBatch, StringArray,
};
use chrono::NaiveDate;
use millrace_events::instant::Micros;
use millrace_tables::aggregate::{Partial, PartialError};
use millrace_tables::job_plan::{Facts, JobPlan};
use millrace_tables::{QualityDay, RunContext, analytics, curated, time_series};
use proptest::prelude::*;

fn plans() -> [JobPlan; 3] {
    [curated::plan(), analytics::plan(), time_series::plan()].map(|plan| plan.expect("a plan"))
}

/// A user as the jobs read one.
#[derive(Debug, Clone)]
struct User {
    texts: Vec<Option<String>>,
    id: Option<String>,
    username: Option<String>,
    birth: Option<i32>,
    registered: Option<i32>,
    age: Option<i32>,
    account_age: Option<i32>,
    email_valid: bool,
    phone_valid: bool,
}

const TEXTS: [(&str, &[&str]); 9] = [
    ("country", &["unknown", "DE", "FR", "Ö", "de"]),
    ("city", &["A", "B", "unknown", "A, B"]),
    ("state", &["s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "s12"]),
    ("age_group", &["18-24", "25-34", "unknown"]),
    ("generation", &["Gen X", "Millennial", "unknown"]),
    ("gender", &["male", "female", "unknown"]),
    ("email_provider_type", &["Personal", "Business", "unknown"]),
    ("email_domain", &["a.b", "gmail.com", "unknown", "c.d", "e.f"]),
    ("account_tenure_category", &["New", "Regular", "Veteran", "unknown"]),
];

fn any_user() -> impl Strategy<Value = User> {
    let texts: Vec<_> = TEXTS
        .iter()
        .map(|(_, values)| prop::option::of(prop::sample::select(*values).prop_map(str::to_owned)))
        .collect();
    let day = || prop::option::of(-30_000..40_000_i32);
    (
        texts,
        prop::option::of("[a-z]{1,3}"),
        prop::option::of("[ab]{1,2}"),
        day(),
        day(),
        day(),
        any::<(bool, bool)>(),
    )
        .prop_map(|(texts, id, username, birth, registered, account_age, (email_valid, phone_valid))| {
            User {
                texts,
                id,
                username,
                birth,
                registered,
                age: birth.map(|birth| birth.rem_euclid(90)),
                account_age,
                email_valid,
                phone_valid,
            }
        })
}

/// A user of whom nothing is known.
fn nobody() -> User {
    User {
        texts: vec![None; TEXTS.len()],
        id: None,
        username: None,
        birth: None,
        registered: None,
        age: None,
        account_age: None,
        email_valid: false,
        phone_valid: false,
    }
}

fn batch(users: &[User]) -> RecordBatch {
    let mut columns: Vec<(&str, ArrayRef)> = Vec::new();
    for (at, (name, _)) in TEXTS.iter().enumerate() {
        let values: DictionaryArray<Int32Type> = users.iter().map(|user| user.texts[at].as_deref()).collect();
        columns.push((name, Arc::new(values)));
    }
    let ints = |of: fn(&User) -> Option<i32>| users.iter().map(of).collect::<Vec<_>>();
    let texts = |of: fn(&User) -> Option<&str>| Arc::new(users.iter().map(of).collect::<StringArray>());
    let lost = |user: &User| {
        let found = [(user.id.is_none(), 20), (!user.email_valid, 15), (!user.phone_valid, 10)];
        found.iter().filter(|(is, _)| *is).map(|(_, points)| *points).collect::<Vec<i32>>()
    };
    let scores = users.iter().map(|user| Some(f64::from(100 - lost(user).iter().sum::<i32>())));
    columns.extend([
        ("id", texts(|user| user.id.as_deref()) as ArrayRef),
        ("username", texts(|user| user.username.as_deref())),
        ("age_years", Arc::new(Int32Array::from(ints(|user| user.age)))),
        ("account_age_days", Arc::new(Int32Array::from(ints(|user| user.account_age)))),
        ("birth_date", Arc::new(Date32Array::from(ints(|user| user.birth)))),
        ("registration_date", Arc::new(Date32Array::from(ints(|user| user.registered)))),
        ("data_quality_score", Arc::new(scores.collect::<Float64Array>())),
        ("email_valid", Arc::new(users.iter().map(|user| Some(user.email_valid)).collect::<BooleanArray>())),
        ("phone_valid", Arc::new(users.iter().map(|user| Some(user.phone_valid)).collect::<BooleanArray>())),
        ("quality_issues", Arc::new(issues(users.iter().map(|user| lost(user).len())))),
    ]);
    RecordBatch::try_from_iter(columns).expect("columns of one length")
}

fn issues(counts: impl Iterator<Item = usize>) -> ListArray {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for count in counts {
        (0..count).for_each(|_| lists.values().append_value("an issue"));
        lists.append(true);
    }
    lists.finish()
}

fn counted(plan: &JobPlan, users: &[User]) -> Partial {
    let mut partial = Partial::new(plan.aggregates());
    partial.add(&batch(users));
    partial
}

fn tables(plan: &JobPlan, users: &Partial) -> Vec<RecordBatch> {
    let run =
        RunContext { as_of: NaiveDate::from_ymd_opt(2024, 2, 29).expect("a date"), started_at: Micros(7) };
    let quality_days = [QualityDay {
        day: 19_000,
        total_records: 3,
        avg_quality_score: 90.0,
        excellent: 1,
        good: 1,
        fair: 1,
        poor: 0,
        valid_emails: 2,
        valid_phones: 3,
    }];
    let facts = Facts { users, quality_days: &quality_days, run: &run };
    plan.tables().iter().map(|table| table.batch(&facts).expect("a table")).collect()
}

proptest! {
    // Each case makes all tables twice.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn merged_partials_of_any_split_are_the_whole(
        users in prop::collection::vec((any_user(), 0..5_usize), 0..60), first in 0..5_usize
    ) {
        for plan in &plans() {
            let everyone: Vec<User> = users.iter().map(|(user, _)| user.clone()).collect();
            let part = |part: usize| {
                let members: Vec<User> =
                    users.iter().filter(|(_, its)| *its == part).map(|(user, _)| user.clone()).collect();
                counted(plan, &members)
            };
            // From any part on, round to the one before it; nothing merged with something too. Some come as bytes.
            let mut merged = Partial::new(plan.aggregates());
            for offset in 0..5 {
                let part = part((first + offset) % 5);
                let bytes = part.to_bytes();
                let read = Partial::from_bytes(plan.aggregates(), &bytes).expect("counts");
                prop_assert_eq!(&read.to_bytes(), &bytes);
                merged.merge(if offset % 2 == 0 { read } else { part });
            }
            prop_assert_eq!(tables(plan, &merged), tables(plan, &counted(plan, &everyone)));
        }
    }
}

/// Some of the bytes replaced, and the hash at their end made to fit again.
fn spoilt(mut bytes: Vec<u8>, at: &[(usize, u8)]) -> Vec<u8> {
    let body = bytes.len() - 8;
    for (place, value) in at {
        bytes[place % body] = *value;
    }
    let hash = xxhash_rust::xxh3::xxh3_64(&bytes[..body]);
    bytes[body..].copy_from_slice(&hash.to_le_bytes());
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn bytes_that_are_cut_or_changed_are_refused(
        users in prop::collection::vec(any_user(), 0..8), cut in any::<prop::sample::Index>(), flip in any::<prop::sample::Index>()
    ) {
        for plan in &plans() {
            let bytes = counted(plan, &users).to_bytes();
            prop_assert!(Partial::from_bytes(plan.aggregates(), &bytes[..cut.index(bytes.len())]).is_err());
            let mut changed = bytes.clone();
            changed[flip.index(bytes.len())] ^= 1;
            prop_assert!(Partial::from_bytes(plan.aggregates(), &changed).is_err());
        }
    }

    #[test]
    fn bytes_that_somebody_made_up_are_refused_or_make_tables(
        users in prop::collection::vec(any_user(), 0..8), at in prop::collection::vec((any::<usize>(), any::<u8>()), 1..4)
    ) {
        for plan in &plans() {
            let honest = counted(plan, &users);
            let bytes = spoilt(honest.to_bytes(), &at);
            if let Ok(mut partial) = Partial::from_bytes(plan.aggregates(), &bytes) {
                partial.merge(honest);
                tables(plan, &partial);
            }
        }
    }
}

#[test]
fn counts_of_another_job_or_version_are_told_apart() {
    let [_, analytics, time_series] = plans();
    let bytes = counted(&analytics, &[]).to_bytes();
    let read = |bytes: &[u8]| Partial::from_bytes(analytics.aggregates(), bytes).map(drop);
    assert_eq!(read(&bytes), Ok(()));
    assert_eq!(read(b""), Err(PartialError::NotCounts));
    assert_eq!(read(b"PAR1"), Err(PartialError::NotCounts));
    assert_eq!(read(&spoilt(bytes.clone(), &[(4, 9)])), Err(PartialError::Version { found: 9 }));
    let other = Partial::from_bytes(time_series.aggregates(), &bytes).map(drop);
    assert_eq!(other, Err(PartialError::OtherAggregates));
}

#[test]
fn usernames_may_be_told_apart_elsewhere() {
    let plan = analytics::plan().expect("a plan");
    let mut users = Vec::new();
    for name in ["a", "b", "a"] {
        let mut user = nobody();
        user.username = Some(name.to_owned());
        users.push(user);
    }
    let whole = counted(&plan, &users);
    let mut without = Partial::new(plan.aggregates());
    let mut batch = batch(&users);
    batch.remove_column(batch.schema().index_of("username").expect("a column"));
    without.add(&batch);
    let mut merged = Partial::from_bytes(plan.aggregates(), &without.to_bytes()).expect("counts");
    merged.add_distinct_usernames(2);
    let merged = Partial::from_bytes(plan.aggregates(), &merged.to_bytes()).expect("counts");
    assert_eq!(tables(&plan, &merged), tables(&plan, &whole));
}

#[test]
fn tables_of_nobody_have_their_columns_and_only_the_rows_that_count() {
    for plan in &plans() {
        let nobody = Partial::new(plan.aggregates());
        for (table, batch) in plan.tables().iter().zip(tables(plan, &nobody)) {
            let rows = match table.spec.name {
                "data_quality_summary"
                | "fact_data_quality_metrics"
                | "fact_data_quality_trends"
                | "fact_quality_anomalies" => 1,
                "user_analytics" => 2,
                _ => 0,
            };
            assert_eq!(batch.num_rows(), rows, "{}", table.spec.name);
            assert_eq!(batch.schema(), table.spec.arrow_schema());
        }
    }
}
