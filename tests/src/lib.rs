//! What the end-to-end and fault scenarios share: the program as a script runs it, and an own reading of the lake.

#![warn(missing_docs)]

pub mod commands;
pub mod emulator;
pub mod letters;
pub mod program;
#[cfg(unix)]
pub mod running;
pub mod tables;
pub mod whole_lake;
