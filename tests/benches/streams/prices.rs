//! List prices in US dollars, Amazon's US East (N. Virginia), without free tiers, discounts and taxes.
//!
//! From the pages "AWS Lambda pricing" (x86, first tier) and "Amazon S3 pricing" (S3 Standard). To bring them up to date, read the
//! pages again and change the figures and the date together.

/// When the pages said so.
pub(crate) const AS_OF: &str = "2025";

pub(crate) const LAMBDA_GB_SECOND: f64 = 0.000_016_666_7;
pub(crate) const LAMBDA_REQUEST: f64 = 0.20 / 1e6;
pub(crate) const S3_PUT: f64 = 0.005 / 1e3;

/// The memory at which Lambda gives a function one whole processor.
pub(crate) const MEMORY_MB: u32 = 1_769;
