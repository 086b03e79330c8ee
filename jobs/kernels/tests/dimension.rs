//! Who is new in dim_user_demographics, or has changed.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int32Type};
use arrow_array::{ArrayRef, DictionaryArray, Float64Array, RecordBatch, StringArray, StringViewArray};
use millrace_events::instant::Micros;
use millrace_kernels::dimension::{LatestVersions, TEXTS, changed, file_schema, plain};
use millrace_tables::RunContext;
use millrace_tables::analytics::DIM_USER_DEMOGRAPHICS;

fn run() -> RunContext {
    RunContext { as_of: "2024-03-01".parse().expect("a date"), started_at: Micros(7) }
}

/// Users of a country each, all else alike.
fn users(rows: &[(Option<&str>, Option<&str>)], layout: fn(Vec<Option<&str>>) -> ArrayRef) -> RecordBatch {
    let ids: ArrayRef = Arc::new(rows.iter().map(|(id, _)| *id).collect::<StringArray>());
    let texts = TEXTS.map(|name| {
        let value = match name {
            "age_group" => Some("25-34"),
            "email_provider_type" => Some("Business"),
            _ => None,
        };
        let values = rows.iter().map(|(_, country)| if name == "country" { *country } else { value });
        (name, layout(values.collect()))
    });
    let scores: ArrayRef = Arc::new(Float64Array::from(vec![100.0; rows.len()]));
    let columns = std::iter::once(("id", ids)).chain(texts).chain([("data_quality_score", scores)]);
    RecordBatch::try_from_iter(columns).expect("users")
}

fn dictionary(texts: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(texts.into_iter().collect::<DictionaryArray<Int32Type>>())
}

fn views(texts: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(texts.into_iter().collect::<StringViewArray>())
}

fn strings(texts: Vec<Option<&str>>) -> ArrayRef {
    Arc::new(texts.into_iter().collect::<StringArray>())
}

fn ids(versions: &RecordBatch) -> Vec<String> {
    versions.column(0).as_string::<i32>().iter().map(|id| id.unwrap_or("none").to_owned()).collect()
}

#[test]
fn the_new_and_the_changed_get_a_version_and_nobody_else() {
    let first = users(
        &[(None, Some("DE")), (Some("a"), Some("DE")), (Some("b"), None), (Some("c"), Some("FR"))],
        dictionary,
    );
    let mut latest = LatestVersions::default();
    assert!(latest.is_empty());
    let versions = changed(&first, &latest, &run()).expect("versions");
    assert_eq!(versions.schema(), file_schema());
    assert_eq!(ids(&versions), ["a", "b", "c"]);
    latest.add(&versions, |_| true).expect("added");
    assert!(changed(&first, &latest, &run()).expect("versions").num_rows() == 0);

    let second = users(
        &[(Some("a"), Some("DE")), (Some("b"), Some("DE")), (Some("c"), None), (Some("d"), None)],
        dictionary,
    );
    let versions = changed(&second, &latest, &run()).expect("versions");
    assert_eq!(ids(&versions), ["b", "c", "d"]);
    // What is added later holds, of those who are of interest.
    latest.add(&versions, |id| id != "c").expect("added");
    assert_eq!(ids(&changed(&second, &latest, &run()).expect("versions")), ["c"]);
}

#[test]
fn texts_may_be_laid_out_as_an_engine_has_them() {
    let rows = [(Some("a"), Some("DE")), (Some("b"), None)];
    let expected = changed(&users(&rows, dictionary), &LatestVersions::default(), &run()).expect("versions");
    let expected = plain(&expected).expect("plain texts");
    assert_eq!(expected.schema(), DIM_USER_DEMOGRAPHICS.arrow_schema());
    for layout in [views, strings] {
        let found = changed(&users(&rows, layout), &LatestVersions::default(), &run()).expect("versions");
        assert_eq!(plain(&found).expect("plain texts"), expected);
        // Versions that were plain are those that were not.
        let mut latest = LatestVersions::default();
        latest.add(&expected, |_| true).expect("added");
        assert_eq!(changed(&users(&rows, layout), &latest, &run()).expect("versions").num_rows(), 0);
    }
    let scores = expected.column_by_name("demographic_score").expect("scores").as_primitive::<Float64Type>();
    assert_eq!(scores.values().to_vec(), [40.0, 40.0]);
}

#[test]
fn a_column_of_another_type_is_refused_and_a_missing_one_is_null() {
    let whole = users(&[(Some("a"), Some("DE"))], dictionary);
    let mut less = whole.clone();
    less.remove_column(whole.schema().index_of("city").expect("a column"));
    let latest = LatestVersions::default();
    assert_eq!(
        changed(&less, &latest, &run()).expect("versions"),
        changed(&whole, &latest, &run()).expect("versions")
    );
    let scores: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    let wrong =
        RecordBatch::try_from_iter([("id", strings(vec![Some("a")])), ("city", scores)]).expect("users");
    let error = changed(&wrong, &latest, &run()).expect_err("a wrong type").to_string();
    assert!(error.contains("city"), "{error}");
}
