//! Snowflake over the lake: ordered scripts with variables, a plan of what would run, a deployment with its history, queries,
//! and a comparison of external tables with the lake's schemas.
//!
//! Whatever asks Snowflake goes through [`Session`], so that all but [`connection`] is tested without one.

#![warn(missing_docs)]

pub mod answer;
pub mod check;
pub mod connection;
pub mod deploy;
pub mod deployment_plan;
pub mod environment;
pub mod error;
pub mod external_table;
pub mod history;
pub mod lake_tables;
pub mod private_key;
pub mod script;
pub mod session;
pub mod settings;
pub mod statements;
pub mod variables;

pub use connection::Connection;
pub use environment::{Environment, Values};
pub use error::{Disposition, SnowflakeError};
pub use session::{Rows, Session};
pub use settings::Settings;
pub use variables::Variables;
