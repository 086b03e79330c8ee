//! raw-transformation from the state of earlier runs: what it reads, and that no table shows it.

mod crashes;
mod histories;
#[path = "../support/hooked_store.rs"]
mod hooked_store;
mod raw_lake;
#[allow(dead_code)]
#[path = "../support/raw_rows.rs"]
mod raw_rows;
mod scenarios;
