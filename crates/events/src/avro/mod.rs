//! Avro: values are read by a plan made once for each writer's schema, and passed over where no field of ours is meant.

mod cursor;
pub(crate) mod parse;
mod read;
mod resolution;
pub(crate) mod schema;
mod skip;
pub(crate) mod write;

pub(crate) use resolution::Plan;
