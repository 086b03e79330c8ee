//! A database of Glue's, and what every request to it is made with.

use std::fmt;

use aws_sdk_glue::Client;
use millrace_lake::aws::{self, ByStatus, Said, Setup, Wanted};
use millrace_lake::data_catalog::DataCatalogError;

use crate::service_error::Attempted;
use crate::settings::GlueSettings;

/// How often an entry is begun anew because another wrote it at the same time. Jobs of a day register different tables, so that
/// even a second time is rare.
pub(crate) const TURNS: usize = 5;

/// A database of Glue's.
pub struct GlueDataCatalog {
    pub(crate) client: Client,
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
        let mut config = aws_sdk_glue::config::Builder::from(&found)
            .retry_classifier(ByStatus)
            .interceptor(aws::CallTrace);
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

    pub(crate) fn attempted<'a>(&'a self, action: &'static str, entry: &'a str) -> Attempted<'a> {
        Attempted { catalogue: &self.shown, setup: &self.setup, action, entry }
    }

    /// The database in words, for messages.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    pub(crate) fn database(&self) -> &str {
        self.settings.database.as_str()
    }
}

impl fmt::Debug for GlueDataCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No more: nobody reviews what a newer client's Debug shows.
        write!(f, "GlueDataCatalog({})", self.settings.database)
    }
}
