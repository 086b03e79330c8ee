//! PostgreSQL's wire protocol over the engine, for psql, drivers and BI tools.
//!
//! Messages are cut and read here, since pgwire's decoders take a truncated one for an impossible one and panic; pgwire encodes
//! answers and speaks SCRAM, arrow-pg encodes rows, and datafusion-pg-catalog has what is the same in every PostgreSQL: types,
//! operators, functions. Which tables and columns there are is told by the statement's own snapshot.

mod answer;
mod catalogue;
mod column_names;
mod connection;
mod copy;
mod extended;
mod facts;
mod functions;
mod interrupt;
mod login;
mod message;
mod outgoing;
mod parameters;
mod portal;
mod problem;
mod registry;
mod relations;
mod rewrite;
mod row_form;
mod running;
mod server;
mod session;
mod settings;
mod shared;
mod shown_statement;
mod statement;
mod utility;
mod variables;

pub use server::{Server, Stop};
pub use settings::{ServerSettings, User, WireError};
