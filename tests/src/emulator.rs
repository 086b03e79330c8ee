//! Emulators of AWS asked by plain HTTP: they want no signature, and a test needs no client of its own for one question.

use std::io::{Read, Write};
use std::net::TcpStream;

use anyhow::{Result, ensure};

/// Makes a bucket by a put of nothing.
///
/// # Errors
/// There is no emulator at `endpoint`, or it refuses.
pub fn make_bucket(endpoint: &str, bucket: &str) -> Result<()> {
    ask(endpoint, &format!("PUT /{bucket}"), "", "")
}

/// Has a bucket keep earlier versions of its objects.
///
/// # Errors
/// There is no emulator at `endpoint`, or it refuses.
pub fn keep_versions(endpoint: &str, bucket: &str) -> Result<()> {
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    ask(endpoint, &format!("PUT /{bucket}?versioning"), "Content-Type: application/xml\r\n", on)
}

/// Asks Glue for `operation`.
///
/// # Errors
/// There is no emulator at `endpoint`, or it refuses.
pub fn ask_glue(endpoint: &str, operation: &str, asked: &serde_json::Value) -> Result<()> {
    let headers = format!(
        "X-Amz-Target: AWSGlue.{operation}\r\nContent-Type: application/x-amz-json-1.1\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/glue/aws4_request\r\n"
    );
    ask(endpoint, "POST /", &headers, &asked.to_string())
}

fn ask(endpoint: &str, line: &str, headers: &str, body: &str) -> Result<()> {
    let address = endpoint.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = TcpStream::connect(address)?;
    let length = body.len();
    write!(
        stream,
        "{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}Connection: close\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{line} is refused: {answer}");
    Ok(())
}
