//! The lake's tables as one statement sees them: each is listed once, when it is first named.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::Result;
use datafusion::error::DataFusionError;
use millrace_lake::Store;
use millrace_lake::erasure::refused_ids::RefusedIds;
use millrace_lake::layout::Layer;
use millrace_tables::table_catalogue::View;
use millrace_tables::tables;
use tokio::sync::OnceCell;

use crate::as_of::AsOf;
use crate::error::QueryError;
use crate::lake::{Lake, LakeTable};
use crate::scan::external;
use crate::time_travel::History;
use crate::views;

/// The catalog's name, which PostgreSQL's clients see as the database.
pub(crate) const DATABASE: &str = "lake";
/// The schema that holds the tables.
pub(crate) const SCHEMA: &str = "public";

/// Whose tables somebody may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Access {
    /// All.
    #[default]
    All,
    /// Those that have no row about one person: neither raw tables nor those of users.
    WithoutPersons,
}

impl Access {
    fn reads(self, table: &LakeTable) -> bool {
        self == Self::All || !is_about_persons(table.layer, table.data_subject, table.filled_by.is_none())
    }
}

/// Tables that nobody has described may be about anything.
fn is_about_persons(layer: Layer, subject: Option<&str>, unknown: bool) -> bool {
    layer == Layer::Raw || subject.is_some() || unknown
}

/// One moment of the lake.
#[derive(Debug)]
pub(crate) struct Snapshot {
    store: Arc<dyn Store>,
    access: Access,
    /// What the lake knows beside the catalogue, where the statement asks what there is.
    beside: Vec<String>,
    listed: Mutex<BTreeMap<String, Arc<LakeTable>>>,
    history: History,
    /// Whose erasure is under way.
    refused: OnceCell<Arc<RefusedIds>>,
}

impl Snapshot {
    pub(crate) fn new(store: Arc<dyn Store>, access: Access) -> Self {
        Self::of(store, access, Vec::new(), BTreeMap::new())
    }

    /// With every table listed, for statements that ask which there are.
    pub(crate) async fn whole(store: Arc<dyn Store>, access: Access) -> Result<Self, QueryError> {
        let lake = Lake::list(&store).await?;
        let names = lake.names();
        let listed = lake.tables.into_iter().map(|table| (table.name.clone(), Arc::new(table))).collect();
        Ok(Self::of(store, access, names, listed))
    }

    fn of(
        store: Arc<dyn Store>,
        access: Access,
        beside: Vec<String>,
        listed: BTreeMap<String, Arc<LakeTable>>,
    ) -> Self {
        let history = History::new(Arc::clone(&store));
        Self { store, access, beside, listed: Mutex::new(listed), history, refused: OnceCell::new() }
    }

    async fn listed(&self, name: &str) -> Result<Option<Arc<LakeTable>>, QueryError> {
        let lock = || self.listed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(table) = lock().get(name) {
            return Ok(Some(Arc::clone(table)));
        }
        let Some(table) = LakeTable::list(&self.store, name).await? else { return Ok(None) };
        // Two scans of one table must see one listing.
        let table = Arc::clone(lock().entry(name.to_owned()).or_insert_with(|| Arc::new(table)));
        Ok(Some(table))
    }

    async fn find(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        let of_engine = |error| QueryError::of_engine(error, "");
        if let Some(as_of) = AsOf::of_name(name) {
            return self.find_as_of(&as_of).await;
        }
        if let Some(table) = self.listed(name).await? {
            if !self.access.reads(&table) {
                return Err(QueryError::Forbidden { name: name.to_owned() });
            }
            let rows = views::table(&table, &self.store).map_err(of_engine)?;
            return self.without_erased(&table, rows).await.map(Some);
        }
        for view in [View::Latest, View::Current, View::History] {
            let Some(base) = name.strip_suffix(view.suffix()) else { continue };
            let table = self.listed(base).await?.filter(|table| table.views().contains(&view));
            let Some(table) = table else { continue };
            if !self.access.reads(&table) {
                return Err(QueryError::Forbidden { name: name.to_owned() });
            }
            let rows = views::view_of(&table, view, &self.store).map_err(of_engine)?;
            return self.without_erased(&table, rows).await.map(Some);
        }
        Ok(None)
    }

    /// A table as it was, or a view of it.
    async fn find_as_of(&self, as_of: &AsOf) -> Result<Option<Arc<dyn TableProvider>>, QueryError> {
        let view_of = |view: View| Some((view, as_of.table.strip_suffix(view.suffix())?));
        let mut views = [View::Latest, View::Current, View::History].into_iter().filter_map(view_of);
        let view = views.find(|(view, base)| LakeTable::without_files(base).views().contains(view));
        let table = LakeTable::without_files(view.map_or(as_of.table.as_str(), |(_, base)| base));
        if !self.access.reads(&table) {
            return Err(QueryError::Forbidden { name: as_of.table.clone() });
        }
        let Some(table) = self.history.table(&table, as_of.version).await? else { return Ok(None) };
        let rows = match view {
            None => views::stored(&table, &self.store),
            Some((view, _)) => {
                views::view_of(&table, view, &self.store).map_err(|error| QueryError::of_engine(error, ""))?
            }
        };
        self.without_erased(&table, rows).await.map(Some)
    }

    async fn without_erased(
        &self,
        table: &LakeTable,
        rows: Arc<dyn TableProvider>,
    ) -> Result<Arc<dyn TableProvider>, QueryError> {
        let Some(subject) = table.data_subject else { return Ok(rows) };
        let read = async || RefusedIds::read_under_way(self.store.as_ref()).await.map(Arc::new);
        let refused = self.refused.get_or_try_init(read).await;
        let refused = refused.map_err(|error| QueryError::Erased(Box::new(error)))?;
        if refused.is_empty() {
            return Ok(rows);
        }
        views::without_erased(rows, subject, refused).map_err(|error| QueryError::of_engine(error, ""))
    }

    /// What statements can name.
    pub(crate) fn names(&self) -> Vec<String> {
        let of_catalogue = tables().iter().filter(|table| {
            self.access == Access::All || !is_about_persons(table.layer, table.data_subject, false)
        });
        let mut names: Vec<String> = of_catalogue.clone().map(|table| table.name()).collect();
        names.extend(of_catalogue.flat_map(|table| {
            table.views().iter().map(move |view| format!("{}{}", table.name(), view.suffix()))
        }));
        if self.access == Access::All {
            let more = self.beside.iter().filter(|name| !names.contains(name)).cloned().collect::<Vec<_>>();
            names.extend(more);
        }
        names
    }
}

#[async_trait]
impl SchemaProvider for Snapshot {
    fn table_names(&self) -> Vec<String> {
        self.names()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        self.find(name).await.map_err(external)
    }

    fn table_exist(&self, name: &str) -> bool {
        self.names().iter().any(|known| known == name)
    }
}

/// The one catalog with its schemas.
#[derive(Debug)]
pub(crate) struct Catalog {
    schemas: Mutex<BTreeMap<String, Arc<dyn SchemaProvider>>>,
}

impl Catalog {
    pub(crate) fn of(snapshot: Arc<Snapshot>) -> Arc<Self> {
        let schemas = BTreeMap::from([(SCHEMA.to_owned(), snapshot as Arc<dyn SchemaProvider>)]);
        Arc::new(Self { schemas: Mutex::new(schemas) })
    }

    fn schemas(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<dyn SchemaProvider>>> {
        self.schemas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        self.schemas().keys().cloned().collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        self.schemas().get(name).cloned()
    }

    fn register_schema(
        &self,
        name: &str,
        schema: Arc<dyn SchemaProvider>,
    ) -> Result<Option<Arc<dyn SchemaProvider>>> {
        Ok(self.schemas().insert(name.to_owned(), schema))
    }
}

/// The list of that one catalog.
#[derive(Debug)]
pub(crate) struct Catalogs(pub(crate) Arc<Catalog>);

impl CatalogProviderList for Catalogs {
    fn register_catalog(
        &self,
        _name: String,
        _catalog: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        vec![DATABASE.to_owned()]
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        (name == DATABASE).then(|| Arc::clone(&self.0) as Arc<dyn CatalogProvider>)
    }
}
