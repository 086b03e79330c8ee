//! The pure domain: decode, type, refuse and enrich events; their Arrow schemas and batches.
//!
//! Knows nothing of where events come from or go to: no network, no runtime, no lake.

#![warn(missing_docs)]

mod api_user;
mod ascii;
mod avro;
pub mod batch;
mod binary_error;
pub mod decode;
pub mod decode_error;
mod encode;
pub mod enrich;
pub mod event;
pub mod event_catalogue;
mod external_user;
pub mod failure;
pub mod field;
pub mod frame;
pub mod instant;
mod json_cursor;
mod json_fast_path;
mod json_key;
mod json_pattern;
mod json_reader;
mod json_schema;
mod json_value;
mod json_writer;
pub mod layer;
pub mod position;
mod proto_descriptor;
mod proto_text;
mod protobuf_reader;
mod protobuf_writer;
pub mod randomuser;
pub mod raw_schema;
pub mod redact;
pub mod registry_subject;
pub mod repository_schemas;
pub mod row;
mod row_check;
pub mod rule;
pub mod schema_references;
mod text_column;
mod timestamp;
pub mod topic_contract;
pub mod transcode;
mod user;
mod user_fast_path;
mod whole_number;
pub mod writer_schemas;
