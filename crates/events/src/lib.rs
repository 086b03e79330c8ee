//! The pure domain: decode, type, refuse and enrich events; their Arrow schemas and batches.
//!
//! Knows nothing of where events come from or go to: no network, no runtime, no lake.

mod api_user;
pub mod batch;
pub mod decode;
mod encode;
pub mod enrich;
mod external_user;
pub mod failure;
pub mod frame;
mod json;
pub mod randomuser;
mod redact;
pub mod refusal;
pub mod schema;
mod user;
mod wire;
