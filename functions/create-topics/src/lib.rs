//! Makes the topics of events and their dead-letter topics where they are missing, for a cluster whose brokers are reached from inside
//! its VPC alone. A release invokes it before anything is sent to a new version.
//!
//! What is there stays as it is: nothing is removed, made smaller or grown, and what differs from the contract is answered.

#![warn(missing_docs)]

mod function;
mod topic_names;

pub use function::{Function, FunctionError, Report, Request};
