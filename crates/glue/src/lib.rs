//! The catalogue in AWS Glue, from which Athena, Spark and Redshift Spectrum read tables.
//!
//! - **Idempotent**: what is there is read, compared and written only where it differs; a table is updated against the version that
//!   was read, so that of two who change it at once neither undoes the other unseen.
//! - **Few permissions**: the database is made only where a table finds none.
//! - **Requests** that are throttled, time out or are cut off are tried again until the deadline of the settings.

mod description;
mod partition;
mod service_error;
mod settings;
mod table;

use std::fmt;

use async_trait::async_trait;
use aws_sdk_glue::Client;

use self::service_error::Attempted;
pub use self::settings::GlueSettings;
use millrace_lake::aws::ByStatus;
use millrace_lake::aws::{self, Wanted};
use millrace_lake::aws::{Said, Setup};
use millrace_lake::data_catalog::{DataCatalog, DataCatalogError, PartitionEntry, Registered, TableEntry};

/// How often an entry is begun anew because another wrote it at the same time. Jobs of a day register different tables, so that
/// even a second time is rare.
const TURNS: usize = 5;

/// A database of Glue's.
pub struct GlueDataCatalog {
    client: Client,
    settings: GlueSettings,
    setup: Setup,
    shown: String,
}

impl GlueDataCatalog {
    /// Finds credentials and region and builds the client. Glue is first asked by the first registration.
    ///
    /// # Errors
    /// Stop where no region is set.
    pub async fn connect(settings: GlueSettings) -> Result<Self, DataCatalogError> {
        let shown = format!("the Glue database {}", settings.database);
        let found = aws::load(Wanted {
            region: settings.region.as_deref(),
            endpoint: settings.endpoint.as_deref(),
            credentials: settings.credentials.as_ref(),
            attempt: settings.attempt,
            deadline: settings.deadline,
            backoff: settings.backoff,
        })
        .await;
        let is_elsewhere = aws::is_elsewhere(&found, "glue");
        let setup = Setup::of_process(&found, settings.credentials.is_some(), is_elsewhere).await;
        let mut config = aws_sdk_glue::config::Builder::from(&found).retry_classifier(ByStatus);
        if found.region().is_none() {
            if !is_elsewhere {
                let attempted =
                    Attempted { catalogue: &shown, setup: &setup, action: "open", entry: "the catalogue" };
                let said = Said("neither the settings, the environment nor a profile name one".to_owned());
                return Err(attempted.stop("no region is set; set AWS_REGION to the lake's", said));
            }
            config = config.region(aws::REGION_OF_ENDPOINTS);
        }
        Ok(Self { client: Client::from_conf(config.build()), settings, setup, shown })
    }

    fn attempted<'a>(&'a self, action: &'static str, entry: &'a str) -> Attempted<'a> {
        Attempted { catalogue: &self.shown, setup: &self.setup, action, entry }
    }

    fn database(&self) -> &str {
        self.settings.database.as_str()
    }
}

#[async_trait]
impl DataCatalog for GlueDataCatalog {
    async fn register(
        &self,
        table: &TableEntry,
        partition: &PartitionEntry,
    ) -> Result<Registered, DataCatalogError> {
        let registered = Registered {
            table: table::ensure(self, table).await?,
            partition: partition::ensure(self, table, partition).await?,
        };
        tracing::info!(
            database = self.database(),
            table = table.name,
            day = %partition.day,
            table_was = ?registered.table,
            partition_was = ?registered.partition,
            "partition_registered"
        );
        Ok(registered)
    }
}

impl fmt::Debug for GlueDataCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No more: nobody reviews what a newer client's Debug shows.
        write!(f, "GlueDataCatalog({})", self.settings.database)
    }
}
