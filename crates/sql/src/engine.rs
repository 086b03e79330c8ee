//! Answers statements over a lake: one engine serves many at a time, from memory that it bounds for all of them.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::catalog::{CatalogProvider, SchemaProvider};
use datafusion::common::ParamValues;
use datafusion::config::Dialect;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::context::{SessionContext, SessionState};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{LogicalPlan, LogicalPlanBuilder, col, lit};
use datafusion::physical_plan::{ExecutionPlan, SendableRecordBatchStream, execute_stream};
use datafusion::prelude::SessionConfig;
use futures::{FutureExt, StreamExt};
use millrace_lake::Store;
use tokio::runtime::{Handle, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::answer::{Answer, columns};
use crate::as_of::AsOf;
use crate::cancel::Cancel;
use crate::dialect::{self, Asked};
use crate::error::QueryError;
use crate::parsing::parse;
use crate::place::Place;
use crate::scan::objects_of;
use crate::snapshot::{Access, Catalog, Catalogs, DATABASE, SCHEMA, Snapshot};
use crate::yielding::YieldingJoins;

/// How often a statement begins again because objects went away between their listing and their opening.
const ATTEMPTS: usize = 100;

/// The name of the threads that work on statements: what panics there is a statement's error.
pub const THREADS: &str = "query";

/// Operators that make nothing for long keep their thread: the system shares the processors among more threads than there are.
const THREADS_A_PROCESSOR: usize = 8;

/// What statements may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of memory for all statements at a time; what does not fit is spilled to disk.
    pub memory: usize,
    /// Where is spilled; the system's folder for temporary files where none is given.
    pub spill_dir: Option<PathBuf>,
    /// How long a statement may take.
    pub timeout: Option<Duration>,
    /// Threads that work on statements.
    pub threads: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { memory: 1 << 30, spill_dir: None, timeout: None, threads }
    }
}

/// The engine of one lake. Clones share it.
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    base: SessionState,
    timeout: Option<Duration>,
    /// Of the engine's own, so that no statement's work holds up who waits for another.
    runtime: Option<Runtime>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// What statements see beside the lake's tables and the dialect: PostgreSQL's catalogue, for its clients.
pub(crate) struct Beside {
    /// With the functions; made from [`Engine::base`].
    pub(crate) base: SessionState,
    /// The schemas over a statement's snapshot, for statements that ask for names.
    #[expect(clippy::type_complexity, reason = "it is one function")]
    pub(crate) schemas:
        Box<dyn Fn(&Arc<Snapshot>) -> Vec<(&'static str, Arc<dyn SchemaProvider>)> + Send + Sync>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Engine").field(&self.0.store).finish()
    }
}

impl Engine {
    /// Of the lake in `store`.
    ///
    /// # Errors
    /// The threads can't be started, or the folder for spilling not be made.
    pub fn new(store: Arc<dyn Store>, limits: &Limits) -> Result<Self, QueryError> {
        raise_open_files();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(limits.threads * THREADS_A_PROCESSOR)
            .thread_name(THREADS)
            .enable_all()
            .build()?;
        let spill = limits
            .spill_dir
            .clone()
            .map_or(DiskManagerMode::OsTmpDirectory, |folder| DiskManagerMode::Directories(vec![folder]));
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(spill))
            .build_arc()
            .map_err(|error| QueryError::of_engine(error, ""))?;
        let state = SessionStateBuilder::new_with_default_features()
            .with_config(config(limits))
            .with_runtime_env(environment)
            .with_physical_optimizer_rule(Arc::new(YieldingJoins))
            .build();
        let context = SessionContext::new_with_state(state);
        dialect::register(&context);
        let base = context.state();
        let inner = Inner { store, base, timeout: limits.timeout, runtime: Some(runtime) };
        Ok(Self(Arc::new(inner)))
    }

    /// The runtime that statements run on.
    pub fn handle(&self) -> &Handle {
        self.0.runtime.as_ref().expect("it is taken when the engine drops").handle()
    }

    /// The lake's store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// What each statement's session is made from.
    pub(crate) fn base(&self) -> &SessionState {
        &self.0.base
    }

    /// Plans a statement over the lake as it is now. To be called on [`Engine::handle`].
    ///
    /// # Errors
    /// It is no SQL, writes, names what is not there, or would be answered wrongly.
    pub async fn prepare(&self, sql: &str, access: Access) -> Result<Prepared, QueryError> {
        self.prepare_beside(sql, access, None).await
    }

    /// [`Engine::prepare`] with more than the lake to be named.
    ///
    /// # Errors
    /// As there.
    pub(crate) async fn prepare_beside(
        &self,
        sql: &str,
        access: Access,
        beside: Option<Arc<Beside>>,
    ) -> Result<Prepared, QueryError> {
        let statement = parse(sql)?;
        let checked = dialect::check(&statement)?;
        let statement = dialect::rewrite(statement)?;
        let store = Arc::clone(&self.0.store);
        let snapshot = Arc::new(match checked.asked {
            Asked::Rows => Snapshot::new(store, access),
            Asked::Names => Snapshot::whole(store, access).await?,
        });
        let catalog = Catalog::of(Arc::clone(&snapshot));
        let base = match &beside {
            None => &self.0.base,
            Some(beside) => {
                if checked.asked == Asked::Names {
                    for (name, schema) in (beside.schemas)(&snapshot) {
                        let _ = catalog.register_schema(name, schema);
                    }
                }
                &beside.base
            }
        };
        let catalogs = Catalogs(catalog);
        let state = SessionStateBuilder::new_from_existing(base.clone())
            .with_session_id(String::from("query"))
            .with_catalog_list(Arc::new(catalogs))
            .build();
        let plan = state.statement_to_plan(statement).await;
        let plan = plan.map_err(|error| of_planning(error, sql, &snapshot))?;
        let plan = match plan {
            LogicalPlan::DescribeTable(table) => described(&table.schema)?,
            plan => plan,
        };
        dialect::check_plan(&plan, &checked)?;
        Ok(Prepared {
            engine: self.clone(),
            context: SessionContext::new_with_state(state),
            plan,
            sql: sql.to_owned(),
            access,
            beside,
        })
    }

    /// Starts a query. The lake is listed anew for each, so that a run beside it is seen; what the query reads is opened before it
    /// starts, so that nothing done to the lake meanwhile shows in the answer. Blocks, and is to be called outside of the engine's
    /// own runtime; another thread may cancel it, before its first row and behind it.
    ///
    /// # Errors
    /// As of [`Engine::prepare`], and what is found when it starts.
    pub fn query(&self, sql: &str, access: Access, cancel: &Cancel) -> Result<Answer, QueryError> {
        let (engine, sql) = (self.clone(), sql.to_owned());
        let (started, begun) = oneshot::channel();
        // One batch waits while another is written: memory is bounded whatever the reader's pace.
        let (sender, batches) = mpsc::channel(1);
        let work = self.handle().spawn(async move {
            let begin = async { engine.prepare(&sql, access).await?.run(None).await };
            let mut rows = match begin.await {
                Ok(rows) => rows,
                Err(error) => return drop(started.send(Err(error))),
            };
            if started.send(Ok(Arc::clone(rows.schema()))).is_err() {
                return;
            }
            while let Some(batch) = rows.next().await {
                let failed = batch.is_err();
                if sender.send(batch).await.is_err() || failed {
                    return;
                }
            }
        });
        let work = work.abort_handle();
        let begun = cancel.until(async { begun.await.unwrap_or_else(|_| Err(gave_up())) });
        // Also on a thread of a runtime, which tokio's own blocking call refuses.
        match futures::executor::block_on(begun) {
            Ok(schema) => Ok(Answer::new(schema, batches, work, cancel.clone())),
            Err(error) => {
                work.abort();
                Err(error)
            }
        }
    }
}

/// A planned statement, which may have parameters.
pub struct Prepared {
    engine: Engine,
    context: SessionContext,
    plan: LogicalPlan,
    sql: String,
    access: Access,
    beside: Option<Arc<Beside>>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").finish_non_exhaustive()
    }
}

impl Prepared {
    /// The columns of its answer.
    pub fn schema(&self) -> SchemaRef {
        Arc::new(self.plan.schema().as_arrow().clone())
    }

    /// The columns of its answer to these parameters.
    ///
    /// # Errors
    /// A value does not fit.
    pub(crate) fn schema_with(&self, parameters: Option<ParamValues>) -> Result<SchemaRef, QueryError> {
        let Some(parameters) = parameters else { return Ok(self.schema()) };
        let plan = self.plan.clone().with_param_values(parameters);
        let plan = plan.map_err(|error| QueryError::of_engine(error, &self.sql))?;
        Ok(Arc::new(plan.schema().as_arrow().clone()))
    }

    /// Its parameters by number from 1, with their types where the statement says them.
    ///
    /// # Errors
    /// The statement gives one parameter several types.
    pub fn parameters(&self) -> Result<Vec<Option<DataType>>, QueryError> {
        let named =
            self.plan.get_parameter_types().map_err(|error| QueryError::of_engine(error, &self.sql))?;
        let number = |name: &String| name.trim_start_matches('$').parse::<usize>().ok();
        let mut types = vec![None; named.keys().filter_map(number).max().unwrap_or(0)];
        for (name, kind) in &named {
            if let Some(slot) = number(name).and_then(|number| types.get_mut(number.checked_sub(1)?)) {
                slot.clone_from(kind);
            }
        }
        Ok(types)
    }

    /// Starts it. To be called on [`Engine::handle`].
    ///
    /// Where an object that it needs goes away before it has a row, it is planned again over the lake as it is then.
    ///
    /// # Errors
    /// A value does not fit, an object is damaged, memory or time run out.
    pub async fn run(self, parameters: Option<ParamValues>) -> Result<Rows, QueryError> {
        let deadline = self.engine.0.timeout.map(|limit| (Instant::now() + limit, limit));
        let mut prepared = self;
        for _ in 0..ATTEMPTS {
            match within(deadline, prepared.try_run(parameters.clone())).await {
                Err(error) if error.is_vanished() => {
                    let Prepared { engine, sql, access, beside, .. } = prepared;
                    prepared = engine.prepare_beside(&sql, access, beside).await?;
                }
                Err(error) => return Err(error),
                Ok(begun) => return Ok(Rows { begun, deadline, sql: prepared.sql, over: false }),
            }
        }
        Err(QueryError::Restless)
    }

    async fn try_run(&self, parameters: Option<ParamValues>) -> Result<Begun, QueryError> {
        let of_engine = |error| QueryError::of_engine(error, &self.sql);
        let mut plan = self.plan.clone();
        if let Some(parameters) = parameters {
            plan = plan.with_param_values(parameters).map_err(of_engine)?;
        }
        let frame = self.context.execute_logical_plan(plan).await.map_err(of_engine)?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let work = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await.map_err(of_engine)?;
        let mut rest = execute_stream(Arc::clone(&plan), work).map_err(of_engine)?;
        match next_of(&mut rest, &self.sql).await {
            Ok(first) => Ok(Begun { schema, first, rest, plan }),
            Err(error) => Err(of_file(error, &plan).await),
        }
    }
}

/// A statement whose first rows are there.
struct Begun {
    schema: SchemaRef,
    first: Option<RecordBatch>,
    rest: SendableRecordBatchStream,
    plan: Arc<dyn ExecutionPlan>,
}

/// The next rows. What the engine or a decoder panics of is the statement's error, and nobody else's.
async fn next_of(rows: &mut SendableRecordBatchStream, sql: &str) -> Result<Option<RecordBatch>, QueryError> {
    match AssertUnwindSafe(rows.next()).catch_unwind().await {
        Ok(next) => next.transpose().map_err(|error| QueryError::of_engine(error, sql)),
        Err(_panic) => Err(gave_up()),
    }
}

fn gave_up() -> QueryError {
    QueryError::Failed {
        reason: "the engine gave up on it: a fault of DataFusion; try it in smaller steps".to_owned(),
        place: Place::default(),
        state: "XX000",
    }
}

/// The error, of the file that is damaged where one is.
async fn of_file(error: QueryError, plan: &Arc<dyn ExecutionPlan>) -> QueryError {
    if error.may_be_damage() {
        for object in objects_of(plan) {
            if let Some(damage) = object.damage().await {
                return damage;
            }
        }
    }
    error
}

/// The rows of a statement that has begun.
pub struct Rows {
    begun: Begun,
    deadline: Option<(Instant, Duration)>,
    sql: String,
    over: bool,
}

impl std::fmt::Debug for Rows {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rows").field("schema", &self.begun.schema).finish_non_exhaustive()
    }
}

impl Rows {
    /// Their columns.
    pub fn schema(&self) -> &SchemaRef {
        &self.begun.schema
    }

    /// The next ones; none behind the last and behind an error.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, QueryError>> {
        if let Some(first) = self.begun.first.take() {
            return Some(Ok(first));
        }
        if self.over {
            return None;
        }
        let sql = &self.sql;
        let (rest, plan) = (&mut self.begun.rest, &self.begun.plan);
        let next = within(self.deadline, async {
            match next_of(rest, sql).await {
                Ok(next) => Ok(next),
                Err(error) => Err(of_file(error, plan).await),
            }
        });
        let next = match next.await {
            // Rows of it are out already.
            Err(error) if error.is_vanished() => Err(QueryError::Restless),
            next => next,
        };
        self.over = !matches!(next, Ok(Some(_)));
        next.transpose()
    }
}

async fn within<T>(
    deadline: Option<(Instant, Duration)>,
    work: impl Future<Output = Result<T, QueryError>>,
) -> Result<T, QueryError> {
    match deadline {
        None => work.await,
        Some((at, limit)) => match tokio::time::timeout_at(at, work).await {
            Ok(done) => done,
            Err(_) => Err(QueryError::Timeout { seconds: limit.as_secs() }),
        },
    }
}

/// A row a column, with its type as docs/tables.md has it.
fn described(schema: &SchemaRef) -> Result<LogicalPlan, QueryError> {
    let rows = columns(schema).into_iter().map(|column| vec![lit(column.name), lit(column.dtype)]);
    let plan = LogicalPlanBuilder::values(rows.collect()).and_then(|rows| {
        rows.project([col("column1").alias("column_name"), col("column2").alias("data_type")])?.build()
    });
    plan.map_err(|error| QueryError::of_engine(error, ""))
}

fn of_planning(error: datafusion::error::DataFusionError, sql: &str, snapshot: &Snapshot) -> QueryError {
    // DataFusion 55's words; where they change, its own are told.
    const ABSENT: [&str; 2] = ["table '", "' not found"];
    match QueryError::of_engine(error, sql) {
        QueryError::Failed { reason, place, state } => {
            let name = reason.strip_prefix(ABSENT[0]).and_then(|rest| rest.strip_suffix(ABSENT[1]));
            match name {
                Some(name) => {
                    let ours = format!("{DATABASE}.{SCHEMA}.");
                    let name = name.strip_prefix(&ours).unwrap_or(name);
                    let name = AsOf::of_name(name).map_or_else(|| name.to_owned(), |as_of| as_of.table);
                    let place = Place::of_name(&name, sql);
                    QueryError::NoTable { name, place, known: snapshot.names() }
                }
                None => QueryError::Failed { reason, place, state },
            }
        }
        error => error,
    }
}

fn config(limits: &Limits) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_information_schema(true)
        .with_default_catalog_and_schema(DATABASE, SCHEMA)
        .with_target_partitions(limits.threads);
    let options = config.options_mut();
    options.sql_parser.dialect = Dialect::PostgreSQL;
    options.sql_parser.collect_spans = true;
    // As PostgreSQL: nulls are larger than anything else.
    options.sql_parser.default_null_ordering = "nulls_max".to_owned();
    options.execution.time_zone = Some("UTC".to_owned());
    config
}

/// A statement has its files open from its start on, and a raw table may have thousands.
fn raise_open_files() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE)
        && soft < hard
    {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, hard, hard);
    }
}
