//! What the three jobs compute, over Arrow: the rules of texts, the newest row of an id, the rows of users_transformed, counts that
//! merge and the tables made of them, the versions of dim_user_demographics.
//!
//! Neither engine nor store, and no thread: a laptop, a Lambda function and Spark's executors call the same functions, each with rows as
//! it holds them. What fails does so with a [`KernelError`], whatever a batch or bytes from elsewhere hold.

#![warn(missing_docs)]

pub mod clean;
mod columns;
pub mod counts;
pub mod dimension;
pub mod email;
mod kernel_error;
pub mod newest;
pub mod phone;
pub mod quality;
pub mod quality_days;
mod source_position;

pub mod users_transformed;

pub use kernel_error::KernelError;
