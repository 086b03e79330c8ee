//! An HTTP server on this machine that answers from a queue of scripted answers, misbehaviour among them, and remembers
//! what it was asked. For tests: it panics where a client sends what no client should.
#![warn(missing_docs)]
#![allow(clippy::unwrap_used, reason = "tests alone use it")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// What the server does with one call.
#[derive(Debug, Clone)]
pub enum Scripted {
    /// A whole answer. Its length and `connection: close` are added to the headers.
    Answer {
        /// The status of HTTP.
        status: u16,
        /// Names and values.
        headers: Vec<(&'static str, String)>,
        /// The bytes of the body.
        body: Vec<u8>,
    },
    /// Half of the body it announced, then the connection is closed.
    Cut(Vec<u8>),
    /// Half of the body it announced, then silence for as long as the client listens.
    Silent(Vec<u8>),
    /// Closes the connection without a word.
    HangUp,
}

impl Scripted {
    /// Status 200 with this body and no headers of its own.
    pub fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200, body)
    }

    /// This status with this body and no headers of its own.
    pub fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }
    }

    /// A refusal as registries write it.
    pub fn refusal(status: u16, code: u32, message: &str) -> Self {
        Self::status(status, format!(r#"{{"error_code":{code},"message":"{message}"}}"#))
    }

    /// Adds a header to an answer; any other script stays as it is.
    pub fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_string()));
        }
        self
    }
}

/// A call as the server read it.
#[derive(Debug, Clone)]
pub struct Asked {
    /// `GET /subjects?deleted=false`.
    pub line: String,
    /// In small letters, `name: value`.
    headers: Vec<String>,
    /// The body as text; empty where none was announced.
    pub body: String,
}

impl Asked {
    /// What stands behind the question mark; the whole target where there is none.
    pub fn query(&self) -> &str {
        let target = self.line.split(' ').nth(1).unwrap_or_default();
        target.split_once('?').map_or(target, |(_, query)| query)
    }

    /// The value of the first header of this name, which has to be given in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find_map(|header| header.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// The server, which ends when this is dropped.
#[derive(Debug)]
pub struct ScriptedServer {
    /// Its address without a slash at the end: `http://127.0.0.1:<port>`, or `https://`.
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: tokio::task::JoinHandle<()>,
}

impl ScriptedServer {
    /// Answers by the script, one answer a call, and repeats the last one.
    pub async fn start(script: impl IntoIterator<Item = Scripted>) -> Self {
        Self::behind(None, script).await
    }

    /// The same, over TLS where there is an acceptor.
    pub async fn behind(
        tls: Option<tokio_rustls::TlsAcceptor>,
        script: impl IntoIterator<Item = Scripted>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
        let kept = asked.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, script, kept) = (tls.clone(), script.clone(), kept.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &script, &kept).await,
                        // A client that does not trust us goes away.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, &script, &kept).await;
                            }
                        }
                    }
                });
            }
        });
        Self { url, asked, task }
    }

    /// The calls so far, in order.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    script: &Mutex<VecDeque<Scripted>>,
    kept: &Mutex<Vec<Asked>>,
) {
    let Some(asked) = read(&mut stream).await else { return };
    kept.lock().unwrap().push(asked);
    let scripted = {
        let mut script = script.lock().unwrap();
        if script.len() > 1 { script.pop_front() } else { script.front().cloned() }
    };
    // Whatever the client does to the connection is the client's business.
    let _ = answer(&mut stream, scripted.expect("a script")).await;
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Asked> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let line = lines.next()?.trim_end_matches(" HTTP/1.1").to_owned();
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(": ").unwrap();
        format!("{}: {value}", name.to_ascii_lowercase())
    });
    let mut asked = Asked { line, headers: headers.collect(), body: String::new() };
    let length = asked.header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    asked.body = String::from_utf8(body).unwrap();
    Some(asked)
}

async fn answer(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    scripted: Scripted,
) -> std::io::Result<()> {
    let head = |status: u16, length: usize| {
        format!("HTTP/1.1 {status} Scripted\r\nconnection: close\r\ncontent-length: {length}\r\n")
    };
    match scripted {
        Scripted::Answer { status, headers, body } => {
            let mut head = head(status, body.len());
            for (name, value) in headers {
                head += &format!("{name}: {value}\r\n");
            }
            stream.write_all((head + "\r\n").as_bytes()).await?;
            stream.write_all(&body).await?;
        }
        Scripted::Cut(body) => {
            stream.write_all((head(200, body.len()) + "\r\n").as_bytes()).await?;
            stream.write_all(&body[..body.len() / 2]).await?;
        }
        Scripted::Silent(body) => {
            stream.write_all((head(200, body.len()) + "\r\n").as_bytes()).await?;
            stream.write_all(&body[..body.len() / 2]).await?;
            stream.flush().await?;
            // Ends when the client has had enough and closes.
            let _ = stream.read(&mut [0]).await?;
        }
        Scripted::HangUp => {}
    }
    stream.shutdown().await
}
