//! Functions that clients call and that say the same here whatever they are asked about.

use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, TypeSignature, Volatility,
    create_udf,
};
use datafusion::scalar::ScalarValue;

use crate::wire::facts::Facts;
use crate::wire::variables::{VERSION, Variables};

/// A function that answers one value to whatever arguments.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

fn constant(name: &'static str, value: ScalarValue) -> ScalarUDF {
    let signature =
        Signature::one_of(vec![TypeSignature::Nullary, TypeSignature::VariadicAny], Volatility::Stable);
    ScalarUDF::new_from_impl(Constant { name, value, signature })
}

/// The lake has no comments, defaults, constraints, indexes or sequences.
const NOTHING: [&str; 21] = [
    "col_description",
    "inet_client_addr",
    "inet_server_addr",
    "obj_description",
    "pg_get_constraintdef",
    "pg_get_expr",
    "pg_get_function_arguments",
    "pg_get_function_identity_arguments",
    "pg_get_function_result",
    "pg_get_function_sqlbody",
    "pg_get_functiondef",
    "pg_get_indexdef",
    "pg_get_partkeydef",
    "pg_get_ruledef",
    "pg_get_serial_sequence",
    "pg_get_statisticsobjdef",
    "pg_get_triggerdef",
    "pg_get_viewdef",
    "pg_tablespace_location",
    "shobj_description",
    "pg_describe_object",
];

/// Whoever sees a name may read it.
const YES: [&str; 14] = [
    "has_any_column_privilege",
    "has_column_privilege",
    "has_database_privilege",
    "has_function_privilege",
    "has_schema_privilege",
    "has_sequence_privilege",
    "has_table_privilege",
    "pg_collation_is_visible",
    "pg_function_is_visible",
    "pg_opclass_is_visible",
    "pg_operator_is_visible",
    "pg_table_is_visible",
    "pg_type_is_visible",
    "pg_has_role",
];

/// The same for every session.
pub(super) fn of_server() -> Vec<ScalarUDF> {
    let text = |text: &str| ScalarValue::Utf8(Some(text.to_owned()));
    let mut functions = vec![
        constant("version", text(VERSION)),
        constant("pg_client_encoding", text("UTF8")),
        constant("pg_get_userbyid", text("millrace")),
        constant("pg_is_in_recovery", ScalarValue::Boolean(Some(false))),
        constant("pg_is_other_temp_schema", ScalarValue::Boolean(Some(false))),
        constant("pg_relation_is_publishable", ScalarValue::Boolean(Some(false))),
        constant("pg_advisory_unlock_all", ScalarValue::Utf8(None)),
        constant("pg_my_temp_schema", ScalarValue::Int32(Some(0))),
        constant("txid_current", ScalarValue::Int64(Some(1))),
        constant("pg_database_size", ScalarValue::Int64(None)),
        constant("pg_relation_size", ScalarValue::Int64(None)),
        constant("pg_table_size", ScalarValue::Int64(None)),
        constant("pg_total_relation_size", ScalarValue::Int64(None)),
        constant("pg_size_pretty", ScalarValue::Utf8(None)),
    ];
    functions.push(parse_ident());
    functions.extend(NOTHING.map(|name| constant(name, ScalarValue::Utf8(None))));
    functions.extend(YES.map(|name| constant(name, ScalarValue::Boolean(Some(true)))));
    functions
}

/// What a session says of itself.
pub(super) fn of_session(facts: &Facts) -> Vec<ScalarUDF> {
    let user = || ScalarValue::Utf8(Some(facts.user.clone()));
    let mut functions = vec![constant("pg_backend_pid", ScalarValue::Int32(Some(facts.process)))];
    functions
        .extend(["current_user", "session_user", "user", "current_role"].map(|name| constant(name, user())));
    functions.push(current_setting(Arc::clone(&facts.variables)));
    functions
}

/// `a."B c"` as the list of its names.
fn parse_ident() -> ScalarUDF {
    let list = DataType::new_list(DataType::Utf8, true);
    create_udf(
        "parse_ident",
        vec![DataType::Utf8],
        list,
        Volatility::Immutable,
        Arc::new(|arguments: &[ColumnarValue]| {
            let of_value = |value: &ScalarValue| match value {
                ScalarValue::Utf8(Some(text)) => {
                    let names = names_in(text).into_iter().map(|name| ScalarValue::Utf8(Some(name)));
                    ScalarValue::List(ScalarValue::new_list_nullable(
                        &names.collect::<Vec<_>>(),
                        &DataType::Utf8,
                    ))
                }
                _ => ScalarValue::new_null_list(DataType::Utf8, true, 1),
            };
            match arguments.first() {
                Some(ColumnarValue::Array(values)) => {
                    let lists = (0..values.len())
                        .map(|at| ScalarValue::try_from_array(values, at).map(|value| of_value(&value)))
                        .collect::<Result<Vec<_>>>()?;
                    Ok(ColumnarValue::Array(ScalarValue::iter_to_array(lists)?))
                }
                Some(ColumnarValue::Scalar(value)) => Ok(ColumnarValue::Scalar(of_value(value))),
                None => Ok(ColumnarValue::Scalar(of_value(&ScalarValue::Null))),
            }
        }),
    )
}

/// Quoted ones as they are, others in small letters.
fn names_in(text: &str) -> Vec<String> {
    let mut names = vec![String::new()];
    let mut quoted = false;
    for character in text.chars() {
        let Some(name) = names.last_mut() else { break };
        match character {
            '"' => quoted = !quoted,
            '.' if !quoted => names.push(String::new()),
            _ if quoted => name.push(character),
            _ => name.extend(character.to_lowercase()),
        }
    }
    names
}

fn current_setting(variables: Arc<Mutex<Variables>>) -> ScalarUDF {
    create_udf(
        "current_setting",
        vec![DataType::Utf8],
        DataType::Utf8,
        // Asked anew by each statement, which may come after a SET.
        Volatility::Volatile,
        Arc::new(move |arguments: &[ColumnarValue]| {
            let variables = variables.lock().unwrap_or_else(PoisonError::into_inner);
            let value = |name: &ScalarValue| match name {
                ScalarValue::Utf8(Some(name)) => variables.get(name).map(str::to_owned),
                _ => None,
            };
            match arguments.first() {
                Some(ColumnarValue::Scalar(name)) => {
                    Ok(ColumnarValue::Scalar(ScalarValue::Utf8(value(name))))
                }
                Some(ColumnarValue::Array(names)) => {
                    let of_row = |at| {
                        ScalarValue::try_from_array(names, at).map(|name| ScalarValue::Utf8(value(&name)))
                    };
                    let values = (0..names.len()).map(of_row).collect::<Result<Vec<_>>>()?;
                    Ok(ColumnarValue::Array(ScalarValue::iter_to_array(values)?))
                }
                None => Ok(ColumnarValue::Scalar(ScalarValue::Utf8(None))),
            }
        }),
    )
}
