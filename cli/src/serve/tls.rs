//! The SQL server's certificate.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// TLS 1.2 and 1.3 with this certificate.
pub(super) fn settings(certificate: &Path, key: &Path) -> anyhow::Result<Arc<ServerConfig>> {
    let told = |path: &Path| format!("{} gives no TLS", path.display());
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .with_context(|| told(certificate))?;
    ensure!(!chain.is_empty(), "{}: there is no CERTIFICATE in it; give PEM", told(certificate));
    let private = PrivateKeyDer::from_pem_file(key).with_context(|| told(key))?;
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| format!("{} and {} do not fit", certificate.display(), key.display()))?;
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_no_tls_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("server.pem");
        let error = |path: &Path| format!("{:#}", settings(path, path).unwrap_err());
        assert!(error(&path).contains("server.pem"), "{}", error(&path));
        std::fs::write(&path, "no PEM").unwrap();
        assert!(error(&path).contains("there is no CERTIFICATE"), "{}", error(&path));
    }
}
