//! The contract: the Protobuf messages that travel on Kafka, and the types generated from them.
//!
//! How to evolve a message: add a field with a number never used before, `optional`, and accept the new snapshot with
//! `MILLRACE_ACCEPT_PROTO=1 cargo test -p millrace-proto`. Never change a field's number, name or type and never reuse
//! a number: to retire a field, remove it and add `reserved N; reserved "name";`.

#![warn(missing_docs)]

/// Users.
pub mod users {
    /// Version 1.
    #[allow(
        missing_docs,
        reason = "generated: the .proto files in proto/millrace describe messages and fields"
    )]
    #[allow(missing_debug_implementations, unreachable_pub, clippy::all)]
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/millrace.users.v1.rs"));

        /// The full name of [`UserCreated`], as the header `event-type` carries it.
        pub const USER_CREATED: &str = "millrace.users.v1.UserCreated";
    }
}

/// What users do in the shop.
pub mod interactions {
    /// Version 1.
    #[allow(
        missing_docs,
        reason = "generated: the .proto files in proto/millrace describe messages and fields"
    )]
    #[allow(missing_debug_implementations, unreachable_pub, clippy::all)]
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/millrace.interactions.v1.rs"));

        /// The full name of [`UserInteraction`], as the header `event-type` carries it.
        pub const USER_INTERACTION: &str = "millrace.interactions.v1.UserInteraction";
    }
}

/// What users watch.
pub mod engagement {
    /// Version 1.
    #[allow(
        missing_docs,
        reason = "generated: the .proto files in proto/millrace describe messages and fields"
    )]
    #[allow(missing_debug_implementations, unreachable_pub, clippy::all)]
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/millrace.engagement.v1.rs"));

        /// The full name of [`VideoEngagement`], as the header `event-type` carries it.
        pub const VIDEO_ENGAGEMENT: &str = "millrace.engagement.v1.VideoEngagement";
        /// The full name of [`AdEvent`], as the header `event-type` carries it.
        pub const AD_EVENT: &str = "millrace.engagement.v1.AdEvent";
    }
}

/// The compiled descriptors of every .proto file: an encoded `google.protobuf.FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The text of the .proto file that defines `UserCreated`.
pub const USER_CREATED_PROTO: &str = include_str!("../millrace/users/v1/user_created.proto");
/// The text of the .proto file that defines `UserInteraction`.
pub const USER_INTERACTION_PROTO: &str = include_str!("../millrace/interactions/v1/user_interaction.proto");
/// The text of the .proto file that defines `VideoEngagement`.
pub const VIDEO_ENGAGEMENT_PROTO: &str = include_str!("../millrace/engagement/v1/video_engagement.proto");
/// The text of the .proto file that defines `AdEvent`.
pub const AD_EVENT_PROTO: &str = include_str!("../millrace/engagement/v1/ad_event.proto");
