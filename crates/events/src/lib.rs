//! The pure domain: decode, type, refuse and enrich events; their Arrow schemas and batches.
//!
//! Knows nothing of where events come from or go to: no network, no runtime, no lake.

mod api_user;
mod ascii;
mod avro;
pub mod batch;
pub mod catalogue;
pub mod decode;
mod encode;
pub mod enrich;
pub mod event;
mod external_user;
pub mod failure;
mod fault;
pub mod field;
pub mod frame;
mod instant;
mod json;
mod json_event;
mod json_key;
mod json_pattern;
mod json_schema;
mod json_writer;
mod plain_json;
mod plain_user;
mod proto_descriptor;
mod proto_text;
mod protobuf_writer;
pub mod randomuser;
pub mod redact;
pub mod references;
pub mod refusal;
pub mod repository_schemas;
pub mod row;
pub mod rule;
pub mod schema;
pub mod schemas;
pub mod subject;
mod text_column;
pub mod transcode;
mod user;
mod whole_number;
mod wire;
