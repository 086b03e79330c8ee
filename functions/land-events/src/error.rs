//! Why records could not be landed.

use millrace_events::failure::{Class, Classified};
use millrace_lake::erasure::erased_ids::ErasedError;
use millrace_lake::raw_object_reader::RawFileError;
use millrace_lake::raw_sink::RawSinkError;
use millrace_stream::StreamError;
use millrace_stream::registry::RegistryError;

/// Why records could not be landed. Records of a failed landing stay uncommitted and are read again.
#[derive(Debug, thiserror::Error)]
pub enum LandError {
    /// A record of a topic that is none of the events' came. No retry helps: read other topics.
    #[error("{topic} has no table to be landed in: give one of {known}")]
    UnknownTopic {
        /// The topic.
        topic: String,
        /// The topics that are landed, with commas between.
        known: String,
    },
    /// Rows were lost on their way by an earlier error: this writer takes no more. A new one goes on from the last commit.
    #[error("this landing failed before: begin a new one from the last commit")]
    FailedBefore,
    /// Rows could not be written as Parquet. No retry helps.
    #[error("an object of {topic}/{partition} could not be encoded")]
    Encode {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// What the encoder said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A batch could not be stored. Whether a retry helps is told by that error's class; what was open comes again.
    #[error(transparent)]
    Sink(#[from] RawSinkError),
    /// Who was erased from the lake could not be read, so nobody can tell whose rows may be stored.
    #[error("the list of those who were erased could not be read")]
    Erased(#[from] ErasedError),
    /// The list of those who were erased has grown since rows of an object were taken: they have to be read again.
    #[error("persons were erased while rows were gathered: their records are read again")]
    ErasedMeanwhile,
    /// Rows of a person who was erased could not be taken out of an object that was to be stored. No retry helps.
    #[error("rows of persons who were erased could not be taken out of an object")]
    Refusing(#[from] RawFileError),
    /// A dead letter could not be sent or was not acknowledged, so its record is not durable.
    #[error("a dead letter could not be sent")]
    DeadLetter(#[source] StreamError),
    /// The registry did not answer for a schema. An answer that there is none is no error: the record becomes a dead letter.
    #[error("the schema of a record could not be fetched")]
    Schema(#[source] Box<RegistryError>),
}

impl Classified for LandError {
    fn class(&self) -> Class {
        match self {
            Self::UnknownTopic { .. } | Self::FailedBefore | Self::Encode { .. } => Class::Stop,
            Self::Sink(error) => error.class(),
            Self::Erased(error) => error.class(),
            Self::ErasedMeanwhile => Class::Retry,
            Self::Refusing(error) => error.class(),
            // A letter that is larger than the queue takes even without its value: the queue has to take larger ones.
            Self::DeadLetter(error) if error.class() == Class::DeadLetter => Class::Stop,
            Self::DeadLetter(error) => error.class(),
            Self::Schema(error) => error.class(),
        }
    }
}
