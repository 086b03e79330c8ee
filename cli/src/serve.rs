//! `millrace serve`: the lake for programs that stay connected.

mod tls;
mod users;

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use clap::builder::RangedU64ValueParser;
use millrace_runtime::Shutdown;
use millrace_sql::Engine;
use millrace_sql::wire::{Server, ServerSettings};
use serde_json::json;

use crate::lake::{LakeAddress, Missing};
use crate::output;
use crate::query_limits::QueryLimits;

pub(crate) const EXAMPLES: &str = "\
Examples:
  For everybody on this machine, who may read all tables:
  millrace serve --sql 127.0.0.1:5432
  psql \"host=127.0.0.1 user=me dbname=lake\"

  For others, who log in (SCRAM), over TLS:
  millrace serve --sql 0.0.0.0:5432 --sql-users users.toml \\
    --sql-tls-cert server.pem --sql-tls-key server.key

users.toml, which nobody else may read (chmod 600):
  [analyst]
  password = \"a long one\"
  reads = \"without-persons\"   # or \"all\"

Without persons means neither raw tables nor those with a row a user. Each
statement is logged on standard error, without its literals; --quiet leaves
that out. docs/sql.md tells how psql, SQLAlchemy, DBeaver, Superset and others
connect. Ctrl-C ends running statements and leaves.";

/// Arguments of `millrace serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Answer SQL by PostgreSQL's protocol at this address; port 0 takes a free one
    #[arg(
        long,
        value_name = "ADDRESS",
        required = true,
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:5432"
    )]
    sql: SocketAddr,
    /// Who may connect, and read what: a file, see below. Without one, everybody on this machine may read all
    #[arg(long, value_name = "FILE", env = "MILLRACE_SQL_USERS")]
    sql_users: Option<PathBuf>,
    /// The server's certificate and those that signed it (PEM); who isn't on this machine must then use TLS
    #[arg(long, value_name = "FILE", env = "MILLRACE_SQL_TLS_CERT", requires = "sql_tls_key")]
    sql_tls_cert: Option<PathBuf>,
    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", env = "MILLRACE_SQL_TLS_KEY", requires = "sql_tls_cert")]
    sql_tls_key: Option<PathBuf>,
    /// Connections at a time; further ones are told that there are too many
    #[arg(long, value_name = "N", default_value_t = 100,
          value_parser = RangedU64ValueParser::<usize>::new().range(1..))]
    sql_connections: usize,
    /// The lake: a folder, or s3://bucket/prefix
    #[arg(long, value_name = "LAKE", default_value = "./lake", env = "MILLRACE_LAKE")]
    lake: LakeAddress,
    #[command(flatten)]
    limits: QueryLimits,
    /// Tell the address as JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn serve(args: ServeArgs, shutdown: &Shutdown) -> anyhow::Result<ExitCode> {
    let users = args.sql_users.as_deref().map(users::read).transpose()?.unwrap_or_default();
    let tls = match (&args.sql_tls_cert, &args.sql_tls_key) {
        (Some(certificate), Some(key)) => Some(tls::settings(certificate, key)?),
        _ => None,
    };
    if tls.is_none() && !args.sql.ip().is_loopback() {
        output::notice(
            "warning: rows travel readable by whoever is between: --sql-tls-cert and --sql-tls-key encrypt them",
        );
    }
    let settings =
        ServerSettings { users, tls, connections: args.sql_connections, ..ServerSettings::on(args.sql) };
    let engine = Engine::new(args.lake.look(Missing::Refuse).await?, &args.limits.limits()?)?;
    let server = Server::bind(engine, &settings).await.with_context(|| {
        format!("no SQL at {}: give another address, such as --sql 127.0.0.1:5433", args.sql)
    })?;
    tell(&args, server.address())?;
    shutdown.waits_for("running statements end");
    let stop = server.stopper();
    let serving = tokio::spawn(server.serve());
    shutdown.requested().await;
    stop.stop();
    serving.await?;
    Ok(ExitCode::from(crate::exit_code::INTERRUPTED))
}

fn tell(args: &ServeArgs, address: SocketAddr) -> std::io::Result<()> {
    let mut out = output::out();
    if args.json {
        writeln!(out, "{}", json!({ "sql": address }))?;
    } else {
        let (ip, port) = (address.ip(), address.port());
        let host = if ip.is_unspecified() { "this-machine".to_owned() } else { ip.to_string() };
        let user = if args.sql_users.is_some() { "…" } else { "me" };
        writeln!(
            out,
            "SQL over {} at {address}: psql \"host={host} port={port} user={user} dbname=lake\"",
            args.lake
        )?;
    }
    out.flush()
}
