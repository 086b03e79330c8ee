//! List prices in US dollars, Amazon's US East (N. Virginia), without free tiers, discounts and taxes.
//!
//! As Amazon's pages "AWS Lambda pricing" (x86, first tier), "AWS Fargate pricing" (Linux, x86) and "Amazon S3 pricing" (S3 Standard) gave them in 2025, written down from
//! what is known of them and not read there again: before a figure is relied on, read the pages and change prices and date together.

/// When they were so.
pub const AS_OF: &str = "of 2025, not read anew";

/// A second of a gibibyte of a function's memory, in dollars.
pub const LAMBDA_GB_SECOND: f64 = 0.000_016_666_7;
/// An invocation of a function, in dollars.
pub const LAMBDA_REQUEST: f64 = 0.20 / 1e6;
/// A GET request of S3 Standard, in dollars.
pub const S3_GET: f64 = 0.0004 / 1e3;
/// A PUT, COPY, POST or LIST request of S3 Standard, in dollars.
pub const S3_PUT: f64 = 0.005 / 1e3;

/// An hour of one virtual processor of Fargate, in dollars.
pub const FARGATE_PROCESSOR_HOUR: f64 = 0.040_48;
/// An hour of a gibibyte of Fargate's memory, in dollars.
pub const FARGATE_GB_HOUR: f64 = 0.004_445;

/// The memory at which Lambda gives a function one whole processor.
pub const ONE_PROCESSOR_MB: u32 = 1_769;

/// The least memory that Fargate gives one processor.
pub const FARGATE_MEMORY_GB: f64 = 2.0;
