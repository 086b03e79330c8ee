//! What a catalogue in Glue can be told.

use std::time::Duration;

use millrace_lake::data_catalog::DatabaseName;
use millrace_lake::s3::S3Credentials;

/// The settings of a [`super::GlueDataCatalog`]. [`GlueSettings::new`] has values for real Glue; what is `None` is found as AWS's own
/// tools find it: environment (AWS_ENDPOINT_URL_GLUE too), profile files, the roles of Lambda, ECS and EC2.
#[derive(Debug, Clone)]
pub struct GlueSettings {
    /// Made where it is missing.
    pub database: DatabaseName,
    /// The region, such as `eu-central-1`.
    pub region: Option<String>,
    /// Another server than AWS's, such as `http://127.0.0.1:4566`.
    pub endpoint: Option<String>,
    /// Keys given by hand, for tests and emulators.
    pub credentials: Option<S3Credentials>,
    /// How long one try of a request may take.
    pub attempt: Duration,
    /// How long a request may take in all, its tries and the waits between them included.
    pub deadline: Duration,
    /// The first wait between two tries at most; it doubles from try to try, up to 20 s.
    pub backoff: Duration,
}

impl GlueSettings {
    /// A database of AWS's Glue: 15 s a try, 90 s in all, waits from 1 s on.
    pub fn new(database: DatabaseName) -> Self {
        Self {
            database,
            region: None,
            endpoint: None,
            credentials: None,
            attempt: Duration::from_secs(15),
            deadline: Duration::from_secs(90),
            backoff: Duration::from_secs(1),
        }
    }
}
