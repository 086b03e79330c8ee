//! Whatever comes instead of an event: no panic, no memory or time out of proportion, a refusal.

#![allow(clippy::unwrap_used)]

mod held;
#[path = "../fuzz/input.rs"]
mod input;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use held::{decode, encoded, event, text};
use millrace_events::event_catalogue::events;
use millrace_events::frame::Encoding;
use proptest::collection::vec;
use proptest::prelude::*;

/// Far more than any of these needs in a build without optimisation, far less than 2^60 steps.
const PATIENCE: Duration = Duration::from_secs(20);

fn all(bytes: &[u8]) {
    input::protobuf(bytes);
    input::avro(bytes);
    input::json(bytes);
    input::frame(bytes);
    input::references(bytes);
}

#[test]
fn the_corpus_of_the_fuzz_targets_is_taken_or_refused() {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut files = 0;
    for target in ["protobuf", "avro", "json", "frame", "references"] {
        for file in std::fs::read_dir(corpus.join(target)).unwrap() {
            let path = file.unwrap().path();
            let start = Instant::now();
            all(&std::fs::read(&path).unwrap());
            assert!(start.elapsed() < PATIENCE, "{path:?} took {:?}", start.elapsed());
            files += 1;
        }
    }
    assert!(files > 50, "{files}");
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_taken_or_refused(bytes in vec(any::<u8>(), 0..80)) {
        all(&bytes);
    }

    #[test]
    fn small_numbers_are_taken_or_refused(bytes in vec(prop_oneof![0..8_u8, 0x7e..0x82_u8], 0..80)) {
        all(&bytes);
    }

    #[test]
    fn a_value_cut_or_changed_is_taken_or_refused(
        which in 0..3_usize, row in held::any_row(&events()[1], true), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let interactions = event("user_interactions");
        let encoding = Encoding::ALL[which];
        let whole = encoded(interactions, &row, encoding, Some(interactions.schema_id(encoding)));
        let at = at.index(whole.len());
        let mut changed = whole.clone();
        changed[at] = byte;
        for bytes in [&whole[..at], &changed] {
            let _ = decode(interactions, bytes, encoding);
            input::frame(bytes);
        }
        // Avro has no field that may be left out.
        if encoding == Encoding::Avro {
            prop_assert!(decode(interactions, &whole[..at], encoding).is_err());
        }
    }
}

#[test]
fn a_megabyte_takes_as_long_as_a_megabyte() {
    let start = Instant::now();
    let long = "x".repeat(6 << 20);
    let users = event("users");
    let row = decode(users, format!(r#"{{"user_id":"{long}"}}"#).as_bytes(), Encoding::Json).unwrap();
    assert_eq!(row[0], text(&long));
    let unknown = format!(r#"{{"user_id":"u","x":[{}0]}}"#, "0,".repeat(3 << 20));
    assert_eq!(decode(users, unknown.as_bytes(), Encoding::Json).unwrap()[0], text("u"));
    let keys = format!(r#"{{"user_id":"u"{}}}"#, r#","user_idx":0"#.repeat(400_000));
    assert_eq!(decode(users, keys.as_bytes(), Encoding::Json).unwrap()[0], text("u"));
    // The same field again and again.
    let again = b"\x0a\x01u".repeat(2 << 20);
    assert_eq!(decode(users, &again, Encoding::Protobuf).unwrap()[0], text("u"));
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}

#[test]
fn bombs_are_refused_and_empty_items_are_not_gone_through() {
    let read = |file: &str| {
        let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/avro");
        [&[0, 0, 0, 0, 7], &std::fs::read(corpus.join(file)).unwrap()[..]].concat()
    };
    for taken in
        ["wide", "null_items_2_60", "null_items_2_60_blocks", "empty_records_2_62", "negative_block_good"]
    {
        assert_eq!(input::decode(&read(taken), None), 1, "{taken}: a user by its email");
    }
    for refused in ["map_2_60", "map_negative_block", "array_least_count", "list_deep", "tree_deep", "itself"]
    {
        assert_eq!(input::decode(&read(refused), None), 0, "{refused}");
    }
}
