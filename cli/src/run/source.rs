//! The source that the arguments ask for.

use std::time::Duration;

use millrace_sources::{
    ApiSettings, ApiSource, CHANGED_DETAILS, Clock, RecordedSource, SIMULATED_PAGE, Share, SimulatorSettings,
    SimulatorSource, Source,
};

use super::args::{RunArgs, RunPlan, SourceChoice};
use crate::output;
use crate::progress::Bars;

const DEFAULT_USERS: u64 = 5_000;

/// How long `--source auto` waits for the API.
const PROBE: Duration = Duration::from_secs(2);

/// The seed under `--as-of`, so that the same arguments give the same tables.
const FIXED_SEED: &str = "millrace";

/// A source, and what a person is told of it.
#[derive(Debug)]
pub(crate) struct OpenSource {
    pub(crate) users: Box<dyn Source>,
    /// `api`, `simulator` or `recorded:PATH`.
    pub(crate) label: String,
    pub(crate) seed: Option<String>,
    /// Of what these users do, simulated: the same seed has them do the same.
    pub(crate) behaviour_seed: u64,
}

pub(crate) async fn open(plan: &RunPlan, args: &RunArgs, bars: &Bars) -> anyhow::Result<OpenSource> {
    let clock = plan.as_of.map_or(Clock::Real, Clock::Logical);
    match &plan.source {
        SourceChoice::Recorded(path) => {
            let users = RecordedSource::open(path, args.users, clock)?;
            Ok(OpenSource {
                users: Box::new(users),
                label: format!("recorded:{}", path.display()),
                seed: None,
                behaviour_seed: numeric(&seed(args, plan)),
            })
        }
        SourceChoice::Api => api(args, plan),
        SourceChoice::Simulator => simulator(args, plan, clock),
        SourceChoice::Auto if plan.auto_is_simulator => {
            bars.say("source: the simulator, since the API knows neither another day's clock nor --broken or --repeat");
            simulator(args, plan, clock)
        }
        SourceChoice::Auto => {
            let api_source = ApiSource::new(ApiSettings::default())?;
            match api_source.reachable(PROBE).await {
                Ok(()) => api(args, plan),
                Err(error) => {
                    tracing::debug!(error = &error as &dyn std::error::Error, "the API did not answer");
                    bars.say(
                        "source: the simulator, since the randomuser API did not answer within two seconds",
                    );
                    simulator(args, plan, clock)
                }
            }
        }
    }
}

fn api(args: &RunArgs, plan: &RunPlan) -> anyhow::Result<OpenSource> {
    let users = args.users.unwrap_or(DEFAULT_USERS);
    let settings = ApiSettings {
        // One call where one is enough, and whole pages where it is not: a page's users depend on its size.
        results_per_call: u32::try_from(users).unwrap_or(u32::MAX).min(millrace_sources::LARGEST_PAGE),
        users: Some(users),
        seed: Some(seed(args, plan)),
        ..ApiSettings::default()
    };
    let seed = settings.seed.clone();
    let source = ApiSource::new(settings)?.on_retry(move |retrying| {
        let seconds = retrying.pause.as_secs_f64();
        output::notice(format_args!("the API: {}; next try in {seconds:.0} s", retrying.error));
    });
    let behaviour_seed = seed.as_deref().map_or(0, numeric);
    Ok(OpenSource { users: Box::new(source), label: "api".to_owned(), seed, behaviour_seed })
}

fn simulator(args: &RunArgs, plan: &RunPlan, clock: Clock) -> anyhow::Result<OpenSource> {
    let seed = seed(args, plan);
    let source = SimulatorSource::new(SimulatorSettings {
        seed: numeric(&seed),
        users: Some(args.users.unwrap_or(DEFAULT_USERS)),
        page_size: SIMULATED_PAGE,
        broken: args.broken,
        repeat: args.repeat.unwrap_or(if args.tidy { Share::NONE } else { CHANGED_DETAILS }),
        untidy: !args.tidy,
        clock,
    })?;
    let behaviour_seed = numeric(&seed);
    let label = "simulator".to_owned();
    Ok(OpenSource { users: Box::new(source), label, seed: Some(seed), behaviour_seed })
}

fn seed(args: &RunArgs, plan: &RunPlan) -> String {
    match (&args.seed, plan.as_of) {
        (Some(seed), _) => seed.clone(),
        (None, Some(_)) => FIXED_SEED.to_owned(),
        (None, None) => format!("{:016x}", rand::random::<u64>()),
    }
}

/// The simulator's seed for a text: a number is itself, anything else its FNV-1a hash, the same on every machine.
pub(crate) fn numeric(seed: &str) -> u64 {
    let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    seed.parse().unwrap_or_else(|_| seed.bytes().fold(0xcbf2_9ce4_8422_2325, fnv))
}
