//! What statements may ask of the session that they are in.

use std::sync::{Arc, Mutex};

use crate::wire::variables::Variables;

/// What a session says of itself.
pub(super) struct Facts {
    pub(super) user: String,
    pub(super) process: i32,
    pub(super) variables: Arc<Mutex<Variables>>,
}
