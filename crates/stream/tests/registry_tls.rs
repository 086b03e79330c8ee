//! The registry's client against a server whose certificate a private authority signed.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use millrace_events::failure::{Class, Classified};
use millrace_scripted_server::{Scripted, ScriptedServer};
use millrace_stream::authority::Authority;
use millrace_stream::registry::{CallError, Registry, RegistryError, RegistrySettings};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;

use tokio_rustls::TlsAcceptor;

/// An authority's certificate as PEM, and a server with one that it signed for `name`.
fn authority_and_server(name: &str) -> (String, TlsAcceptor) {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = authority.self_signed(&key).unwrap().pem();
    let authority = Issuer::new(authority, key);
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
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

#[tokio::test]
async fn only_what_the_given_authority_signed_is_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let ask = async |signed_for: &str, trusted: Option<&str>| {
        let (pem, acceptor) = authority_and_server(signed_for);
        let ca_file = folder.path().join("ca.pem");
        std::fs::write(&ca_file, trusted.unwrap_or(&pem)).unwrap();
        let answer = Scripted::ok(r#"{"schema":"\"string\""}"#);
        let server = ScriptedServer::behind(Some(acceptor), [answer]).await;
        let settings =
            RegistrySettings { ca: Some(Authority::File(ca_file)), ..RegistrySettings::new(&server.url) };
        let answer = Registry::new(&settings).unwrap().fetch(1).await;
        (answer, server.asked().len())
    };
    let (answer, asked) = ask("127.0.0.1", None).await;
    assert_eq!((answer.unwrap().text.as_str(), asked), ("\"string\"", 1));

    let (another, _) = authority_and_server("127.0.0.1");
    for (signed_for, trusted) in [("127.0.0.1", Some(another.as_str())), ("elsewhere.example", None)] {
        let (answer, asked) = ask(signed_for, trusted).await;
        let error = answer.unwrap_err();
        let untrusted =
            matches!(&error, RegistryError::Call { source: CallError::Untrusted(_), attempts: 1, .. });
        assert!(untrusted && asked == 0, "{error:?}");
        assert_eq!(error.class(), Class::Stop);
        assert!(error.to_string().contains("authority"), "{error}");
    }
}
