//! `millrace snowflake`: the lake in Snowflake: what a deployment would run, running it, asking, and whether it is the lake's.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::Table;
use comfy_table::presets::UTF8_BORDERS_ONLY;
use millrace_runtime::Shutdown;
use millrace_snowflake::deploy::deploy;
use millrace_snowflake::deployment_plan::DeploymentPlan;
use millrace_snowflake::history::History;
use millrace_snowflake::lake_tables::LakeTable;
use millrace_snowflake::{Connection, Environment, Rows, Session, Settings, Values, check};
use serde_json::{Value, json};

use crate::output;

pub(crate) const EXAMPLES: &str = "\
Examples:
  millrace snowflake plan --offline --platform outputs.json
  millrace snowflake plan --env prod --platform outputs.json
  millrace snowflake deploy --env prod --platform outputs.json
  The integrations alone, for the trust of their roles:
  millrace snowflake deploy --platform outputs.json --through 3
  millrace snowflake query \"DESC INTEGRATION &{database}_lake\"
  millrace snowflake query \"DESC INTEGRATION &{database}_alarms\"
  millrace snowflake query --sample totals --json
  millrace snowflake check

`terraform -chdir=infra/envs/dev output -json platform` writes outputs.json. Who
logs in where comes from the environment alone: SNOWFLAKE_ACCOUNT, _USER,
_PRIVATE_KEY (or _PRIVATE_KEY_PATH, with _PRIVATE_KEY_PASSPHRASE where it is
encrypted); _ROLE, _WAREHOUSE, _DATABASE, _SCHEMA and _HOST where they are not
the usual ones.

Exit codes: 0 done, 1 a statement failed or the tables differ, 2 wrong usage,
130 after Ctrl-C (the same command goes on)";

/// Arguments of `millrace snowflake`.
#[derive(Debug, Args)]
pub(crate) struct SnowflakeArgs {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Show which scripts a deployment would run, and why; changes nothing
    #[command(name = "plan")]
    DeploymentPlan {
        #[command(flatten)]
        chosen: Chosen,
        #[command(flatten)]
        extent: Extent,
        /// Show all scripts and their statements, and ask nobody what is deployed
        #[arg(long)]
        offline: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Run the scripts that are new, changed or failed before; stops at the first statement that fails
    Deploy {
        #[command(flatten)]
        chosen: Chosen,
        #[command(flatten)]
        extent: Extent,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Ask one query, with the environment's variables in it
    Query {
        #[command(flatten)]
        chosen: Chosen,
        /// The query; its columns must have distinct names
        #[arg(required_unless_present = "sample", conflicts_with = "sample")]
        sql: Option<String>,
        /// One of the queries in sql/queries, by its name
        #[arg(long, value_name = "NAME")]
        sample: Option<String>,
        /// How the answer is written
        #[arg(long, value_enum, default_value_t = Format::Table)]
        format: Format,
        /// The same as --format json
        #[arg(long, conflicts_with = "format")]
        json: bool,
    },
    /// Compare external tables with the lake's schemas: in the scripts, and as deployed
    Check {
        #[command(flatten)]
        chosen: Chosen,
        /// Look at the scripts alone
        #[arg(long)]
        offline: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
struct Chosen {
    /// The environment, whose variables are in sql/environments/NAME.vars
    #[arg(long = "env", value_name = "NAME", default_value = "dev")]
    environment: String,
    /// The folder of the scripts
    #[arg(long = "sql", value_name = "DIR", default_value = "sql")]
    scripts: PathBuf,
    /// What `terraform output -json platform` tells, as a file; - is standard input
    #[arg(long, value_name = "FILE")]
    platform: Option<PathBuf>,
    /// A variable's value, over the environment's; may be given again
    #[arg(long = "set", value_name = "NAME=VALUE")]
    assignments: Vec<String>,
}

#[derive(Debug, Args)]
struct Extent {
    /// End with the script of this number; the rest waits, as the stages do for the trust of their role
    #[arg(long, value_name = "NNN")]
    through: Option<u32>,
}

impl Extent {
    fn of(&self, plan: DeploymentPlan) -> DeploymentPlan {
        match self.through {
            Some(number) => plan.through(number),
            None => plan,
        }
    }
}

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// An object a row, a line each
    Json,
}

impl Chosen {
    fn environment(&self, settings: Option<&Settings>) -> anyhow::Result<Environment> {
        let platform = self.platform.as_deref().map(text_of).transpose()?;
        let values = Values { settings, platform: platform.as_deref(), assignments: &self.assignments };
        Ok(Environment::load(&self.scripts, &self.environment, values)?)
    }

    /// The environment of a session, and the session.
    async fn connect(&self) -> anyhow::Result<(Environment, Connection)> {
        let settings = Settings::of_process()?;
        let environment = self.environment(Some(&settings))?;
        let session = Connection::open(&environment.session(&settings)?).await?;
        Ok((environment, session))
    }
}

fn text_of(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        return std::io::read_to_string(std::io::stdin()).context("standard input is no UTF-8 text");
    }
    std::fs::read_to_string(path).with_context(|| format!("could not read {}", path.display()))
}

pub(crate) async fn snowflake(args: &SnowflakeArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    match &args.task {
        Task::Deploy { chosen, extent, json } => run(chosen, extent, *json, shutdown).await,
        Task::DeploymentPlan { chosen, extent, offline, json } => plan(chosen, extent, *offline, *json).await,
        Task::Query { chosen, sql, sample, format, json } => {
            let format = if *json { Format::Json } else { *format };
            query(chosen, sql.as_deref(), sample.as_deref(), format).await
        }
        Task::Check { chosen, offline, json } => compare(chosen, *offline, *json).await,
    }
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_BORDERS_ONLY).set_header(header.to_vec());
    table
}

async fn plan(chosen: &Chosen, extent: &Extent, offline: bool, json: bool) -> anyhow::Result<ExitCode> {
    let plan = if offline {
        // What the environment says of a session counts here too, where it is complete.
        let settings = Settings::of_process().ok();
        let environment = chosen.environment(settings.as_ref())?;
        DeploymentPlan::of(environment.scripts()?, &History::default())?
    } else {
        let (environment, session) = chosen.connect().await?;
        let history = History::read(&session, environment.database()?).await?;
        DeploymentPlan::of(environment.scripts()?, &history)?
    };
    let plan = extent.of(plan);
    let mut out = output::out();
    if json {
        writeln!(out, "{}", told(&plan))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = table(&["script", "statements", ""]);
    for step in &plan.steps {
        let statements = step.script.statements.len().to_string();
        rows.add_row([step.script.name.clone(), statements, step.change.word().to_owned()]);
    }
    writeln!(out, "{rows}")?;
    for step in plan.pending() {
        writeln!(out, "\n{} ({})", step.script.name, step.change.word())?;
        for statement in &step.script.statements {
            writeln!(out, "  {:>4}  {}", statement.line, statement.title())?;
        }
    }
    for name in &plan.gone {
        writeln!(
            out,
            "{name} was deployed and is no more: what it made stays until a later script drops it"
        )?;
    }
    let pending = plan.pending().count();
    writeln!(out, "\n{pending} of {} scripts would run", plan.steps.len())?;
    Ok(ExitCode::SUCCESS)
}

fn told(plan: &DeploymentPlan) -> Value {
    let steps = plan.steps.iter().map(|step| {
        let statements = step.script.statements.iter();
        let statements = statements.map(|one| json!({ "line": one.line, "title": one.title() }));
        json!({ "script": step.script.name, "checksum": step.script.checksum, "change": step.change.word(),
                "runs": step.change.runs(), "statements": statements.collect::<Vec<_>>() })
    });
    json!({ "scripts": steps.collect::<Vec<_>>(), "gone": plan.gone })
}

async fn run(chosen: &Chosen, extent: &Extent, json: bool, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let (environment, session) = chosen.connect().await?;
    let database = environment.database()?;
    let plan =
        extent.of(DeploymentPlan::of(environment.scripts()?, &History::read(&session, database).await?)?);
    let begins = |step: &millrace_snowflake::deployment_plan::PlannedScript| {
        output::remark(format_args!(
            "{} ({}, {} statements)",
            step.script.name,
            step.change.word(),
            step.script.statements.len()
        ));
    };
    shutdown.waits_for("the statement that runs ends");
    let deployed = deploy(&session, database, &plan, shutdown, begins).await?;
    if json {
        let told = json!({ "database": database, "scripts": deployed.scripts, "statements": deployed.statements,
                           "of_scripts": plan.steps.len(), "interrupted": deployed.interrupted });
        writeln!(output::out(), "{told}")?;
    }
    if deployed.interrupted {
        output::notice(format_args!("ended after {} scripts; the same command goes on", deployed.scripts));
        return Ok(ExitCode::from(crate::exit_code::INTERRUPTED));
    }
    if json {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        output::out(),
        "{} scripts deployed to {database}, {} statements; {} were there already",
        deployed.scripts,
        deployed.statements,
        plan.steps.len() - deployed.scripts
    )?;
    Ok(ExitCode::SUCCESS)
}

async fn query(
    chosen: &Chosen,
    sql: Option<&str>,
    sample: Option<&str>,
    format: Format,
) -> anyhow::Result<ExitCode> {
    let (environment, session) = chosen.connect().await?;
    let statement = match (sample, sql) {
        (Some(name), _) => environment.sample(name)?,
        (None, sql) => environment.statement("the query", sql.context("give a query, or --sample NAME")?)?,
    };
    write_answer(&session.run(&statement.text).await?, format)?;
    Ok(ExitCode::SUCCESS)
}

fn write_answer(rows: &Rows, format: Format) -> anyhow::Result<()> {
    let mut out = output::out();
    if format == Format::Json {
        for object in rows.objects() {
            writeln!(out, "{}", Value::Object(object))?;
        }
        return Ok(());
    }
    let names: Vec<_> = rows.columns.iter().map(|column| column.name.to_ascii_lowercase()).collect();
    let mut grid = table(&names.iter().map(String::as_str).collect::<Vec<_>>());
    for row in rows.texts() {
        grid.add_row(row.into_iter().map(Option::unwrap_or_default));
    }
    if !rows.rows.is_empty() {
        writeln!(out, "{grid}")?;
    }
    writeln!(out, "{} {}", rows.rows.len(), if rows.rows.len() == 1 { "row" } else { "rows" })?;
    Ok(())
}

async fn compare(chosen: &Chosen, offline: bool, json: bool) -> anyhow::Result<ExitCode> {
    let lake = LakeTable::all()?;
    let (told, of_what) = if offline {
        (chosen.environment(Settings::of_process().ok().as_ref())?.differences()?, "in the scripts")
    } else {
        let (environment, session) = chosen.connect().await?;
        let mut told = environment.differences()?;
        told.extend(check::deployed(&session, environment.database()?, &lake).await?);
        (told, "in the scripts and as deployed")
    };
    let mut out = output::out();
    if json {
        let differences: Vec<_> = told.iter().map(ToString::to_string).collect();
        let report =
            json!({ "tables": lake.len(), "deployed_compared": !offline, "differences": differences });
        writeln!(out, "{report}")?;
        return Ok(if told.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    for difference in &told {
        writeln!(out, "{difference}")?;
    }
    if told.is_empty() {
        writeln!(out, "{} external tables are the lake's, {of_what}", lake.len())?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "{} differences from the lake's schemas, {of_what}", told.len())?;
    Ok(ExitCode::FAILURE)
}
