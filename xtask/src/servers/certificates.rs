//! An authority of this machine's own and a server's certificate that it signed, for as long as a server runs.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

/// Files of one authority and the server that it vouches for.
#[derive(Debug)]
pub(super) struct Certificates {
    /// The authority's certificate: what a client is given to trust.
    pub(super) authority: PathBuf,
    /// The server's private key and its certificate, in one PEM file, as Kafka wants them.
    pub(super) server: PathBuf,
}

impl Certificates {
    /// Makes them in `folder`, for servers of this machine.
    pub(super) fn make(folder: &Path) -> anyhow::Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Millrace's tests");
        let key = KeyPair::generate()?;
        let authority = folder.join("authority.pem");
        write(&authority, &params.self_signed(&key)?.pem())?;
        let issuer = Issuer::new(params, key);

        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(["localhost".to_owned(), "127.0.0.1".to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, "localhost");
        let certificate = params.signed_by(&key, &issuer)?;
        let server = folder.join("server.pem");
        write(&server, &format!("{}{}", key.serialize_pem(), certificate.pem()))?;
        Ok(Self { authority, server })
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("could not write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_has_a_key_and_a_certificate_and_the_authority_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let made = Certificates::make(folder.path()).unwrap();
        let server = std::fs::read_to_string(made.server).unwrap();
        assert!(server.starts_with("-----BEGIN PRIVATE KEY-----") && server.contains("BEGIN CERTIFICATE"));
        let authority = std::fs::read_to_string(made.authority).unwrap();
        assert!(authority.contains("BEGIN CERTIFICATE") && !authority.contains("PRIVATE KEY"));
    }
}
