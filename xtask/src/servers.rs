//! Servers that tests talk to: fetched once into the user's cache, started on a free port of this machine, stopped by their
//! own process when their value goes away, and when the task is interrupted.
//!
//! A server of its own file says what to fetch, how to start it, and when it answers; the rest is here for all of them.

mod java;
mod maven;
mod process;
pub(crate) mod registry;
