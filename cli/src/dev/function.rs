//! The function as it is waited for: a first invocation has it built, which takes minutes.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use indicatif::HumanDuration;
use millrace_event_source::http_invoke::HttpInvoke;
use millrace_event_source::invoke::{Invoke, InvokeError, Invoked};
use millrace_runtime::Shutdown;

use crate::output;

/// An invocation's end, its build included. Lambda's own limit is a quarter of it: given up earlier, what waits for a
/// build would be built for, and delivered, twice.
pub(super) const PATIENCE: Duration = Duration::from_secs(3_600);

/// What a Ctrl-C waits for where nothing is delivered.
pub(super) const RESTING: &str = "what is not delivered yet comes again";

/// Tells a person what is waited for, now and when it is asked to end.
#[derive(Debug)]
pub(super) struct AwaitedFunction {
    pub(super) invoke: HttpInvoke,
    pub(super) name: String,
    pub(super) shutdown: Shutdown,
    pub(super) quiet: bool,
}

#[async_trait]
impl Invoke for AwaitedFunction {
    async fn invoke(&self, payload: Vec<u8>) -> Result<Invoked, InvokeError> {
        self.shutdown.waits_for(format!("{} answers what it was given", self.name));
        let began = Instant::now();
        let answering = self.invoke.invoke(payload);
        tokio::pin!(answering);
        let mut told_after = Duration::from_secs(10);
        let answered = loop {
            tokio::select! {
                answered = &mut answering => break answered,
                () = tokio::time::sleep(told_after.saturating_sub(began.elapsed())) => {
                    if !self.quiet {
                        let waited = HumanDuration(Duration::from_secs(began.elapsed().as_secs()));
                        output::remark(format_args!(
                            "waiting for {}'s answer for {waited}: a first build takes its time",
                            self.name
                        ));
                    }
                    told_after += Duration::from_secs(60);
                }
            }
        };
        if !self.shutdown.is_requested() {
            self.shutdown.waits_for(RESTING);
        }
        answered
    }
}
