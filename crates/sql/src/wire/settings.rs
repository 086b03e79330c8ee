//! Who is served, and where.

use std::net::SocketAddr;
use std::sync::Arc;

use millrace_runtime::Secret;

use crate::snapshot::Access;

/// One who may connect, and what they may read.
#[derive(Debug, Clone)]
pub struct User {
    /// As clients send it.
    pub name: String,
    /// For SCRAM-SHA-256.
    pub password: Secret,
    /// Which tables.
    pub access: Access,
}

/// How a server listens.
#[derive(Debug, Clone)]
pub struct ServerSettings {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Without any, everybody on this machine may read everything, and nobody else is listened to.
    pub users: Vec<User>,
    /// With it, who is not on this machine must use TLS.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Sessions at a time.
    pub connections: usize,
}

impl ServerSettings {
    /// Without users, TLS, and with 100 sessions, as PostgreSQL has them.
    pub fn on(listen: SocketAddr) -> Self {
        Self { listen, users: Vec::new(), tls: None, connections: 100 }
    }
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// Everybody who reaches the address could read the lake.
    #[error(
        "{listen} is reached from other machines, and no users are set: name users with passwords, or listen on 127.0.0.1"
    )]
    Open {
        /// The address.
        listen: SocketAddr,
    },
    /// A user's settings.
    #[error("user {name}: {reason}")]
    User {
        /// Who.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The address.
    #[error("{listen} cannot be listened on")]
    Listen {
        /// Which.
        listen: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The catalogue's fixed tables.
    #[error("PostgreSQL's catalogue could not be set up: {reason}")]
    Catalogue {
        /// Why.
        reason: String,
    },
}

impl ServerSettings {
    pub(super) fn check(&self) -> Result<(), WireError> {
        if self.users.is_empty() && !self.listen.ip().is_loopback() {
            return Err(WireError::Open { listen: self.listen });
        }
        for (at, user) in self.users.iter().enumerate() {
            let reason = match user {
                User { name, .. } if name.is_empty() => "a name is empty",
                User { password, .. } if password.expose().is_empty() => "the password is empty",
                User { name, .. } if self.users[..at].iter().any(|other| other.name == *name) => {
                    "it is named twice"
                }
                _ => continue,
            };
            return Err(WireError::User { name: user.name.clone(), reason });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_users_only_this_machine_is_served_and_passwords_are_not_shown() {
        let settings = ServerSettings::on("0.0.0.0:0".parse().unwrap());
        let error = settings.check().unwrap_err().to_string();
        assert!(error.contains("no users are set"), "{error}");
        ServerSettings::on("127.0.0.1:0".parse().unwrap()).check().unwrap();
        ServerSettings::on("[::1]:0".parse().unwrap()).check().unwrap();
        let user = |name: &str, password: &str| User {
            name: name.to_owned(),
            password: Secret::new(password),
            access: Access::All,
        };
        let users = vec![user("bi", "sesame")];
        let settings = ServerSettings { users, ..settings };
        settings.check().unwrap();
        assert!(!format!("{settings:?}").contains("sesame"));
        for users in [vec![user("bi", "")], vec![user("bi", "a"), user("bi", "b")]] {
            ServerSettings { users, ..settings.clone() }.check().unwrap_err();
        }
    }
}
