//! `millrace run`: the whole path in one process, from source to tables.

mod args;
mod behaviour;
mod broker;
mod charts;
mod drain;
mod land;
mod landed_run;
mod reconciliation;
mod sent_users;
mod source;
mod summary;
mod tables;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use millrace_jobs::job_settings::{JobSettings, LITTLE_MEMORY, RunContext};
use millrace_lake::Store;
use millrace_runtime::Shutdown;
use millrace_stream::producer::{Producer, Publisher};
use millrace_stream::topics::USERS_CREATED;

pub(crate) use args::{RunArgs, UsageError};
pub(crate) use source::numeric as seed_number;

use self::broker::Broker;
use self::drain::DrainedLetters;
use self::land::LandingThread;
use self::reconciliation::{Flow, StreamFlow};
use self::sent_users::Persons;
use self::source::OpenSource;
use self::summary::{Outcome, Summary};
use self::tables::Tables;
use crate::clock;
use crate::job::{JobName, Runner};
use crate::lake::Missing;
use crate::output;
use crate::progress::Bars;

/// Runs the path and tells what came of it.
///
/// Exit codes: 0 done; 1 a hop does not add up, or the source failed midway (what it gave is landed); 130 after
/// Ctrl-C (what was fetched is landed and in the tables).
pub(crate) async fn run(args: RunArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let plan = args.plan(clock::today())?;
    let bars = Bars::new(args.json);
    let store = args.lake.enter(Missing::Create).await?;
    let swept = store.sweep().await.context("the lake could not be swept of what killed runs left behind")?;
    if swept > 0 {
        bars.say(&format!("swept {swept} leftovers of killed runs"));
    }
    let mut source = source::open(&plan, &args, &bars).await?;

    let mut seconds = BTreeMap::new();
    let started = std::time::Instant::now();
    let flow = carry(&args, &plan, &mut source, &store, shutdown, &bars, &mut seconds).await?;
    flow.check()?;
    if let Err(error) = flow.end_claim(store.as_ref()).await {
        // Nothing is lost but numbers.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the run's end could not be written down: its offsets stay claimed"
        );
    }

    let tables = match &flow.fetching.source_error {
        Some(_) => None,
        None => {
            shutdown.waits_for("the tables are made");
            Some(transform(&plan, &store, args.lake.scratch_dir(), &bars, &mut seconds).await?)
        }
    };
    seconds.insert("total", started.elapsed().as_secs_f64());
    bars.clear();

    let outcome = if shutdown.is_requested() { Outcome::Interrupted } else { Outcome::Done };
    let tables = tables.as_ref();
    let summary = Summary { args: &args, source: &source, flow: &flow, tables, outcome, seconds: &seconds };
    if args.json {
        writeln!(output::out(), "{}", summary.to_json())?;
    } else {
        summary.print()?;
    }
    match flow.fetching.source_error {
        Some(error) => Err(anyhow::Error::new(error).context(match flow.fetching.report.fetched {
            0 => "the source failed before its first user".to_owned(),
            users => format!(
                "the source failed after {users} users; they are landed, and no tables were made of them"
            ),
        })),
        None => Ok(outcome.exit_code()),
    }
}

/// Source to raw objects: fetches, produces, consumes and lands, until all of it is durable.
async fn carry(
    args: &RunArgs,
    plan: &args::RunPlan,
    source: &mut OpenSource,
    store: &Arc<dyn Store>,
    shutdown: &Shutdown,
    bars: &Bars,
    seconds: &mut BTreeMap<&'static str, f64>,
) -> anyhow::Result<Flow> {
    let began = std::time::Instant::now();
    let broker = Broker::start(plan, store).await?;
    let producer = Arc::new(Producer::connect(&broker.settings, broker.hold_back.clone())?);
    let bar = bars.users(source.users.expected());

    let drain = match &broker.hold_back {
        Some(hold_back) => Some(drain::start(&broker, &plan.streams, hold_back, store, args.lake.folder())?),
        None => None,
    };
    let landing = LandingThread::start(&broker, Arc::clone(store), Arc::clone(&producer), bar.landed())?;

    let persons = Arc::new(Persons::new(producer.clone(), plan.streams.len() > 1));
    let publisher: Arc<dyn Publisher> = persons.clone();
    shutdown.waits_for("what was fetched lands, then the tables are made");
    let stop = async {
        tokio::select! {
            () = shutdown.requested() => {}
            () = landing.failed() => {}
        }
    };
    let fetched = fetch_users::fetch(source.users.as_mut(), publisher, stop, clock::now_millis, |report| {
        bar.fetched(report)
    })
    .await;
    seconds.insert("fetch", began.elapsed().as_secs_f64());
    let simulated = match &fetched {
        Ok(fetched) if fetched.source_error.is_none() && plan.streams.len() > 1 => {
            let users = persons.take();
            behaviour::produce(args, plan, source.behaviour_seed, users, &producer, shutdown, bars).await
        }
        _ => Ok(BTreeMap::new()),
    };

    let acknowledged = producer.acknowledged();
    let landed = landing.finish(acknowledged.ends()).await;
    let letters = match drain {
        Some(drain) => drain.finish(producer.acknowledged().ends()).await,
        None => Ok(DrainedLetters::default()),
    };
    // Where the draining failed nobody could send dead letters any more, and where the landing failed nobody could
    // produce: the first cause comes first.
    let letters = letters?;
    let landed = landed?;
    let fetching = fetched?;
    let simulated = simulated?;
    let streams = plan.streams.iter().map(|event| StreamFlow {
        topic: event.topic(),
        produced: match event.topic() {
            USERS_CREATED => fetching.report.produced,
            topic => simulated.get(topic).copied().unwrap_or(0),
        },
    });
    let streams = streams.collect();
    seconds.insert("land", began.elapsed().as_secs_f64());
    bar.finish();
    Ok(Flow {
        generation: broker.generation.clone(),
        embedded: broker.hold_back.is_some(),
        fetching,
        streams,
        acknowledged,
        landed,
        letters: letters.by_topic,
        letters_erased: letters.erased,
        claim: broker.claim,
        // Of now: landing has sent dead letters since.
        ends: producer.acknowledged().ends(),
    })
}

/// All jobs of the day, in their order.
async fn transform(
    plan: &args::RunPlan,
    store: &Arc<dyn Store>,
    scratch_dir: PathBuf,
    bars: &Bars,
    seconds: &mut BTreeMap<&'static str, f64>,
) -> anyhow::Result<Tables> {
    let run = RunContext { as_of: plan.as_of.unwrap_or_else(clock::today), started_at: clock::now_micros() };
    let settings = JobSettings { memory_bytes: LITTLE_MEMORY, scratch_dir };
    let runner = Runner::new(Arc::clone(store), settings, bars);
    let mut jobs = Vec::with_capacity(JobName::ALL.len());
    for name in JobName::ALL {
        let done = runner.run(name, &run).await?;
        seconds.insert(done.job, done.seconds);
        // Where a later run has the day already, the tables that follow are its own too.
        let goes_on = done.published;
        jobs.push(done);
        if !goes_on {
            break;
        }
    }
    Ok(Tables { run, jobs })
}
