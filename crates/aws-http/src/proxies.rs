//! Which requests go by the environment's proxies.
//!
//! NO_PROXY decides, as it does for AWS's own tools, a loopback endpoint's included. Aside stand link-local addresses and
//! AWS's own of that kind: there a machine or a container is asked for its role's keys, and a proxy would be asked for its own.

use std::net::IpAddr;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;

/// The variables that name the proxy of https, of http, and of both, as every part of this program reads them.
const OF_HTTPS: [&str; 2] = ["HTTPS_PROXY", "https_proxy"];
const OF_HTTP: [&str; 2] = ["HTTP_PROXY", "http_proxy"];
const OF_BOTH: [&str; 2] = ["ALL_PROXY", "all_proxy"];

/// Whether any proxy is named.
pub(crate) fn are_set() -> bool {
    proxy_of("https").or(proxy_of("http")).is_some()
}

/// The variable that names the proxy of requests by `scheme`, for messages.
pub fn proxy_of(scheme: &str) -> Option<&'static str> {
    let own = if scheme == "https" { OF_HTTPS } else { OF_HTTP };
    own.into_iter().chain(OF_BOTH).find(|name| set(name).is_some())
}

fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Two clients, and which of them takes a request.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) by_proxy: SharedHttpClient,
    pub(crate) direct: SharedHttpClient,
}

impl HttpClient for Routes {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(Fork {
            by_proxy: self.by_proxy.http_connector(settings, components),
            direct: self.direct.http_connector(settings, components),
        })
    }
}

#[derive(Debug)]
struct Fork {
    by_proxy: SharedHttpConnector,
    direct: SharedHttpConnector,
}

impl HttpConnector for Fork {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let near = host(request.uri()).is_some_and(is_link_local);
        if near { self.direct.call(request) } else { self.by_proxy.call(request) }
    }
}

/// The host of a URL.
fn host(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    match host.strip_prefix('[') {
        Some(six) => six.split(']').next(),
        None => host.split(':').next(),
    }
}

fn is_link_local(host: &str) -> bool {
    match host.parse() {
        Ok(IpAddr::V4(address)) => address.is_link_local(),
        // fd00:ec2::/32 is where EC2, ECS and EKS have theirs.
        Ok(IpAddr::V6(address)) => {
            address.is_unicast_link_local() || address.segments()[..2] == [0xfd00, 0x0ec2]
        }
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_only_this_machine_reaches_need_no_proxy() {
        for (url, near) in [
            ("http://169.254.169.254/latest/api/token", true),
            ("http://169.254.170.2/v2/credentials/x", true),
            ("http://[fd00:ec2::254]/latest/api/token", true),
            ("http://[fd00:ec2::23]:80/v1/credentials", true),
            ("https://s3.eu-central-1.amazonaws.com/lake/raw", false),
            ("http://127.0.0.1:4566/lake", false),
            ("http://169.254.169.254@elsewhere.example/", false),
            ("http://169.254.169.254.example/", false),
        ] {
            assert_eq!(host(url).is_some_and(is_link_local), near, "{url}");
        }
    }
}
