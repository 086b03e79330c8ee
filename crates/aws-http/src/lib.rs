//! How clients of AWS's SDK here reach their servers: TLS over ring, the environment's proxies, a company's own authority.
//!
//! [`CallTrace`] tells what they call.
//!
//! The SDK by itself reads neither HTTPS_PROXY and NO_PROXY nor AWS_CA_BUNDLE, which AWS's own tools do.

#![warn(missing_docs)]

mod call_trace;
mod proxies;

use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::http::{HttpConnectorSettings, SharedHttpClient};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

pub use self::call_trace::{CallTrace, TARGET as CALL_TRACE};
use self::proxies::Routes;
pub use self::proxies::proxy_of;

/// The variable that names a file of authorities' certificates (PEM), which are trusted beside the system's.
const AUTHORITIES: &str = "AWS_CA_BUNDLE";

/// The client for everything that the SDK asks: services, and whoever gives it credentials.
///
/// Requests go by HTTPS_PROXY, HTTP_PROXY or ALL_PROXY but for the hosts that NO_PROXY names, and for addresses that only this
/// machine can reach: see `proxies.rs`.
pub fn client() -> SharedHttpClient {
    let trusted = trusted();
    if !proxies::are_set() {
        let secure = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring));
        return match trusted {
            Some(context) => secure.tls_context(context).build_https(),
            None => secure.build_https(),
        };
    }
    let by_proxy = move |settings: Option<&HttpConnectorSettings>, found: Option<&RuntimeComponents>| {
        let mut builder = Connector::builder().proxy_config(ProxyConfig::from_env());
        builder.set_connector_settings(settings.cloned());
        builder.set_sleep_impl(found.and_then(RuntimeComponents::sleep_impl));
        let mut secure = builder.tls_provider(Provider::Rustls(CryptoMode::Ring));
        if let Some(context) = &trusted {
            secure.set_tls_context(context.clone());
        }
        secure.build()
    };
    SharedHttpClient::new(Routes {
        by_proxy: Builder::new().build_with_connector_fn(by_proxy),
        direct: Builder::new().build_http(),
    })
}

/// The authorities to trust, where AWS_CA_BUNDLE adds to the system's.
fn trusted() -> Option<TlsContext> {
    let path = std::env::var_os(AUTHORITIES).filter(|path| !path.is_empty())?;
    let unusable = |why: String| {
        tracing::warn!(path = %path.display(), why, "{AUTHORITIES} is passed over: it could not be used");
    };
    let bundle = std::fs::read(&path).map_err(|error| unusable(error.to_string())).ok()?;
    let store = TrustStore::default().with_pem_certificate(bundle);
    TlsContext::builder().with_trust_store(store).build().map_err(|error| unusable(error.to_string())).ok()
}
