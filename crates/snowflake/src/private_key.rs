//! The deployer's private key, as a file or a variable gives it.

use millrace_runtime::Secret;

/// A private key in PKCS#8, and the passphrase of an encrypted one. Neither is ever shown.
#[derive(Debug, Clone)]
pub struct PrivateKey {
    pub(crate) pem: Secret,
    pub(crate) passphrase: Option<Secret>,
}

impl PrivateKey {
    /// Looks at the kind of the key alone; whether it opens is seen at the login.
    ///
    /// # Errors
    /// What is wrong with it, and what to do.
    pub fn of_pem(pem: &str, passphrase: Option<Secret>) -> Result<Self, &'static str> {
        // Many places for secrets keep one line.
        let pem = pem.trim().replace("\\n", "\n");
        match (pem.lines().next().unwrap_or_default().trim(), &passphrase) {
            ("-----BEGIN PRIVATE KEY-----", None) | ("-----BEGIN ENCRYPTED PRIVATE KEY-----", Some(_)) => {}
            ("-----BEGIN PRIVATE KEY-----", Some(_)) => {
                return Err("is not encrypted: unset SNOWFLAKE_PRIVATE_KEY_PASSPHRASE");
            }
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----", None) => {
                return Err("is encrypted: set SNOWFLAKE_PRIVATE_KEY_PASSPHRASE");
            }
            ("-----BEGIN RSA PRIVATE KEY-----", _) => {
                return Err("is PKCS#1: convert it by `openssl pkcs8 -topk8 -nocrypt -in KEY`");
            }
            _ => return Err("is no private key in PEM"),
        }
        Ok(Self { pem: Secret::new(pem + "\n"), passphrase })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_key_and_its_passphrase_belong_together() {
        let plain = "-----BEGIN PRIVATE KEY-----\\nAAAA\\n-----END PRIVATE KEY-----";
        let key = PrivateKey::of_pem(plain, None).unwrap();
        assert!(key.pem.expose().lines().count() == 3 && !format!("{key:?}").contains("AAAA"));
        let refused = |pem: &str, passphrase: Option<&str>| {
            PrivateKey::of_pem(pem, passphrase.map(Secret::new)).unwrap_err()
        };
        assert!(refused(plain, Some("p")).contains("not encrypted"));
        let encrypted = plain.replace("BEGIN PRIVATE", "BEGIN ENCRYPTED PRIVATE");
        assert!(refused(&encrypted, None).contains("PASSPHRASE"));
        assert!(PrivateKey::of_pem(&encrypted, Some(Secret::new("p"))).is_ok());
        assert!(
            refused(&plain.replace("BEGIN PRIVATE", "BEGIN RSA PRIVATE"), None).contains("openssl pkcs8")
        );
        assert!(refused("hunter2", None).contains("no private key"));
    }
}
