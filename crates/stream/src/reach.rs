//! Whether brokers answer, for those who only want to know.

use std::time::Duration;

use millrace_runtime::telemetry;

use crate::StreamError;
use crate::client::ClientSettings;
use crate::topics::Topics;

/// How long a broker is waited for: within the timeout of every function, and long enough for TLS and a login.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a broker answers, login included, or why none does, in words. Asks for the topics that the login may see, and changes
/// nothing. Blocks.
pub fn reach(settings: ClientSettings) -> Result<(), String> {
    let settings = ClientSettings { reach_timeout: settings.reach_timeout.min(PATIENCE), ..settings };
    let asked: Result<_, StreamError> = Topics::connect(&settings).and_then(|topics| topics.all());
    asked.map(drop).map_err(|error| telemetry::with_causes(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_is_not_there_is_told_by_its_address() {
        let settings = ClientSettings {
            reach_timeout: Duration::from_millis(200),
            ..ClientSettings::new("127.0.0.1:9")
        };
        let why = reach(settings).unwrap_err();
        assert!(why.contains("127.0.0.1:9"), "{why}");
    }
}
