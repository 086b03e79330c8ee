//! An HTTP server on this machine that answers from a queue of scripted answers, misbehaviour among them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with one call.
#[derive(Debug, Clone)]
pub(crate) enum Scripted {
    Answer {
        status: u16,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    },
    /// Half of the body it announced, then the connection is closed.
    Cut {
        body: Vec<u8>,
    },
    /// Half of the body it announced, then silence for as long as the client listens.
    Silent {
        body: Vec<u8>,
    },
    /// Closes the connection without a word.
    HangUp,
}

impl Scripted {
    pub(crate) fn ok(body: impl Into<Vec<u8>>) -> Self {
        Self::status(200, body)
    }

    pub(crate) fn status(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Answer { status, headers: Vec::new(), body: body.into() }
    }

    pub(crate) fn header(mut self, name: &'static str, value: impl ToString) -> Self {
        if let Self::Answer { headers, .. } = &mut self {
            headers.push((name, value.to_string()));
        }
        self
    }
}

#[derive(Debug)]
pub(crate) struct ScriptedServer {
    pub(crate) url: String,
    calls: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl ScriptedServer {
    /// Answers by the script, one answer a call, and repeats the last one.
    pub(crate) async fn start(script: impl IntoIterator<Item = Scripted>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/api/", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
        let kept = calls.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, script.clone(), kept.clone()));
            }
        });
        Self { url, calls, task }
    }

    /// The query of each call so far, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.lock().unwrap().clone()
    }
}

impl Drop for ScriptedServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(
    mut stream: TcpStream,
    script: Arc<Mutex<VecDeque<Scripted>>>,
    calls: Arc<Mutex<Vec<String>>>,
) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match stream.read(&mut byte).await {
            Ok(1) => request.push(byte[0]),
            _ => return,
        }
    }
    let request = String::from_utf8(request).unwrap();
    let target = request.split(' ').nth(1).unwrap_or_default();
    calls.lock().unwrap().push(target.split_once('?').map_or(target, |(_, query)| query).to_owned());
    let scripted = {
        let mut script = script.lock().unwrap();
        if script.len() > 1 { script.pop_front() } else { script.front().cloned() }
    };
    // Whatever the client does to the connection is the client's business.
    let _ = answer(&mut stream, scripted.expect("a script")).await;
}

async fn answer(stream: &mut TcpStream, scripted: Scripted) -> std::io::Result<()> {
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
        Scripted::Cut { body } => {
            stream.write_all((head(200, body.len()) + "\r\n").as_bytes()).await?;
            stream.write_all(&body[..body.len() / 2]).await?;
        }
        Scripted::Silent { body } => {
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
