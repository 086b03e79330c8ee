//! Whatever is sent to the SQL server, it goes on: the release build would end with a panic.

#![allow(clippy::unwrap_used)]

#[path = "wire/lake.rs"]
mod lake;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lake::serve;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

static PANICS: AtomicUsize = AtomicUsize::new(0);

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![kind];
    message.extend(u32::try_from(body.len() + 4).unwrap().to_be_bytes());
    message.extend(body);
    message
}

fn startup() -> Vec<u8> {
    let body = b"\0\x03\0\0user\0bi\0database\0lake\0options\0-c a=b\0\0";
    let mut message = u32::try_from(body.len() + 4).unwrap().to_be_bytes().to_vec();
    message.extend(body);
    message
}

/// One of each kind, of which parts are then cut off and changed.
fn conversation() -> Vec<Vec<u8>> {
    vec![
        startup(),
        message(b'Q', b"select 1; select id from users_transformed\0"),
        message(b'P', b"s\0select $1::int, id from users_transformed\0\0\x01\0\0\0\x17"),
        message(b'B', b"p\0s\0\0\x01\0\x01\0\x01\0\0\0\x04\0\0\0\x01\0\x02\0\x01\0\0"),
        message(b'D', b"Ss\0"),
        message(b'D', b"Pp\0"),
        message(b'E', b"p\0\xff\xff\xff\xff"),
        message(b'E', b"p\0\x7f\xff\xff\xff"),
        message(b'C', b"Sx\0"),
        message(b'S', b""),
        message(b'Q', b"begin; declare c cursor for select 1; fetch 2 from c; copy (select 1) to stdout (format binary)\0"),
        message(b'p', b"SCRAM-SHA-256\0\0\0\0\x20n,,n=,r=abc"),
        message(b'd', b"data"),
        message(b'H', b""),
    ]
}

async fn send(address: std::net::SocketAddr, bytes: &[u8]) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    // The server ends the connection whatever came.
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(40), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server keeps a connection that has ended: {bytes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_bytes_end_the_server() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::SeqCst);
        before(panic);
    }));
    let users = |settings: &mut millrace_sql::wire::ServerSettings| {
        settings.users = vec![millrace_sql::wire::User {
            name: "bi".to_owned(),
            password: millrace_runtime::Secret::new("x"),
            access: millrace_sql::Access::All,
        }];
    };
    let (open, closed) = (serve(|_| ()).await, serve(users).await);
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let whole: Vec<u8> = conversation().concat();
    for end in 0..whole.len() {
        send(if end % 2 == 0 { open.address } else { closed.address }, &whole[..end]).await;
    }
    for _ in 0..400 {
        let mut parts = conversation();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..parts.len());
            let part = &mut parts[at];
            match random.random_range(0..4) {
                0 => part.truncate(random.random_range(0..part.len().max(1))),
                1 if !part.is_empty() => {
                    let byte = random.random_range(0..part.len());
                    part[byte] = random.random();
                }
                2 => part.extend((0..random.random_range(0..9)).map(|_| random.random::<u8>())),
                _ => {
                    // Its length stays right, its body is another.
                    for byte in part.iter_mut().skip(5) {
                        if random.random_range(0..4) == 0 {
                            *byte = random.random();
                        }
                    }
                }
            }
        }
        send(if random.random() { open.address } else { closed.address }, &parts.concat()).await;
    }
    for _ in 0..200 {
        let mut bytes = if random.random() { startup() } else { Vec::new() };
        bytes.extend((0..random.random_range(0..200)).map(|_| random.random::<u8>()));
        send(open.address, &bytes).await;
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "seed {seed}");
    let (client, connection) = tokio_postgres::connect(
        &format!("host=127.0.0.1 port={} user=bi", open.address.port()),
        tokio_postgres::NoTls,
    )
    .await
    .unwrap();
    tokio::spawn(connection);
    client.simple_query("select 1").await.unwrap();
}
