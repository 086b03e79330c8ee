//! users_transformed of a few rows, and of rows that are none.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{
    Array, ArrayRef, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use millrace_events::instant::Micros;
use millrace_events::raw_schema;
use millrace_kernels::KernelError;
use millrace_kernels::users_transformed::{RAW_COLUMNS, transform};
use millrace_tables::RunContext;
use millrace_tables::curated::USERS_TRANSFORMED;

fn run() -> RunContext {
    RunContext { as_of: "2024-03-01".parse().expect("a date"), started_at: Micros(7) }
}

fn texts(texts: [Option<&str>; 2]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn raw() -> RecordBatch {
    let columns: [(&str, ArrayRef); 10] = [
        ("user_id", texts([Some(" a "), Some("\u{3000}")])),
        ("first_name", texts([Some(" lærke  de "), None])),
        ("last_name", texts([Some("mcDonald"), None])),
        ("email", texts([Some(" Lærke@Example.AC.uk "), Some("o'brien@gmail.com")])),
        ("gender", texts([Some("MALE"), None])),
        ("latitude", Arc::new(Float64Array::from(vec![f64::NAN, -0.0]))),
        ("_topic", texts([Some("t"), Some("t")])),
        ("_generation", texts([Some("g"), Some("g")])),
        ("_partition", Arc::new(Int32Array::from(vec![0, 1]))),
        ("_offset", Arc::new(Int64Array::from(vec![2, 3]))),
    ];
    RecordBatch::try_from_iter(columns).expect("rows")
}

fn with(column: &str, values: Option<ArrayRef>) -> RecordBatch {
    let whole = raw();
    let schema = whole.schema();
    let kept = schema.fields().iter().zip(whole.columns()).filter(|(field, _)| field.name() != column);
    let columns = kept.map(|(field, values)| (field.name().as_str(), values.clone()));
    RecordBatch::try_from_iter(columns.chain(values.map(|values| (column, values)))).expect("rows")
}

#[test]
fn what_is_absent_is_null_and_the_rest_is_cleaned() {
    let users = transform(&raw(), &run()).expect("users");
    assert_eq!(users.schema(), USERS_TRANSFORMED.arrow_schema());
    let text = |name: &str, row: usize| {
        let texts = users.column_by_name(name).expect("a column").as_string::<i32>();
        texts.is_valid(row).then(|| texts.value(row).to_owned())
    };
    for (name, first, second) in [
        ("id", Some(" a "), None),
        ("full_name", Some("Lærke De McDonald"), None),
        ("gender", Some("male"), Some("unknown")),
        ("email", Some("Lærke@Example.AC.uk"), Some("o'brien@gmail.com")),
        ("email_domain", Some("example.ac.uk"), Some("gmail.com")),
        ("email_provider_type", Some("Educational"), Some("Personal")),
        ("business_email", Some("Lærke@corp-m.example"), None),
        ("age_group", Some("unknown"), Some("unknown")),
        ("city", None, None),
        ("address", None, None),
    ] {
        assert_eq!((text(name, 0).as_deref(), text(name, 1).as_deref()), (first, second), "{name}");
    }
    let floats =
        |name: &str| users.column_by_name(name).expect("a column").as_primitive::<Float64Type>().clone();
    assert_eq!(floats("data_quality_score").values().to_vec(), [75.0, 70.0]);
    let latitudes = floats("latitude");
    assert!(latitudes.is_null(0) && latitudes.value(1).is_sign_negative());
    let issues = users.column_by_name("quality_issues").expect("a column").as_list::<i32>();
    assert_eq!((issues.value_length(0), issues.value_length(1)), (2, 2));
}

#[test]
fn no_rows_are_a_table_too() {
    let users = transform(&raw().slice(0, 0), &run()).expect("nobody");
    assert_eq!((users.num_rows(), users.schema()), (0, USERS_TRANSFORMED.arrow_schema()));
}

#[test]
fn rows_that_are_none_are_refused_by_column() {
    for name in ["_topic", "_generation", "_partition", "_offset"] {
        let error = transform(&with(name, None), &run()).expect_err("no position");
        assert!(matches!(error, KernelError::MissingPosition { column } if column == name), "{error}");
    }
    let nulls = with("_topic", Some(texts([Some("t"), None])));
    let error = transform(&nulls, &run()).expect_err("no topic");
    assert!(matches!(error, KernelError::NullPosition { column: "_topic", rows: 1 }), "{error}");
    let nulls = with("_offset", Some(Arc::new(Int64Array::from(vec![None, Some(1)]))));
    let error = transform(&nulls, &run()).expect_err("no offset");
    assert!(matches!(error, KernelError::NullPosition { column: "_offset", rows: 1 }), "{error}");
    for (name, values) in [
        ("city", Arc::new(Int64Array::from(vec![7, 7])) as ArrayRef),
        ("latitude", texts([None, None])),
        ("dob", Arc::new(Int64Array::from(vec![7, 7]))),
    ] {
        let error = transform(&with(name, Some(values)), &run()).expect_err("a wrong type").to_string();
        assert!(error.contains(name), "{error}");
    }
    // Whatever zone an instant is shown in, it is the same one.
    let instants = TimestampMicrosecondArray::from(vec![-1, 0]).with_timezone("Europe/Copenhagen");
    transform(&with("dob", Some(Arc::new(instants))), &run()).expect("users");
}

#[test]
fn what_is_read_is_in_raw() {
    let schema = raw_schema::users();
    for column in RAW_COLUMNS {
        assert!(schema.column_with_name(column).is_some(), "{column}");
    }
}
