//! A private authority: whose signature under a server's certificate is believed in place of those that the machine knows.

use std::convert::Infallible;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use millrace_runtime::secret_source::{SecretError, SecretSource};
use serde::Deserialize;

/// A private authority's certificates, as PEM.
#[derive(Clone, PartialEq, Eq)]
pub enum Authority {
    /// In this file.
    File(PathBuf),
    /// Themselves, for where no file can be laid.
    Pem(String),
}

/// How PEM begins, and no path.
const PEM: &str = "-----BEGIN ";

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Where to look for what is wrong with it. Certificates are no secret, and too long for a line.
impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Pem(_) => f.write_str("the PEM that was given"),
        }
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authority({self})")
    }
}

/// PEM where it begins so, else a file's path.
impl FromStr for Authority {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(if text.trim_start().starts_with(PEM) {
            Self::Pem(text.to_owned())
        } else {
            Self::File(text.into())
        })
    }
}

impl From<&Path> for Authority {
    fn from(path: &Path) -> Self {
        // No path that is not UTF-8 begins like PEM.
        path.to_str()
            .map_or_else(|| Self::File(path.to_owned()), |text| text.parse().unwrap_or_else(|no| match no {}))
    }
}

/// As AWS's event source mappings want a secret with an authority.
#[derive(Deserialize)]
struct OfMappings {
    certificate: String,
}

impl Authority {
    /// Whether there is a certificate in `pem`; what is wrong with it in detail is for whoever reads it.
    pub(crate) fn holds_certificate(pem: &[u8]) -> bool {
        pem.windows(BEGIN.len()).any(|window| window == BEGIN.as_bytes())
    }

    /// The authority that a secret's text tells: PEM, or `{"certificate": PEM}`, which is what AWS's mappings read, so that one secret
    /// serves both. `None` where there is no certificate in it. Blocks.
    pub(crate) fn fetch(secrets: &dyn SecretSource, id: &str) -> Result<Option<Self>, SecretError> {
        Ok(certificates(secrets.fetch(id)?.expose()).map(Self::Pem))
    }
}

fn certificates(text: &str) -> Option<String> {
    let of_json = serde_json::from_str::<OfMappings>(text).map(|it| it.certificate);
    // JSON with line breaks as they are is none, and is what people paste into the console.
    let text = of_json.unwrap_or_else(|_| text.to_owned());
    let begun = text.get(text.find(BEGIN)?..)?;
    let whole = begun.get(..begun.rfind(END)? + END.len())?;
    Some(format!("{whole}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

    #[test]
    fn a_secret_is_pem_or_what_mappings_read() {
        let two = format!("{ONE}{ONE}");
        for text in [
            two.clone(),
            serde_json::json!({ "certificate": two }).to_string(),
            format!("{{\"certificate\": \"{}\"}}", two.trim_end()),
        ] {
            assert_eq!(certificates(&text), Some(two.clone()), "{text}");
        }
        for text in ["", r#"{"username":"app","password":"hunter2"}"#, END, r#"{"certificate":"MIIB"}"#] {
            assert_eq!(certificates(text), None, "{text}");
        }
        assert_eq!(certificates(&format!("{END}{BEGIN}")), None);
    }

    #[test]
    fn pem_is_told_from_a_path_and_is_not_shown() {
        assert_eq!("/ca.pem".parse(), Ok(Authority::File("/ca.pem".into())));
        assert_eq!(Authority::from(Path::new(ONE)), Authority::Pem(ONE.to_owned()));
        assert!(!format!("{:?}", Authority::Pem(ONE.to_owned())).contains("MIIB"));
    }
}
