//! Where log events go: text on standard error for people, lines of JSON for Lambda.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The environment's key for a filter such as `info,millrace_stream=debug`.
pub const FILTER: &str = "MILLRACE_LOG";

/// Why log events could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read. Nothing was set up.
    #[error("MILLRACE_LOG={filter:?} is no filter; give such as info or warn,millrace_lake=debug")]
    Filter {
        /// The filter as it was given.
        filter: String,
        /// What is wrong with it.
        source: tracing_subscriber::filter::ParseError,
    },
    /// This process has a subscriber already.
    #[error("log events were set up twice; set them up in main alone")]
    Twice(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Text on standard error. Each `-v` of `verbosity` shows more: warnings, ours' info, ours' debug, everything.
/// MILLRACE_LOG overrides it.
pub fn for_people(verbosity: u8) -> Result<(), TelemetryError> {
    for_people_on(verbosity, std::io::stderr)
}

/// The same on another writer, such as one that steps round a progress bar on standard error.
pub fn for_people_on<W>(verbosity: u8, writer: W) -> Result<(), TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    for_people_filtered(verbosity, of_environment().as_deref(), writer)
}

/// The same with a filter that was read from wherever settings are; an empty one is none.
pub fn for_people_filtered<W>(verbosity: u8, filter: Option<&str>, writer: W) -> Result<(), TelemetryError>
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let default = match verbosity {
        // Why AWS's keys could not be had is told by the error that comes of it.
        0 => "warn,aws_config=error",
        1 => "warn,aws_config=error,millrace=info,fetch_users=info,land_events=info",
        2 => "info,millrace=debug,fetch_users=debug,land_events=debug",
        _ => "trace",
    };
    let colour =
        std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let filter = parse(filter.filter(|filter| !filter.is_empty()).unwrap_or(default))?;
    let subscriber = fmt().compact().with_ansi(colour).with_writer(writer).with_max_level(LevelFilter::TRACE);
    let subscriber = subscriber.with_target(verbosity > 1);
    if verbosity == 0 {
        subscriber.without_time().finish().with(filter).try_init()
    } else {
        subscriber.finish().with(filter).try_init()
    }
    .map_err(|error| TelemetryError::Twice(error.into()))
}

/// A JSON object a line on standard output, which Lambda keeps in CloudWatch.
pub fn for_lambda() -> Result<(), TelemetryError> {
    let subscriber = fmt().json().flatten_event(true).with_current_span(true).with_span_list(false);
    // CloudWatch stamps each line itself.
    let subscriber = subscriber.without_time().with_max_level(LevelFilter::TRACE).finish();
    subscriber
        .with(parse(of_environment().as_deref().unwrap_or("info"))?)
        .try_init()
        .map_err(|error| TelemetryError::Twice(error.into()))
}

/// An error with all that lies behind it, in a line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let mut told: Vec<String> = Vec::new();
    for cause in causes.map(ToString::to_string) {
        // A transparent error says what its cause says.
        if told.last() != Some(&cause) {
            told.push(cause);
        }
    }
    told.join(": ")
}

fn of_environment() -> Option<String> {
    std::env::var(FILTER).ok().filter(|filter| !filter.is_empty())
}

/// Levels by target. Not the filter of fields and spans: its regular expressions weigh more than a twentieth of a function.
fn parse(filter: &str) -> Result<Targets, TelemetryError> {
    filter.parse().map_err(|source| TelemetryError::Filter { filter: filter.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_filter_is_refused_by_name() {
        let error = parse("millrace=loud").unwrap_err();
        assert!(error.to_string().starts_with("MILLRACE_LOG=\"millrace=loud\""), "{error}");
    }

    #[test]
    fn a_second_set_up_is_an_error_and_no_panic() {
        for_people(3).unwrap();
        assert!(matches!(for_lambda(), Err(TelemetryError::Twice(_))));
    }
}
