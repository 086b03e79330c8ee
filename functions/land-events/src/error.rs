//! Why records could not be landed.

use millrace_events::failure::{Class, Classified};
use millrace_lake::StoreError;
use millrace_lake::raw_object_name::RawNameError;
use millrace_stream::StreamError;
use millrace_stream::registry::RegistryError;

/// Why records could not be landed. Records of a failed landing stay uncommitted and are read again.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    #[error("{topic} has no table to be landed in: give one of {known}")]
    UnknownTopic { topic: String, known: String },
    #[error("this landing failed before: begin a new one from the last commit")]
    FailedBefore,
    #[error("an object of {topic}/{partition} could not be encoded")]
    Encode {
        topic: String,
        partition: i32,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(transparent)]
    Name(#[from] RawNameError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("a dead letter could not be sent")]
    DeadLetter(#[source] StreamError),
    #[error("the schema of a record could not be fetched")]
    Schema(#[source] Box<RegistryError>),
}

impl Classified for LandError {
    fn class(&self) -> Class {
        match self {
            Self::UnknownTopic { .. } | Self::FailedBefore | Self::Encode { .. } => Class::Stop,
            Self::Name(error) => error.class(),
            Self::Store(error) => error.class(),
            // A letter that is larger than the queue takes even without its value: the queue has to take larger ones.
            Self::DeadLetter(error) if error.class() == Class::DeadLetter => Class::Stop,
            Self::DeadLetter(error) => error.class(),
            Self::Schema(error) => error.class(),
        }
    }
}
