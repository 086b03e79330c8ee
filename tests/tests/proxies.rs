//! `millrace` behind a company's proxy: HTTPS_PROXY, HTTP_PROXY and NO_PROXY, and the company's own authority.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use millrace_scripted_server::{Scripted, ScriptedServer};
use millrace_tests::program::{Ended, millrace};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// A name that only the proxy knows.
const NAME: &str = "s3.inside.example";

/// A proxy that leads everything to one server, by tunnel or by forwarding, and remembers the heads of what it was asked.
struct Proxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(url: &str) -> Self {
        let target = url.split_once("://").unwrap().1.to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (target, kept) = (target.clone(), kept.clone());
                std::thread::spawn(move || lead(stream, &target, &kept));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn lead(stream: TcpStream, target: &str, kept: &Mutex<Vec<String>>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    kept.lock().unwrap().push(head.clone());
    let mut near = reader.get_ref().try_clone().ok()?;
    let mut far = TcpStream::connect(target).ok()?;
    if head.starts_with("CONNECT ") {
        near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").ok()?;
    } else {
        far.write_all(head.as_bytes()).ok()?;
    }
    let mut back = far.try_clone().ok()?;
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut near);
        let _ = near.shutdown(std::net::Shutdown::Both);
    });
    let mut sent = [0; 4096];
    loop {
        match reader.read(&mut sent) {
            Ok(0) | Err(_) => return far.shutdown(std::net::Shutdown::Write).ok(),
            Ok(read) => far.write_all(&sent[..read]).ok()?,
        }
    }
}

/// An authority's certificate as PEM, and a server with one that it signed for these names.
fn authority_and_server(names: &[&str]) -> (String, TlsAcceptor) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&key).unwrap().pem();
    let authority = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
    let server = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (pem, TlsAcceptor::from(Arc::new(server)))
}

fn refusal() -> Scripted {
    Scripted::status(403, "<Error><Code>InvalidAccessKeyId</Code></Error>")
}

/// `millrace tables` of a lake on S3, in an environment of these variables alone.
async fn tables(environment: &[(&str, &str)]) -> Result<Ended> {
    let mut command = millrace(&["tables", "--lake", "s3://some-lake/dev"])?;
    command.env_clear().env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_REGION", "eu-central-1");
    command.env("AWS_ACCESS_KEY_ID", "AKIDPROXY").env("AWS_SECRET_ACCESS_KEY", "hush");
    command.envs(environment.iter().copied());
    tokio::task::spawn_blocking(move || Ended::of(command)).await?
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn https_goes_through_a_tunnel_and_a_companys_authority_is_trusted() -> Result<()> {
    let (pem, acceptor) = authority_and_server(&[NAME, "localhost"]);
    let folder = tempfile::tempdir()?;
    let bundle = folder.path().join("ca.pem");
    std::fs::write(&bundle, pem)?;
    let bundle = ("AWS_CA_BUNDLE", bundle.to_str().unwrap());
    let s3 = ScriptedServer::behind(Some(acceptor), [refusal()]).await;
    let proxy = Proxy::to(&s3.url);
    let url = format!("http://user:pass@{}", proxy.address);

    let endpoint = format!("https://{NAME}");
    let ended = tables(&[bundle, ("HTTPS_PROXY", &url), ("AWS_ENDPOINT_URL", &endpoint)]).await?;
    assert!(s3.asked()[0].line.starts_with("GET /some-lake/dev/_lake.json"), "{ended:?}");
    let asked = proxy.asked();
    assert!(asked[0].starts_with(&format!("CONNECT {NAME}:443 ")), "{asked:?}");
    assert!(asked[0].to_lowercase().contains("proxy-authorization: basic dxnlcjpwyxnz"), "{asked:?}");
    assert!(!ended.stderr.contains("pass@"), "{}", ended.stderr);

    // The same server by a name that needs no proxy.
    let port = s3.url.rsplit_once(':').unwrap().1;
    let near = format!("https://localhost:{port}");
    let direct = [
        bundle,
        ("HTTPS_PROXY", url.as_str()),
        ("AWS_ENDPOINT_URL", &near),
        ("NO_PROXY", "example.org,localhost"),
    ];
    let ended = tables(&direct).await?;
    assert_eq!((s3.asked().len(), proxy.asked().len()), (2, 1), "{ended:?}");
    let ended = tables(&direct[..3]).await?;
    assert_eq!(
        (s3.asked().len(), proxy.asked().len()),
        (3, 2),
        "without NO_PROXY it takes the proxy: {ended:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_is_forwarded_and_a_machines_role_is_never_asked_of_a_proxy() -> Result<()> {
    let s3 = ScriptedServer::start([refusal()]).await;
    let proxy = Proxy::to(&s3.url);
    let url = format!("http://{}", proxy.address);
    let endpoint = format!("http://{NAME}");
    for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let ended = tables(&[(variable, &url), ("AWS_ENDPOINT_URL_S3", &endpoint)]).await?;
        let asked = proxy.asked();
        let line = format!("GET http://{NAME}/some-lake/dev/_lake.json");
        assert!(asked.last().is_some_and(|head| head.starts_with(&line)), "{variable}: {asked:?} {ended:?}");
    }
    let before = proxy.asked().len();
    let without_keys = [
        ("HTTP_PROXY", url.as_str()),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_EC2_METADATA_DISABLED", "false"),
        ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/keys"),
        ("AWS_ENDPOINT_URL_S3", endpoint.as_str()),
    ];
    let ended = tables(&without_keys).await?;
    assert_eq!(proxy.asked().len(), before, "{:?} {ended:?}", proxy.asked());
    Ok(())
}
