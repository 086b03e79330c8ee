//! The settings that a person may keep in a file, or in the environment.

use millrace_lake::TopicGeneration;
use millrace_runtime::telemetry;
use millrace_stream::registry_environment as registry;
use millrace_stream::security::{self, Protocol};

use crate::broker_list::parse_brokers;
use crate::duration::parse_duration;
use crate::lake::LakeAddress;
use crate::size::parse_memory;

/// One of them.
#[derive(Debug)]
pub(crate) struct Known {
    /// Its name in a file.
    pub(crate) key: &'static str,
    /// Its name in the environment.
    pub(crate) variable: &'static str,
    /// Never shown.
    pub(crate) is_secret: bool,
    /// What commands take where nobody says anything; none where they ask for it, or do without.
    pub(crate) default: Option<&'static str>,
    /// Why a value cannot be one.
    pub(crate) check: fn(&str) -> Result<(), String>,
}

pub(crate) const KNOWN: [Known; 19] = [
    known("lake", "MILLRACE_LAKE", Some("./lake"), |text| text.parse::<LakeAddress>().map(drop)),
    known("brokers", "MILLRACE_BROKERS", None, |text| parse_brokers(text).map(drop)),
    known("generation", "MILLRACE_GENERATION", None, |text| {
        TopicGeneration::new(text).map(drop).map_err(|error| error.to_string())
    }),
    known("memory_bytes", "MILLRACE_MEMORY_BYTES", None, |text| parse_memory(text).map(drop)),
    known("query_memory", "MILLRACE_QUERY_MEMORY", Some("1GiB"), |text| parse_memory(text).map(drop)),
    known("query_timeout", "MILLRACE_QUERY_TIMEOUT", None, |text| parse_duration(text).map(drop)),
    known("sql_users", "MILLRACE_SQL_USERS", None, any),
    known("sql_tls_cert", "MILLRACE_SQL_TLS_CERT", None, any),
    known("sql_tls_key", "MILLRACE_SQL_TLS_KEY", None, any),
    known("log", telemetry::FILTER, None, any),
    known("registry_url", registry::URL, None, any),
    known("registry_user", registry::USER, None, any),
    secret("registry_password", registry::PASSWORD),
    known("registry_ca", registry::CA, None, any),
    known("kafka_security", security::PROTOCOL, Some("plain"), |text| text.parse::<Protocol>().map(drop)),
    known("kafka_user", security::USER, None, any),
    secret("kafka_password", security::PASSWORD),
    known("kafka_ca", security::CA, None, any),
    known("kafka_region", security::REGION, None, any),
];

const fn known(
    key: &'static str,
    variable: &'static str,
    default: Option<&'static str>,
    check: fn(&str) -> Result<(), String>,
) -> Known {
    Known { key, variable, is_secret: false, default, check }
}

const fn secret(key: &'static str, variable: &'static str) -> Known {
    Known { key, variable, is_secret: true, default: None, check: any }
}

/// Whoever uses it says what is wrong with it: a file's path, a name.
fn any(_: &str) -> Result<(), String> {
    Ok(())
}

pub(crate) fn by_key(key: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.key == key)
}

pub(crate) fn by_variable(variable: &str) -> Option<&'static Known> {
    KNOWN.iter().find(|known| known.variable == variable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_its_variable_in_small_letters() {
        for known in &KNOWN {
            assert_eq!(format!("MILLRACE_{}", known.key.to_uppercase()), known.variable);
        }
    }
}
