//! The services that a deployment needs, each by the client that the platform itself talks to it with.

use std::fmt::Debug;

use async_trait::async_trait;

use crate::finding::Finding;
use crate::machine::Machine;

/// The port to what is elsewhere. Nothing is changed there.
#[async_trait]
pub trait Cloud: Debug + Sync {
    /// Whether the lake at this address can be listed.
    async fn lake(&self, address: &str) -> Result<String, Trouble>;

    /// Whether these brokers answer, and the topics are there.
    async fn broker(&self, brokers: &str) -> Result<String, Trouble>;

    /// Whether Snowflake lets us in with the environment's settings.
    async fn snowflake(&self) -> Result<String, Trouble>;
}

/// What is wrong with a service, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What was seen.
    pub what: String,
    /// What to do about it.
    pub remedy: String,
}

pub(crate) async fn check(machine: &dyn Machine, cloud: &dyn Cloud) -> [Finding; 3] {
    let lake = match machine.variable("MILLRACE_LAKE") {
        Some(address) => found("lake", cloud.lake(&address).await),
        None => Finding::skipped("lake", "MILLRACE_LAKE is not set"),
    };
    let broker = match machine.variable("MILLRACE_BROKERS") {
        Some(brokers) => found("broker", cloud.broker(&brokers).await),
        None => Finding::skipped("broker", "MILLRACE_BROKERS is not set"),
    };
    let snowflake = match machine.variable("SNOWFLAKE_ACCOUNT") {
        Some(_) => found("Snowflake login", cloud.snowflake().await),
        None => Finding::skipped("Snowflake login", "SNOWFLAKE_ACCOUNT is not set"),
    };
    [lake, broker, snowflake]
}

fn found(check: &str, answer: Result<String, Trouble>) -> Finding {
    match answer {
        Ok(detail) => Finding::ok(check, detail),
        Err(Trouble { what, remedy }) => Finding::missing(check, what, remedy),
    }
}

#[cfg(test)]
pub(crate) mod fake {
    use super::*;

    /// Answers each question alike.
    #[derive(Debug)]
    pub(crate) struct Answers(Option<Result<String, Trouble>>);

    impl Answers {
        pub(crate) fn good() -> Self {
            Self(Some(Ok("answers".to_owned())))
        }

        pub(crate) fn troubled() -> Self {
            let (what, remedy) = ("does not answer".to_owned(), "start the service".to_owned());
            Self(Some(Err(Trouble { what, remedy })))
        }

        /// A question to it is a failure of the test.
        pub(crate) fn never() -> Self {
            Self(None)
        }

        fn answer(&self) -> Result<String, Trouble> {
            self.0.clone().expect("nobody is asked")
        }
    }

    #[async_trait]
    impl Cloud for Answers {
        async fn lake(&self, _: &str) -> Result<String, Trouble> {
            self.answer()
        }

        async fn broker(&self, _: &str) -> Result<String, Trouble> {
            self.answer()
        }

        async fn snowflake(&self) -> Result<String, Trouble> {
            self.answer()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fake::Answers;
    use super::*;
    use crate::finding::State;
    use crate::machine::fake::Fake;

    #[tokio::test]
    async fn only_what_is_set_is_asked() {
        let none = check(&Fake::default(), &Answers::never()).await;
        assert!(none.iter().all(|finding| finding.state == State::Skipped));
        let set = [("MILLRACE_LAKE", "s3://l"), ("MILLRACE_BROKERS", "b:1"), ("SNOWFLAKE_ACCOUNT", "a")];
        let machine = Fake { variables: set.into_iter().collect(), ..Fake::default() };
        let good = check(&machine, &Answers::good()).await;
        assert!(good.iter().all(|finding| finding.state == State::Ok && finding.detail == "answers"));
        let bad = check(&machine, &Answers::troubled()).await;
        assert!(bad.iter().all(|finding| finding.remedy.as_deref() == Some("start the service")));
    }
}
