//! From a connection's first byte to its session: encryption, who it is, and whether they are who they say.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use bytes::BufMut;
use pgwire::api::auth::Password;
use pgwire::api::auth::sasl::SCRAM_SHA_256_METHOD;
use pgwire::api::auth::sasl::scram::{SCRAM_ITERATIONS, ScramServerAuth, gen_salted_password};
use pgwire::error::PgWireError;
use pgwire::messages::startup::Authentication;
use pgwire::tokio::TlsAcceptor;
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio::net::TcpStream;

use crate::snapshot::Access;
use crate::wire::message::{Incoming, Message, Opening, sasl_begin};
use crate::wire::outgoing::Outgoing;
use crate::wire::problem::Problem;
use crate::wire::registry::{Key, Registry};
use crate::wire::settings::User;

/// A connection, encrypted or not.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Sync + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Io for T {}

pub(super) type Reads = Incoming<ReadHalf<Box<dyn Io>>>;
pub(super) type Writes = Outgoing<WriteHalf<Box<dyn Io>>>;

/// The users, by what SCRAM needs of their passwords.
pub(super) struct Users {
    known: HashMap<String, (Password, Access)>,
    /// Makes salts for names that are none: they look as those of users do, and stay the same.
    unknown: RandomState,
}

impl Users {
    /// Takes a hundredth of a second for each.
    pub(super) fn of(users: &[User]) -> Self {
        let known = users.iter().map(|user| {
            let salt: [u8; 16] = rand::random();
            let password = gen_salted_password(user.password.expose(), &salt, SCRAM_ITERATIONS);
            (user.name.clone(), (Password::new(Some(salt.to_vec()), password), user.access))
        });
        Self { known: known.collect(), unknown: RandomState::new() }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.known.keys().cloned().collect()
    }

    fn password(&self, name: &str) -> Password {
        match self.known.get(name) {
            Some((password, _)) => password.clone(),
            None => {
                let salt = [self.unknown.hash_one((0, name)), self.unknown.hash_one((1, name))];
                let salt = salt.iter().flat_map(|part| part.to_be_bytes()).collect();
                let never: [u8; 32] = rand::random();
                Password::new(Some(salt), never.to_vec())
            }
        }
    }
}

/// One who is let in.
pub(super) struct Login {
    pub(super) reads: Reads,
    pub(super) writes: Writes,
    pub(super) user: String,
    pub(super) access: Access,
    pub(super) parameters: Vec<(String, String)>,
}

/// What a login needs of the server.
pub(super) struct Door<'a> {
    pub(super) users: &'a Users,
    pub(super) tls: Option<&'a TlsAcceptor>,
    pub(super) registry: &'a Arc<Registry>,
}

impl Door<'_> {
    /// None for whoever goes away or is sent away, and for cancel requests, which are answered by the end of the connection.
    pub(super) async fn open(&self, stream: TcpStream) -> Option<Login> {
        let is_near = stream.peer_addr().ok()?.ip().to_canonical().is_loopback();
        let mut io: Box<dyn Io> = Box::new(stream);
        let mut encrypted = false;
        // A request for encryption of either kind may come before the startup, each once.
        for _ in 0..3 {
            let (reads, writes) = tokio::io::split(io);
            let (mut reads, mut writes) = (Incoming::new(reads), Outgoing::new(writes));
            let (minor, parameters) = match reads.opening().await? {
                Err(problem) => return refuse(writes, &problem).await,
                Ok(Opening::Cancel { process, secret }) => {
                    self.registry.cancel(Key { process, secret });
                    return None;
                }
                Ok(Opening::GssEncryption) => {
                    writes.byte(b'N');
                    writes.flush().await.ok()?;
                    io = reads.into_inner().ok()?.unsplit(writes.into_inner());
                    continue;
                }
                Ok(Opening::Tls) => {
                    let tls = self.tls.filter(|_| !encrypted);
                    writes.byte(if tls.is_some() { b'S' } else { b'N' });
                    writes.flush().await.ok()?;
                    let plain = match reads.into_inner() {
                        Ok(reads) => reads.unsplit(writes.into_inner()),
                        Err(problem) => return refuse(writes, &problem).await,
                    };
                    io = match tls {
                        Some(tls) => Box::new(tls.accept(plain).await.ok()?),
                        None => plain,
                    };
                    encrypted |= tls.is_some();
                    continue;
                }
                Ok(Opening::Startup { minor, parameters }) => (minor, parameters),
            };
            if self.tls.is_some() && !encrypted && !is_near {
                return refuse(
                    writes,
                    &Problem::fatal(
                        "28000",
                        "from other machines this server is reached by TLS alone: sslmode=require",
                    ),
                )
                .await;
            }
            return match self.let_in(reads, writes, minor, parameters).await {
                Ok(login) => Some(login),
                Err((writes, problem)) => refuse(writes, &problem).await,
            };
        }
        None
    }

    async fn let_in(
        &self,
        mut reads: Reads,
        mut writes: Writes,
        minor: u16,
        parameters: Vec<(String, String)>,
    ) -> Result<Login, (Writes, Problem)> {
        let user = parameters.iter().find(|(name, _)| name == "user").map(|(_, value)| value.clone());
        let Some(user) = user.filter(|user| !user.is_empty()) else {
            return Err((
                writes,
                Problem::fatal("28000", "no PostgreSQL user name specified in startup packet"),
            ));
        };
        let options: Vec<&str> = parameters
            .iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| name.starts_with("_pq_."))
            .collect();
        if minor > 0 || !options.is_empty() {
            let mut body = Vec::new();
            body.put_u32(3 << 16);
            body.put_u32(u32::try_from(options.len()).unwrap_or(0));
            for option in options {
                body.put_slice(option.as_bytes());
                body.put_u8(0);
            }
            writes.raw(b'v', &body);
        }
        let access = if self.users.known.is_empty() {
            Access::All
        } else {
            match self.scram(&user, &mut reads, &mut writes).await {
                Ok(access) => access,
                Err(problem) => return Err((writes, problem)),
            }
        };
        writes.put(&Authentication::Ok);
        Ok(Login { reads, writes, user, access, parameters })
    }

    async fn scram(&self, user: &str, reads: &mut Reads, writes: &mut Writes) -> Result<Access, Problem> {
        // Of wrong names and wrong passwords the same is said.
        let failed =
            || Problem::fatal("28P01", format!("password authentication failed for user \"{user}\""));
        let of_message = |error: PgWireError| match error {
            PgWireError::InvalidPassword(_) => failed(),
            _ => Problem::malformed("malformed SCRAM message"),
        };
        writes.put(&Authentication::SASL(vec![SCRAM_SHA_256_METHOD.to_owned()]));
        let (mechanism, first) = sasl_begin(password_message(reads, writes).await?)?;
        if mechanism != SCRAM_SHA_256_METHOD {
            return Err(Problem::malformed("client selected an invalid SASL authentication mechanism"));
        }
        let server = ScramServerAuth::new();
        let (server_first, waiting) =
            server.on_client_first_message(&first, self.users.password(user)).map_err(of_message)?;
        writes.put(&Authentication::SASLContinue(server_first.into()));
        let last = password_message(reads, writes).await?;
        let server_final = waiting.on_client_final_message(&last).map_err(of_message)?;
        let (_, access) = self.users.known.get(user).ok_or_else(failed)?;
        writes.put(&Authentication::SASLFinal(server_final.into()));
        Ok(*access)
    }
}

async fn password_message(reads: &mut Reads, writes: &mut Writes) -> Result<bytes::Bytes, Problem> {
    writes.flush().await.map_err(|_| Problem::fatal("08006", "the client has left"))?;
    match reads.next(false).await {
        Some(Ok(Message::Password(body))) => Ok(body),
        Some(Err(problem)) => Err(problem),
        _ => Err(Problem::malformed("expected a password message")),
    }
}

async fn refuse<T>(mut writes: Writes, problem: &Problem) -> Option<T> {
    writes.problem(problem);
    writes.close().await;
    None
}
