//! A meter's text over HTTP, for a Prometheus on the same machine.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::meter::Meter;
use super::prometheus;

/// The longest head of a request; a scraper's is a few hundred bytes.
const HEAD: usize = 8 << 10;

/// How long one who asks may take, since there is one at a time.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers `GET /metrics` until it is dropped.
#[derive(Debug)]
pub struct MetricsServer {
    address: SocketAddr,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Why metrics are not served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is reachable from other machines. Another address is needed.
    #[error(
        "metrics are not served on {address}: it is no loopback address, and nobody is asked who he is; give such as 127.0.0.1:9464"
    )]
    NotLoopback {
        /// The address that was asked for.
        address: SocketAddr,
    },
    /// The address could not be bound or the serving thread not be started: mostly the port is taken.
    #[error("metrics could not be served on {address}; give a free port, or 0 for any")]
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

impl MetricsServer {
    /// Serves `meter` on `address`, which has to be of this machine alone; port 0 is any free one.
    pub fn start(address: SocketAddr, meter: Meter) -> Result<Self, ServeError> {
        if !address.ip().is_loopback() {
            return Err(ServeError::NotLoopback { address });
        }
        let bind = |source| ServeError::Bind { address, source };
        let listener = TcpListener::bind(address).map_err(bind)?;
        let address = listener.local_addr().map_err(bind)?;
        let ends = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ends);
        let serve = move || {
            for stream in listener.incoming() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                // One who hangs up is his own affair.
                let _ = stream.and_then(|stream| answer(stream, &meter));
            }
        };
        let thread = std::thread::Builder::new().name("metrics".to_owned()).spawn(serve).map_err(bind)?;
        tracing::info!(%address, "metrics_served");
        Ok(Self { address, ends, thread: Some(thread) })
    }

    /// Where it is, its port known.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for MetricsServer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // The thread waits for the next who asks: us.
        if TcpStream::connect_timeout(&self.address, PATIENCE).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
    }
}

fn answer(mut stream: TcpStream, meter: &Meter) -> io::Result<()> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let head = head(&mut stream)?;
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.split(|byte| *byte == b'?').next().unwrap_or_default();
    let (status, body) = match (method, path) {
        (b"GET", b"/metrics") => ("200 OK", prometheus::text(&meter.snapshot())),
        (b"GET", _) => ("404 Not Found", "metrics are at /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "ask with GET\n".to_owned()),
    };
    let (kind, length) = (prometheus::CONTENT_TYPE, body.len());
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )?;
    stream.flush()
}

/// The request up to its empty line.
fn head(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let until = Instant::now() + PATIENCE;
    let mut head = Vec::new();
    let mut piece = [0; 1_024];
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() || head.len() > HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
        stream.set_read_timeout(Some(left))?;
        let read = stream.read(&mut piece)?;
        head.extend_from_slice(&piece[..read]);
        if read == 0 || head.windows(4).any(|end| end == b"\r\n\r\n") {
            return Ok(head);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::RECORDS_IN;
    use super::*;

    fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn a_scrape_is_answered_with_the_latest_and_ends_with_the_server() {
        let meter = Meter::new();
        let server = MetricsServer::start("127.0.0.1:0".parse().unwrap(), meter.clone()).unwrap();
        let address = server.address();
        meter.add(RECORDS_IN, "users_created", 3);
        let answer = ask(address, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\ncontent-type: text/plain; version=0.0.4"), "{answer}");
        assert!(answer.contains("millrace_records_in_total{topic=\"users_created\"} 3\n"), "{answer}");
        assert!(ask(address, "GET / HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 404"));
        assert!(ask(address, "POST /metrics HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
        drop(server);
        assert!(TcpStream::connect(address).is_err());
    }

    #[test]
    fn other_machines_are_not_answered() {
        let error = MetricsServer::start("0.0.0.0:0".parse().unwrap(), Meter::new()).unwrap_err();
        assert!(error.to_string().contains("no loopback address"), "{error}");
    }
}
