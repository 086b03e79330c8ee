//! Work behind dropped guards and writers, which nobody awaits.

use std::future::Future;

use tokio::runtime::Handle;
use tokio::sync::watch;

/// Counts the work under way, so that a process can let it end.
#[derive(Debug, Clone)]
pub(super) struct Background(watch::Sender<usize>);

impl Default for Background {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Background {
    /// Begins `work` on `runtime`; where that has ended, nothing is done.
    pub(super) fn spawn(&self, runtime: &Handle, work: impl Future<Output = ()> + Send + 'static) {
        let ticket = Ticket::take(&self.0);
        runtime.spawn(async move {
            // Moved in: given back when the work is done, and when its runtime drops it.
            let _ticket = ticket;
            work.await;
        });
    }

    /// Waits until no work is under way.
    pub(super) async fn settled(&self) {
        // It fails when the sender is gone, and the sender is here.
        let _ = self.0.subscribe().wait_for(|count| *count == 0).await;
    }
}

struct Ticket(watch::Sender<usize>);

impl Ticket {
    fn take(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn settles_when_the_work_is_done() {
        let background = Background::default();
        background.settled().await;
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        background.spawn(&Handle::current(), async { receiver.await.unwrap() });
        let settled = tokio::spawn({
            let background = background.clone();
            async move { background.settled().await }
        });
        tokio::task::yield_now().await;
        assert!(!settled.is_finished());
        sender.send(()).unwrap();
        settled.await.unwrap();
    }
}
