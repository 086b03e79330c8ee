//! Which failures say that the function never had the payload.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use millrace_event_source::http_invoke::HttpInvoke;
use millrace_event_source::invoke::{Invoke, InvokeError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

async fn error_of(endpoint: &str) -> InvokeError {
    let invoke = HttpInvoke::new(endpoint, "f", Duration::from_millis(500)).unwrap();
    invoke.invoke(b"{}".to_vec()).await.unwrap_err()
}

/// An endpoint that answers each connection with `answer`, or not at all, and closes it.
async fn endpoint(answer: Option<&'static str>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let _ = connection.read(&mut [0; 1_024]).await;
            if let Some(answer) = answer {
                connection.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    });
    endpoint
}

#[tokio::test]
async fn only_a_refused_connection_and_throttling_are_no_attempts() {
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert!(!error_of(&format!("http://{nobody}")).await.was_taken());
    let throttled = "HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    assert!(!error_of(&endpoint(Some(throttled)).await).await.was_taken());

    let broken = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    assert!(error_of(&endpoint(Some(broken)).await).await.was_taken());
    assert!(error_of(&endpoint(None).await).await.was_taken(), "a cut connection says nothing");
}
