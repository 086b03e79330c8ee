//! What a process needs around the work: settings, tracing, metrics, deadlines, shutdown, its peak memory and processor time.
//!
//! It knows nothing of the domain, its classes of failure included: whatever fails here fails at the start, and stops
//! the program.

#![warn(missing_docs)]

pub mod closed_pipe;
pub mod cpu_time;
pub mod deadline;
pub mod heap;
pub mod metrics;
pub mod peak_memory;
pub mod secret;
pub mod secret_source;
pub mod settings;
pub mod shutdown;
pub mod telemetry;

pub use closed_pipe::reader_has_left;
pub use cpu_time::cpu_seconds;
pub use deadline::Deadline;
pub use metrics::{Meter, MetricsServer};
pub use peak_memory::peak_rss_bytes;
pub use secret::Secret;
pub use shutdown::{Farewell, Shutdown};
