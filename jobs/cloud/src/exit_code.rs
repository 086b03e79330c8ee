//! The class of a failure as a process can tell it: by its exit code. On Fargate the state machine reads nothing else
//! (infra/modules/jobs/state_machine.tf, where [`STOP`] stands again).

use std::error::Error;

use millrace_events::failure::{Class, Classified};

use crate::error::CloudJobError;

/// Settings, permissions, a bug: the same again would fail the same.
pub const STOP: u8 = 64;

/// It may go well later: `EX_TEMPFAIL` of sysexits.
pub const RETRY: u8 = 75;

/// Failed before a job was asked, as where no thread can be had. Nobody knows more, so it is tried again, as is a panic, which aborts (134).
const UNKNOWN: u8 = 1;

/// The code of an error that ended a process.
pub(crate) fn of(error: &(dyn Error + Send + Sync + 'static)) -> u8 {
    match error.downcast_ref::<CloudJobError>().map(Classified::class) {
        // A job has no record that could go to the dead letters: what is bad stays bad.
        Some(Class::Stop | Class::DeadLetter) => STOP,
        Some(Class::Retry) => RETRY,
        None => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use millrace_lake::data_catalog::DataCatalogError;
    use millrace_runtime::settings::Environment;

    use super::*;
    use crate::settings::Settings;

    fn of_job(error: impl Into<CloudJobError>) -> u8 {
        of(&*Box::<dyn Error + Send + Sync>::from(error.into()))
    }

    #[test]
    fn a_class_is_told_by_the_exit_code() {
        let wrong = Settings::of(Environment::of([]), DateTime::UNIX_EPOCH).expect_err("it lacks the lake");
        assert_eq!(of_job(wrong), STOP);
        assert_eq!(of_job(CloudJobError::UnknownTable { table: "t".to_owned() }), STOP);
        let throttled = DataCatalogError::Retry {
            catalogue: "Glue".to_owned(),
            action: "register",
            entry: "t".to_owned(),
            source: "throttled".into(),
        };
        assert_eq!(of_job(throttled), RETRY);
        assert_eq!(of(&*Box::<dyn Error + Send + Sync>::from("no threads")), UNKNOWN);
    }

    #[test]
    fn the_state_machine_knows_the_code() {
        let text = include_str!("../../../infra/modules/jobs/state_machine.tf");
        assert!(
            text.contains(&format!("exit_code_of_stop = {STOP}")),
            "infra/modules/jobs/state_machine.tf names another code"
        );
    }
}
