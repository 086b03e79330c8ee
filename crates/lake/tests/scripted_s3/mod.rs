//! An S3 that answers by script, on loopback: the faults that no emulator has.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use millrace_lake::s3::{S3Credentials, S3Settings, S3Store};

/// The secret that no error and no `Debug` may show.
pub(crate) const SECRET: &str = "hush-hush-hush";

/// What one request meets.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Status(u16, Vec<(&'static str, &'static str)>, &'static str),
    /// The first bytes of an object that has more; then the connection is cut.
    Half,
    /// The connection is cut before a word.
    Cut,
    /// The body of the latest request that had one, under this ETag.
    WhatWasWritten(&'static str),
    /// Nothing, for so long.
    Silence(Duration),
}

/// An answer without headers.
pub(crate) fn status(status: u16, body: &'static str) -> Answer {
    Answer::Status(status, Vec::new(), body)
}

/// S3's refusal in XML.
pub(crate) fn refusal(code: u16, name: &'static str) -> Answer {
    let body = format!("<Error><Code>{name}</Code><Message>as scripted</Message></Error>");
    status(code, body.leak())
}

/// A written object's answer.
pub(crate) fn written(etag: &'static str) -> Answer {
    Answer::Status(200, vec![("etag", etag)], "")
}

#[derive(Debug)]
pub(crate) struct ScriptedS3 {
    endpoint: String,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Answer>,
    requests: Vec<String>,
    written: String,
}

impl ScriptedS3 {
    /// Answers with `script` in its order; what comes after it is answered 400.
    pub(crate) fn start(script: impl IntoIterator<Item = Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let state = State { script: script.into_iter().collect(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let served = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&served);
                std::thread::spawn(move || serve(stream, &state));
            }
        });
        Self { endpoint, state }
    }

    /// Settings that lead here, with waits that a test can afford.
    pub(crate) fn settings(&self) -> S3Settings {
        S3Settings {
            region: Some("us-east-1".into()),
            endpoint: Some(self.endpoint.clone()),
            credentials: Some(S3Credentials {
                access_key_id: "AKIDSCRIPTED".into(),
                secret_access_key: SECRET.into(),
                session_token: None,
            }),
            attempt: Duration::from_millis(500),
            deadline: Duration::from_secs(10),
            backoff: Duration::from_millis(10),
            ..S3Settings::new("s3://lake/dev".parse().unwrap())
        }
    }

    pub(crate) async fn store(&self) -> S3Store {
        S3Store::connect(self.settings()).await.unwrap()
    }

    /// Each request's head so far, its lines in lower case but for the first.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    /// How many answers nobody asked for.
    pub(crate) fn unmet(&self) -> usize {
        self.state.lock().unwrap().script.len()
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&if head.is_empty() { line } else { line.to_ascii_lowercase() });
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    let (answer, written) = {
        let mut state = state.lock().unwrap();
        state.requests.push(head);
        if !body.is_empty() {
            state.written = String::from_utf8_lossy(&body).into_owned();
        }
        let over = || status(400, "the script is over");
        (state.script.pop_front().unwrap_or_else(over), state.written.clone())
    };
    let mut stream = reader.into_inner();
    // The client may have given up: that is its affair.
    let _ = match answer {
        Answer::Status(status, headers, body) => {
            let headers: String =
                headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let length = body.len();
            write!(
                stream,
                "HTTP/1.1 {status} As Scripted\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
            )
        }
        Answer::WhatWasWritten(etag) => {
            let length = written.len();
            write!(stream, "HTTP/1.1 200 OK\r\netag: {etag}\r\ncontent-length: {length}\r\n\r\n{written}")
        }
        Answer::Half => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf of it"),
        Answer::Cut => Ok(()),
        Answer::Silence(span) => {
            std::thread::sleep(span);
            Ok(())
        }
    };
}
