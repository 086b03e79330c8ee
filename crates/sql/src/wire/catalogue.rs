//! What statements of PostgreSQL's clients can name beside the lake: pg_catalog's tables and functions.

use std::sync::Arc;

use datafusion::catalog::{
    CatalogProvider, CatalogProviderList, MemoryCatalogProvider, MemoryCatalogProviderList, SchemaProvider,
};
use datafusion::common::Result;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::{SessionContext, SessionState};
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::pg_catalog::{PgCatalogSchemaProvider, PgCatalogStaticTables};

use crate::engine::{Beside, Engine};
use crate::snapshot::DATABASE;
use crate::wire::facts::Facts;
use crate::wire::functions;
use crate::wire::relations::{Postgres, Static};

/// What is the same for all statements.
pub(super) struct Catalogue {
    base: SessionState,
    fixed: Arc<Static>,
    users: Arc<Vec<String>>,
}

impl Catalogue {
    /// Reads the crate's fixed tables once: it takes a part of a second.
    pub(super) fn new(engine: &Engine, users: Vec<String>) -> Result<Self> {
        // Catalogs of its own: the engine's are each statement's.
        let catalogs: Arc<dyn CatalogProviderList> = Arc::new(MemoryCatalogProviderList::new());
        catalogs.register_catalog(
            DATABASE.to_owned(),
            Arc::new(MemoryCatalogProvider::new()) as Arc<dyn CatalogProvider>,
        );
        let state =
            SessionStateBuilder::new_from_existing(engine.base().clone()).with_catalog_list(catalogs).build();
        let context = SessionContext::new_with_state(state);
        datafusion_pg_catalog::setup_pg_catalog(&context, DATABASE, EmptyContextProvider)
            .map_err(|error| *error)?;
        for function in functions::of_server() {
            context.register_udf(function);
        }
        let none: Arc<dyn CatalogProviderList> = Arc::new(MemoryCatalogProviderList::new());
        let tables = Arc::new(PgCatalogStaticTables::try_new()?);
        let fixed = PgCatalogSchemaProvider::try_new(none, tables, EmptyContextProvider)?;
        Ok(Self { base: context.state(), fixed: Arc::new(fixed), users: Arc::new(users) })
    }

    /// For the statements of one session.
    pub(super) fn beside(&self, facts: &Facts) -> Arc<Beside> {
        let context = SessionContext::new_with_state(self.base.clone());
        for function in functions::of_session(facts) {
            context.register_udf(function);
        }
        let (fixed, users) = (Arc::clone(&self.fixed), Arc::clone(&self.users));
        Arc::new(Beside {
            base: context.state(),
            schemas: Box::new(move |snapshot| {
                let postgres = Postgres::new(&fixed, snapshot, &users);
                vec![("pg_catalog", Arc::new(postgres) as Arc<dyn SchemaProvider>)]
            }),
        })
    }
}
