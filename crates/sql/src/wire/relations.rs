//! The lake's tables as PostgreSQL's catalogue tells of them, by the snapshot of the statement that asks.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Int16Array, Int32Array, RecordBatch, StringArray, new_null_array,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::{CatalogProviderList, MemTable, SchemaProvider, TableProvider};
use datafusion::common::Result;
use datafusion_pg_catalog::pg_catalog::PgCatalogSchemaProvider;
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use millrace_tables::table_catalogue::View;
use pgwire::api::Type;

use crate::snapshot::{DATABASE, SCHEMA, Snapshot};
use crate::wire::row_form;

/// The crate's tables that are the same in every PostgreSQL.
pub(super) type Static = PgCatalogSchemaProvider<Arc<dyn CatalogProviderList>, EmptyContextProvider>;

const OURS: [&str; 12] = [
    "pg_class",
    "pg_attribute",
    "pg_namespace",
    "pg_database",
    "pg_tables",
    "pg_views",
    "pg_roles",
    "pg_user",
    "pg_stat_activity",
    "_information_schema_tables",
    "_information_schema_columns",
    "_information_schema_schemata",
];

const OWNER: i32 = 10;
const OWNER_NAME: &str = "millrace";
const DATABASE_OID: i32 = 16_384;
const NAMESPACES: [(i32, &str); 3] = [(11, "pg_catalog"), (2_200, SCHEMA), (13_183, "information_schema")];
const PUBLIC: i32 = 2_200;

/// The schema pg_catalog.
#[derive(Debug)]
pub(super) struct Postgres {
    fixed: Arc<Static>,
    snapshot: Arc<Snapshot>,
    users: Arc<Vec<String>>,
}

/// A table of the lake.
struct Relation {
    oid: i32,
    name: String,
    kind: &'static str,
    schema: SchemaRef,
}

impl Postgres {
    pub(super) fn new(fixed: &Arc<Static>, snapshot: &Arc<Snapshot>, users: &Arc<Vec<String>>) -> Self {
        Self { fixed: Arc::clone(fixed), snapshot: Arc::clone(snapshot), users: Arc::clone(users) }
    }

    async fn relations(&self) -> Result<Vec<Relation>> {
        let names: BTreeSet<String> = self.snapshot.table_names().into_iter().collect();
        let mut taken = HashMap::new();
        let mut relations = Vec::with_capacity(names.len());
        for name in &names {
            let Some(table) = self.snapshot.table(name).await? else { continue };
            let is_view = [View::Latest, View::Current, View::History]
                .iter()
                .any(|view| name.strip_suffix(view.suffix()).is_some_and(|base| names.contains(base)));
            let mut oid = oid_of(name);
            while taken.insert(oid, ()).is_some() {
                oid += 1;
            }
            relations.push(Relation {
                oid,
                name: name.clone(),
                kind: if is_view { "v" } else { "r" },
                schema: table.schema(),
            });
        }
        Ok(relations)
    }
}

/// The same in every statement, which a number in the order of listing would not be: clients ask by it what another statement told.
fn oid_of(name: &str) -> i32 {
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    100_000 + (hash % 2_000_000_000).cast_signed()
}

#[async_trait]
impl SchemaProvider for Postgres {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.fixed.table_names();
        names.extend(OURS.iter().filter(|name| name.starts_with("pg_")).map(|name| (*name).to_owned()));
        names.sort_unstable();
        names.dedup();
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let columns = match name {
            "pg_class" => classes(&self.relations().await?),
            "pg_attribute" => attributes(&self.relations().await?),
            "pg_namespace" => namespaces(),
            "pg_database" => databases(),
            "pg_tables" => tables(&self.relations().await?),
            "pg_views" => views(&self.relations().await?),
            "pg_roles" | "pg_user" => roles(&self.users),
            "pg_stat_activity" => Columns::default().int("pid", &[]).text("query", &[]).text("state", &[]),
            "_information_schema_tables" => information_tables(&self.relations().await?),
            "_information_schema_columns" => information_columns(&self.relations().await?),
            "_information_schema_schemata" => information_schemata(),
            name => return self.fixed.table(name).await,
        };
        Ok(Some(Arc::new(columns.table()?)))
    }

    fn table_exist(&self, name: &str) -> bool {
        OURS.contains(&name) || self.fixed.table_exist(name)
    }
}

/// Columns of one table, which are written one below another.
#[derive(Default)]
struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    fn push(mut self, field: Field, array: ArrayRef) -> Self {
        self.fields.push(field);
        self.arrays.push(array);
        self
    }

    /// Announced as oid, which drivers read as an unsigned number.
    fn oid(self, name: &str, values: &[i32]) -> Self {
        let of = [("pg.oid_alias".to_owned(), "oid".to_owned())];
        let field = Field::new(name, DataType::Int32, true).with_metadata(HashMap::from(of));
        self.push(field, Arc::new(Int32Array::from(values.to_vec())))
    }

    fn int(self, name: &str, values: &[i32]) -> Self {
        self.push(Field::new(name, DataType::Int32, true), Arc::new(Int32Array::from(values.to_vec())))
    }

    fn small(self, name: &str, values: &[i16]) -> Self {
        self.push(Field::new(name, DataType::Int16, true), Arc::new(Int16Array::from(values.to_vec())))
    }

    fn text(self, name: &str, values: &[&str]) -> Self {
        self.push(Field::new(name, DataType::Utf8, true), Arc::new(StringArray::from(values.to_vec())))
    }

    /// PostgreSQL's "char", which drivers read as one byte.
    fn letter(self, name: &str, values: &[&str]) -> Self {
        let of = [("pg.char".to_owned(), "char".to_owned())];
        let field = Field::new(name, DataType::Utf8, true).with_metadata(HashMap::from(of));
        self.push(field, Arc::new(StringArray::from(values.to_vec())))
    }

    fn no_text(self, name: &str, rows: usize) -> Self {
        self.push(Field::new(name, DataType::Utf8, true), Arc::new(StringArray::new_null(rows)))
    }

    /// Lists of rights, of which there are none.
    fn no_list(self, name: &str, rows: usize) -> Self {
        let list = new_null_array(&DataType::new_list(DataType::Utf8, true), rows);
        self.push(Field::new(name, list.data_type().clone(), true), list)
    }

    fn no_int(self, name: &str, rows: usize) -> Self {
        self.push(Field::new(name, DataType::Int32, true), Arc::new(Int32Array::new_null(rows)))
    }

    fn all_oid(self, name: &str, value: i32, rows: usize) -> Self {
        self.oid(name, &vec![value; rows])
    }

    fn all_text(self, name: &str, value: &str, rows: usize) -> Self {
        self.text(name, &vec![value; rows])
    }

    fn all_letter(self, name: &str, value: &str, rows: usize) -> Self {
        self.letter(name, &vec![value; rows])
    }

    fn all_bool(self, name: &str, value: bool, rows: usize) -> Self {
        self.push(Field::new(name, DataType::Boolean, true), Arc::new(BooleanArray::from(vec![value; rows])))
    }

    fn table(self) -> Result<MemTable> {
        let schema = Arc::new(Schema::new(self.fields));
        let batch = RecordBatch::try_new(Arc::clone(&schema), self.arrays)?;
        MemTable::try_new(schema, vec![vec![batch]])
    }
}

fn classes(relations: &[Relation]) -> Columns {
    let rows = relations.len();
    let oids: Vec<i32> = relations.iter().map(|relation| relation.oid).collect();
    let names: Vec<&str> = relations.iter().map(|relation| relation.name.as_str()).collect();
    let kinds: Vec<&str> = relations.iter().map(|relation| relation.kind).collect();
    let widths: Vec<i16> = relations
        .iter()
        .map(|relation| i16::try_from(relation.schema.fields().len()).unwrap_or(i16::MAX))
        .collect();
    let mut columns = Columns::default()
        .oid("oid", &oids)
        .text("relname", &names)
        .all_oid("relnamespace", PUBLIC, rows)
        .all_oid("reltype", 0, rows)
        .all_oid("reloftype", 0, rows)
        .all_oid("relowner", OWNER, rows)
        .all_oid("relam", 2, rows)
        .all_oid("relfilenode", 0, rows)
        .all_oid("reltablespace", 0, rows)
        .int("relpages", &vec![0; rows])
        .push(
            Field::new("reltuples", DataType::Float32, true),
            Arc::new(Float32Array::from(vec![-1.0; rows])),
        )
        .int("relallvisible", &vec![0; rows])
        .all_oid("reltoastrelid", 0, rows)
        .letter("relkind", &kinds)
        .all_letter("relpersistence", "p", rows)
        .all_letter("relreplident", "n", rows)
        .small("relnatts", &widths)
        .small("relchecks", &vec![0; rows])
        .all_bool("relispopulated", true, rows)
        .all_oid("relrewrite", 0, rows)
        .no_list("relacl", rows)
        .no_list("reloptions", rows)
        .no_text("relpartbound", rows);
    for name in [
        "relhasindex",
        "relisshared",
        "relhasrules",
        "relhastriggers",
        "relhassubclass",
        "relrowsecurity",
        "relforcerowsecurity",
        "relispartition",
        "relhasoids",
    ] {
        columns = columns.all_bool(name, false, rows);
    }
    columns
}

/// The PostgreSQL type of a column; text for what has none.
fn type_of(field: &Arc<Field>) -> Type {
    arrow_pg::datatypes::field_into_pg_type(field)
        .ok()
        .filter(|kind| *kind != Type::UNKNOWN)
        .unwrap_or(Type::TEXT)
}

fn attributes(relations: &[Relation]) -> Columns {
    let all = || {
        relations.iter().flat_map(|relation| {
            relation.schema.fields().iter().enumerate().map(move |(at, field)| (relation, at, field))
        })
    };
    let rows = all().count();
    let of: Vec<i32> = all().map(|(relation, ..)| relation.oid).collect();
    let names: Vec<&str> = all().map(|(_, _, field)| field.name().as_str()).collect();
    let kinds: Vec<Type> = all().map(|(_, _, field)| type_of(field)).collect();
    let oids: Vec<i32> = kinds.iter().map(|kind| kind.oid().cast_signed()).collect();
    let sizes: Vec<i16> = kinds.iter().map(row_form::size).collect();
    let numbers: Vec<i16> = all().map(|(_, at, _)| i16::try_from(at + 1).unwrap_or(i16::MAX)).collect();
    let modifiers: Vec<i32> = all().map(|(_, _, field)| row_form::modifier(field.data_type())).collect();
    let not_null: Vec<bool> = all().map(|(_, _, field)| !field.is_nullable()).collect();
    let dimensions: Vec<i32> = kinds.iter().map(|kind| i32::from(kind.name().starts_with('_'))).collect();
    let collations: Vec<i32> = kinds.iter().map(|kind| if *kind == Type::TEXT { 100 } else { 0 }).collect();
    let mut columns = Columns::default()
        .oid("attrelid", &of)
        .text("attname", &names)
        .oid("atttypid", &oids)
        .small("attlen", &sizes)
        .small("attnum", &numbers)
        .int("attcacheoff", &vec![-1; rows])
        .int("atttypmod", &modifiers)
        .int("attndims", &dimensions)
        .int("attstattarget", &vec![-1; rows])
        .all_letter("attalign", "i", rows)
        .all_letter("attstorage", "x", rows)
        .all_letter("attcompression", "", rows)
        .push(Field::new("attnotnull", DataType::Boolean, true), Arc::new(BooleanArray::from(not_null)))
        .all_letter("attidentity", "", rows)
        .all_letter("attgenerated", "", rows)
        .all_bool("attislocal", true, rows)
        .int("attinhcount", &vec![0; rows])
        .oid("attcollation", &collations)
        .no_list("attacl", rows)
        .no_list("attoptions", rows)
        .no_list("attfdwoptions", rows)
        .no_text("attmissingval", rows);
    for name in ["attbyval", "atthasdef", "atthasmissing", "attisdropped"] {
        columns = columns.all_bool(name, false, rows);
    }
    columns
}

fn namespaces() -> Columns {
    let rows = NAMESPACES.len();
    Columns::default()
        .oid("oid", &NAMESPACES.map(|(oid, _)| oid))
        .text("nspname", &NAMESPACES.map(|(_, name)| name))
        .all_oid("nspowner", OWNER, rows)
        .no_list("nspacl", rows)
}

fn databases() -> Columns {
    Columns::default()
        .oid("oid", &[DATABASE_OID])
        .text("datname", &[DATABASE])
        .oid("datdba", &[OWNER])
        .int("encoding", &[6])
        .letter("datlocprovider", &["c"])
        .all_bool("datistemplate", false, 1)
        .all_bool("datallowconn", true, 1)
        .int("datconnlimit", &[-1])
        .oid("dattablespace", &[1_663])
        .text("datcollate", &["C"])
        .text("datctype", &["C"])
        .no_text("daticulocale", 1)
        .no_text("datcollversion", 1)
        .no_list("datacl", 1)
}

fn tables(relations: &[Relation]) -> Columns {
    let names: Vec<&str> = relations
        .iter()
        .filter(|relation| relation.kind == "r")
        .map(|relation| relation.name.as_str())
        .collect();
    let rows = names.len();
    Columns::default()
        .all_text("schemaname", SCHEMA, rows)
        .text("tablename", &names)
        .all_text("tableowner", OWNER_NAME, rows)
        .no_text("tablespace", rows)
        .all_bool("hasindexes", false, rows)
        .all_bool("hasrules", false, rows)
        .all_bool("hastriggers", false, rows)
        .all_bool("rowsecurity", false, rows)
}

fn views(relations: &[Relation]) -> Columns {
    let names: Vec<&str> = relations
        .iter()
        .filter(|relation| relation.kind == "v")
        .map(|relation| relation.name.as_str())
        .collect();
    let rows = names.len();
    Columns::default()
        .all_text("schemaname", SCHEMA, rows)
        .text("viewname", &names)
        .all_text("viewowner", OWNER_NAME, rows)
        .no_text("definition", rows)
}

fn roles(users: &[String]) -> Columns {
    let mut names: Vec<&str> = std::iter::once(OWNER_NAME).chain(users.iter().map(String::as_str)).collect();
    names.dedup();
    let rows = names.len();
    let oids: Vec<i32> = (0..rows).map(|at| OWNER + i32::try_from(at).unwrap_or(0)).collect();
    let mut columns = Columns::default()
        .oid("oid", &oids)
        .text("rolname", &names)
        .oid("usesysid", &oids)
        .text("usename", &names)
        .int("rolconnlimit", &vec![-1; rows])
        .no_text("rolpassword", rows)
        .no_text("rolvaliduntil", rows)
        .no_list("rolconfig", rows)
        .all_bool("rolinherit", true, rows)
        .all_bool("rolcanlogin", true, rows);
    for name in [
        "rolsuper",
        "rolcreaterole",
        "rolcreatedb",
        "rolreplication",
        "rolbypassrls",
        "usecreatedb",
        "usesuper",
    ] {
        columns = columns.all_bool(name, false, rows);
    }
    columns
}

fn information_tables(relations: &[Relation]) -> Columns {
    let rows = relations.len();
    let names: Vec<&str> = relations.iter().map(|relation| relation.name.as_str()).collect();
    let kinds: Vec<&str> =
        relations.iter().map(|relation| if relation.kind == "v" { "VIEW" } else { "BASE TABLE" }).collect();
    Columns::default()
        .all_text("table_catalog", DATABASE, rows)
        .all_text("table_schema", SCHEMA, rows)
        .text("table_name", &names)
        .text("table_type", &kinds)
        .all_text("is_insertable_into", "NO", rows)
        .all_text("is_typed", "NO", rows)
}

fn information_schemata() -> Columns {
    let rows = NAMESPACES.len();
    Columns::default()
        .all_text("catalog_name", DATABASE, rows)
        .text("schema_name", &NAMESPACES.map(|(_, name)| name))
        .all_text("schema_owner", OWNER_NAME, rows)
        .no_text("default_character_set_name", rows)
}

/// The long names of types, as information_schema has them.
fn long_name(kind: &Type) -> &'static str {
    let names: BTreeMap<u32, &'static str> = BTreeMap::from([
        (Type::BOOL.oid(), "boolean"),
        (Type::INT2.oid(), "smallint"),
        (Type::INT4.oid(), "integer"),
        (Type::INT8.oid(), "bigint"),
        (Type::FLOAT4.oid(), "real"),
        (Type::FLOAT8.oid(), "double precision"),
        (Type::NUMERIC.oid(), "numeric"),
        (Type::DATE.oid(), "date"),
        (Type::TIME.oid(), "time without time zone"),
        (Type::TIMESTAMP.oid(), "timestamp without time zone"),
        (Type::TIMESTAMPTZ.oid(), "timestamp with time zone"),
        (Type::INTERVAL.oid(), "interval"),
        (Type::BYTEA.oid(), "bytea"),
        (Type::TEXT.oid(), "text"),
        (Type::RECORD.oid(), "record"),
    ]);
    names.get(&kind.oid()).copied().unwrap_or("ARRAY")
}

fn information_columns(relations: &[Relation]) -> Columns {
    let all = || {
        relations.iter().flat_map(|relation| {
            relation.schema.fields().iter().enumerate().map(move |(at, field)| (relation, at, field))
        })
    };
    let rows = all().count();
    let tables: Vec<&str> = all().map(|(relation, ..)| relation.name.as_str()).collect();
    let names: Vec<&str> = all().map(|(_, _, field)| field.name().as_str()).collect();
    let numbers: Vec<i32> = all().map(|(_, at, _)| i32::try_from(at + 1).unwrap_or(i32::MAX)).collect();
    let kinds: Vec<Type> = all().map(|(_, _, field)| type_of(field)).collect();
    let long: Vec<&str> = kinds.iter().map(long_name).collect();
    let short: Vec<&str> = kinds.iter().map(Type::name).collect();
    let nullable: Vec<&str> =
        all().map(|(_, _, field)| if field.is_nullable() { "YES" } else { "NO" }).collect();
    Columns::default()
        .all_text("table_catalog", DATABASE, rows)
        .all_text("table_schema", SCHEMA, rows)
        .text("table_name", &tables)
        .text("column_name", &names)
        .int("ordinal_position", &numbers)
        .no_text("column_default", rows)
        .text("is_nullable", &nullable)
        .text("data_type", &long)
        .no_int("character_maximum_length", rows)
        .no_int("numeric_precision", rows)
        .no_int("numeric_scale", rows)
        .no_int("datetime_precision", rows)
        .all_text("udt_catalog", DATABASE, rows)
        .all_text("udt_schema", "pg_catalog", rows)
        .text("udt_name", &short)
        .all_text("is_identity", "NO", rows)
        .all_text("is_generated", "NEVER", rows)
        .all_text("is_updatable", "NO", rows)
}
