//! The schema registry as a function's environment tells of it.

#![allow(clippy::unwrap_used)]

use millrace_runtime::Secret;
use millrace_runtime::secret_source::{SecretError, SecretSource};
use millrace_runtime::settings::Environment;
use millrace_stream::registry_environment::{
    CA, CA_SECRET, PASSWORD, RegistryEnvironment, RegistryEnvironmentError, SECRET, URL, USER,
};

/// Knows one secret.
#[derive(Debug)]
struct One(&'static str);

impl SecretSource for One {
    fn fetch(&self, _id: &str) -> Result<Secret, SecretError> {
        Ok(Secret::new(self.0))
    }
}

fn read(variables: &[(&str, &str)]) -> Result<RegistryEnvironment, String> {
    let variables = variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let mut environment = Environment::of(variables);
    let registry = RegistryEnvironment::of(&mut environment);
    environment.finish(|| registry).map_err(|error| error.to_string())
}

#[test]
fn without_a_url_there_is_none_and_nothing_beside_it() {
    assert!(read(&[]).unwrap().registry(&One("unasked")).unwrap().is_none());
    for key in [USER, PASSWORD, SECRET, CA, CA_SECRET] {
        let error = read(&[(key, "hunter2")]).unwrap_err();
        assert!(error.contains(key) && error.contains("MILLRACE_REGISTRY_URL"), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
}

#[test]
fn a_login_is_whole_and_never_told() {
    let url = (URL, "https://registry.example.com");
    assert!(read(&[url, (USER, "app"), (PASSWORD, "x")]).unwrap().registry(&One("")).unwrap().is_some());
    let kept = read(&[url, (SECRET, "registry/app")]).unwrap();
    let error = kept.registry(&One("hunter2")).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2") && error.to_string().contains("registry/app"));
    let whole = One(r#"{"username":"app","password":"hunter2"}"#);
    let registry = kept.registry(&whole).unwrap().unwrap();
    assert!(!format!("{registry:?} {kept:?}").contains("hunter2"));
    let twice = read(&[url, (SECRET, "registry/app"), (USER, "app")]).unwrap();
    assert!(matches!(twice.registry(&whole), Err(RegistryEnvironmentError::ToldTwice)));
}

#[test]
fn an_authority_is_a_file_or_its_own_text() {
    let url = (URL, "https://registry.example.com");
    let key = rcgen::generate_simple_self_signed(["registry.example.com".to_owned()]).unwrap();
    let pem = key.cert.pem();
    assert!(read(&[url, (CA, &pem)]).unwrap().registry(&One("")).unwrap().is_some());
    let error = read(&[url, (CA, "/no/such/ca.pem")]).unwrap().registry(&One("")).unwrap_err();
    assert!(error.to_string().contains("/no/such/ca.pem"), "{error}");
    // Its text is the test's own, and stays for as long as the process does.
    let kept = One(Box::leak(serde_json::json!({ "certificate": pem }).to_string().into_boxed_str()));
    let by_secret = read(&[url, (CA_SECRET, "registry/ca")]).unwrap();
    assert!(by_secret.registry(&kept).unwrap().is_some());
    let error = by_secret.registry(&One("hunter2")).unwrap_err();
    assert!(
        error.to_string().contains("registry/ca") && !format!("{error:?}").contains("hunter2"),
        "{error}"
    );
    let twice = read(&[url, (CA, &pem), (CA_SECRET, "registry/ca")]).unwrap().registry(&kept);
    assert!(matches!(twice, Err(RegistryEnvironmentError::AuthorityToldTwice)));
}
