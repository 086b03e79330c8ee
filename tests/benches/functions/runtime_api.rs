//! Lambda's runtime API, as far as a function asks it: the next event, and where the answer goes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail, ensure};
use tiny_http::{Header, Method, Request, Response, Server};

/// How long a function may take to ask or to answer.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct RuntimeApi {
    server: Server,
    /// A function that waits for its next event.
    waiting: Option<Request>,
}

impl RuntimeApi {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let server = Server::http("127.0.0.1:0").map_err(|error| anyhow::anyhow!("no server: {error}"))?;
        Ok(Self { server, waiting: None })
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> String {
        self.server.server_addr().to_string()
    }

    /// Waits until the function asks for an event.
    pub(crate) fn await_next(&mut self) -> anyhow::Result<()> {
        if self.waiting.is_some() {
            return Ok(());
        }
        let request = self.receive()?;
        ensure!(
            *request.method() == Method::Get && request.url().ends_with("/invocation/next"),
            "the function asked for {} {}",
            request.method(),
            request.url()
        );
        self.waiting = Some(request);
        Ok(())
    }

    /// Gives the function `event`, and answers what it made of it.
    pub(crate) fn invoke(&mut self, event: &[u8]) -> anyhow::Result<Vec<u8>> {
        self.await_next()?;
        let next = self.waiting.take().context("a function waits")?;
        let deadline = SystemTime::now().duration_since(UNIX_EPOCH)? + PATIENCE;
        let mut response = Response::from_data(event);
        for (name, value) in [
            ("Lambda-Runtime-Aws-Request-Id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd".to_owned()),
            ("Lambda-Runtime-Deadline-Ms", deadline.as_millis().to_string()),
            (
                "Lambda-Runtime-Invoked-Function-Arn",
                "arn:aws:lambda:us-east-1:123456789012:function:bench".to_owned(),
            ),
            ("Content-Type", "application/json".to_owned()),
        ] {
            let header = Header::from_bytes(name, value).map_err(|()| anyhow::anyhow!("no header {name}"))?;
            response.add_header(header);
        }
        next.respond(response)?;
        let mut answer = self.receive()?;
        let mut body = Vec::new();
        answer.as_reader().read_to_end(&mut body)?;
        let is_response = answer.url().ends_with("/response");
        answer.respond(Response::empty(202))?;
        if !is_response {
            bail!("the function failed: {}", String::from_utf8_lossy(&body));
        }
        Ok(body)
    }

    fn receive(&self) -> anyhow::Result<Request> {
        self.server.recv_timeout(PATIENCE)?.context("the function is silent")
    }
}
