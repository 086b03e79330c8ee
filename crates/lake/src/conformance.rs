//! One suite that every store passes, for tests: it panics where the contract of [`Store`] is broken.
//!
//! A new store calls [`suite`] on an empty instance of itself.

use bytes::Bytes;

use crate::object_key::Key;
use crate::store::{Copied, PutNew, Store};

/// Runs every check on `store`, which must be empty.
///
/// # Panics
/// On the first breach of the contract, naming it.
pub async fn suite(store: &dyn Store) {
    absent_objects(store).await;
    whole_objects(store).await;
    opened_objects(store).await;
    new_objects(store).await;
    copies(store).await;
    listing(store).await;
    dropped_writers(store).await;
    overwriting_while_reading(store).await;
    locks(store).await;
    sweeping(store).await;
}

fn key(text: &str) -> Key {
    Key::new(text).expect("the suite's keys are keys")
}

async fn put(store: &dyn Store, name: &str, body: &'static [u8]) {
    store.put(&key(name), Bytes::from_static(body)).await.expect("put");
}

async fn keys(store: &dyn Store, prefix: &str) -> Vec<String> {
    let objects = store.list(prefix).await.expect("list");
    objects.into_iter().map(|object| object.key.to_string()).collect()
}

async fn absent_objects(store: &dyn Store) {
    let absent = store.get(&key("absent/object")).await.expect_err("what was never written is not there");
    assert!(absent.is_not_found(), "an absent object answers NotFound, not: {absent}");
    assert_eq!(store.size(&key("absent/object")).await.expect("size"), None, "what is not there has no size");
    store.delete(&key("absent/object")).await.expect("deleting what is not there is no error");
    assert!(keys(store, "").await.is_empty(), "the suite begins on an empty store");
    assert!(keys(store, "absent/").await.is_empty(), "a prefix nobody wrote to is empty");
}

async fn whole_objects(store: &dyn Store) {
    put(store, "whole/put", b"first").await;
    put(store, "whole/put", b"second").await;
    assert_eq!(store.get(&key("whole/put")).await.expect("get"), "second", "the last write wins");
    put(store, "whole/empty", b"").await;
    assert!(store.get(&key("whole/empty")).await.expect("get").is_empty(), "an empty object is an object");

    let name = key("whole/pieces");
    let mut writer = store.writer(&name).await.expect("writer");
    let mut expected = Vec::new();
    for index in 0_u32..40_000 {
        let piece = index.to_le_bytes().repeat(4);
        expected.extend_from_slice(&piece);
        writer.write(piece.into()).await.expect("write");
    }
    let unseen = store.get(&name).await.expect_err("an unfinished object is not there");
    assert!(unseen.is_not_found(), "an unfinished object answers NotFound, not: {unseen}");
    assert_eq!(writer.finish().await.expect("finish"), expected.len() as u64, "finish answers the size");
    assert_eq!(store.get(&name).await.expect("get"), expected, "pieces come together in their order");
    assert_eq!(store.size(&name).await.expect("size"), Some(expected.len() as u64), "an object has its size");
    assert_eq!(store.size(&key("whole/piece")).await.expect("size"), None, "another's name is longer");
    assert_eq!(store.size(&key("whole")).await.expect("size"), None, "a folder has no size");

    let folder = store.get(&key("whole")).await.expect_err("a folder of objects is no object");
    assert!(folder.is_not_found(), "a folder answers NotFound, not: {folder}");
    if let Some(path) = store.local_path(&name) {
        assert_eq!(std::fs::read(path).expect("the local path is readable"), expected);
    }
    clear(store).await;
}

async fn opened_objects(store: &dyn Store) {
    let absent = store.open(&key("absent/object")).await.expect_err("what was never written can't be opened");
    assert!(absent.is_not_found(), "an absent object answers NotFound, not: {absent}");
    put(store, "opened/empty", b"").await;
    let empty = store.open(&key("opened/empty")).await.expect("open");
    assert_eq!(empty.size(), 0);
    assert!(empty.read(0..0).await.expect("read").is_empty());

    let name = key("opened/object");
    let body: Vec<u8> = (0..300_000_u32).map(|index| (index % 251) as u8).collect();
    store.put(&name, body.clone().into()).await.expect("put");
    let opened = store.open(&name).await.expect("open");
    assert_eq!(opened.size(), 300_000, "an open object has its size");
    for range in [0..4_u64, 299_992..300_000, 200_000..299_999, 1..300_000, 7..7, 0..300_000] {
        let expected = &body[range.start as usize..range.end as usize];
        assert_eq!(opened.read(range.clone()).await.expect("read"), expected, "bytes {range:?}");
    }
    // One of the same size: only what it is tells it from the first.
    store.put(&name, vec![255; 300_000].into()).await.expect("put");
    for range in [0..4_u64, 299_990..300_000] {
        match opened.read(range.clone()).await {
            Ok(bytes) => {
                assert_eq!(bytes, body[range.start as usize..range.end as usize], "bytes of two objects")
            }
            Err(error) => assert!(error.is_not_found(), "a replaced object answers NotFound, not: {error}"),
        }
    }
    store.delete(&name).await.expect("delete");
    match opened.read(0..4).await {
        Ok(bytes) => assert_eq!(bytes, body[..4]),
        Err(error) => assert!(error.is_not_found(), "a removed object answers NotFound, not: {error}"),
    }
    clear(store).await;
}

async fn new_objects(store: &dyn Store) {
    let name = key("new/object");
    let put_new =
        async |body: &'static [u8]| store.put_new(&name, Bytes::from_static(body)).await.expect("put_new");
    assert_eq!(put_new(b"first").await, PutNew::Created);
    assert_eq!(put_new(b"second").await, PutNew::AlreadyThere);
    assert_eq!(store.get(&name).await.expect("get"), "first", "what is there stays as it is");
    store.delete(&name).await.expect("delete");
    let (left, right) = tokio::join!(put_new(b"left"), put_new(b"right"));
    let expected = match (left, right) {
        (PutNew::Created, PutNew::AlreadyThere) => "left",
        (PutNew::AlreadyThere, PutNew::Created) => "right",
        both => panic!("of two who create at once one does, not: {both:?}"),
    };
    assert_eq!(store.get(&name).await.expect("get"), expected);
    clear(store).await;
}

async fn copies(store: &dyn Store) {
    // One that some stores copy in parts, and names that have to be escaped in headers.
    let large: Bytes = (0..6_500_000_u32).map(|index| (index % 251) as u8).collect::<Vec<_>>().into();
    for (from, to, body) in [
        ("copied/small", "copies/new folder/day=1+é", Bytes::from_static(b"first")),
        ("copied/day=2 é+", "copies/large", large),
        ("copied/empty", "copies/empty", Bytes::new()),
    ] {
        let (from, to) = (key(from), key(to));
        let copy = async || store.copy_new(&from, &to).await;
        let absent = copy().await.expect_err("what was never written can't be copied");
        assert!(absent.is_not_found(), "an absent source answers NotFound, not: {absent}");
        assert_eq!(store.size(&to).await.expect("size"), None, "a copy of nothing leaves nothing");
        store.put(&from, body.clone()).await.expect("put");
        assert_eq!(copy().await.expect("copy"), Copied::Created);
        assert_eq!(copy().await.expect("copy"), Copied::AlreadyThere, "a copy made twice is one");
        assert!(store.get(&to).await.expect("get") == body, "a copy holds what its source holds");
        store.put(&from, body.clone()).await.expect("put");
        assert_eq!(
            copy().await.expect("copy"),
            Copied::AlreadyThere,
            "the same bytes, written anew, are the same"
        );
        let mut other = body.to_vec();
        other.push(0);
        store.put(&from, other.into()).await.expect("put");
        assert_eq!(copy().await.expect("copy"), Copied::Taken, "another size is another object");
        assert!(store.get(&to).await.expect("get") == body, "what is there stays as it is");
        if let Some(last) = body.len().checked_sub(1) {
            let mut other = body.to_vec();
            other[last] ^= 1;
            store.put(&from, other.into()).await.expect("put");
            assert_eq!(copy().await.expect("copy"), Copied::Taken, "other bytes are another object");
        }
        store.delete(&from).await.expect("delete");
        assert!(store.get(&to).await.expect("get") == body, "a copy outlives its source");
        // Written over by itself, and not through its source.
        store.put(&from, body.clone()).await.expect("put");
        store.delete(&to).await.expect("delete");
        assert_eq!(copy().await.expect("copy"), Copied::Created);
        store.put(&to, Bytes::from_static(b"another")).await.expect("put");
        assert!(store.get(&from).await.expect("get") == body, "a source doesn't see what its copy becomes");
    }
    put(store, "copied/raced", b"raced").await;
    let (from, to) = (key("copied/raced"), key("copies/raced"));
    let (left, right) = tokio::join!(store.copy_new(&from, &to), store.copy_new(&from, &to));
    for copied in [left.expect("copy"), right.expect("copy")] {
        assert_ne!(copied, Copied::Taken, "two who copy the same at once agree");
    }
    assert_eq!(store.get(&to).await.expect("get"), "raced");
    clear(store).await;
}

async fn listing(store: &dyn Store) {
    // In bytes `-` < `/` < `0`: an order by folders would differ.
    for name in ["t/b/1", "t/b-1", "t/b0", "t/a", "tt/z"] {
        put(store, name, b"x").await;
    }
    assert_eq!(
        keys(store, "").await,
        ["t/a", "t/b-1", "t/b/1", "t/b0", "tt/z"],
        "bytewise order of whole keys"
    );
    assert_eq!(keys(store, "t/").await, ["t/a", "t/b-1", "t/b/1", "t/b0"], "t/ is not tt/");
    assert_eq!(keys(store, "t/b/").await, ["t/b/1"]);
    let sizes: Vec<u64> = store.list("tt/").await.expect("list").iter().map(|object| object.size).collect();
    assert_eq!(sizes, [1], "a listing tells sizes in bytes");
    store.delete(&key("t/b/1")).await.expect("delete");
    assert!(keys(store, "t/b/").await.is_empty(), "what was deleted is not listed");
    put(store, "t/b/1", b"again").await;
    assert_eq!(keys(store, "t/b/").await, ["t/b/1"], "what was deleted can be written again");
    clear(store).await;
}

async fn dropped_writers(store: &dyn Store) {
    let name = key("dropped/object.parquet");
    put(store, name.as_str(), b"old").await;
    let mut writer = store.writer(&name).await.expect("writer");
    writer.write(Bytes::from(vec![7; 1 << 20])).await.expect("write");
    assert_eq!(keys(store, "").await, ["dropped/object.parquet"], "a temporary file is never listed");
    drop(writer);
    assert_eq!(store.get(&name).await.expect("get"), "old", "a dropped writer changes nothing");
    assert_eq!(keys(store, "").await, ["dropped/object.parquet"]);
    assert_eq!(store.sweep().await.expect("sweep"), 0, "a dropped writer leaves nothing to sweep");
    clear(store).await;
}

async fn overwriting_while_reading(store: &dyn Store) {
    const SIZE: usize = 300_000;
    let name = key("busy/object");
    store.put(&name, Bytes::from(vec![0; SIZE])).await.expect("put");
    let write = async {
        for version in 1_u8..=30 {
            if version % 2 == 0 {
                store.put(&name, Bytes::from(vec![version; SIZE])).await.expect("put");
            } else {
                let mut writer = store.writer(&name).await.expect("writer");
                for _ in 0..3 {
                    writer.write(Bytes::from(vec![version; SIZE / 3])).await.expect("write");
                }
                writer.finish().await.expect("finish");
            }
        }
    };
    let read = async {
        let mut newest = 0;
        while newest < 30 {
            let body = store.get(&name).await.expect("an object that is replaced is there at every moment");
            assert_eq!(body.len(), SIZE, "a reader saw a part of an object");
            assert!(body.iter().all(|byte| *byte == body[0]), "a reader saw a mixture of two versions");
            assert!(body[0] >= newest, "a reader saw an older version after a newer one");
            newest = body[0];
            let listed = store.list("busy/").await.expect("list");
            assert_eq!(listed.len(), 1, "a listing saw {listed:?}");
            assert_eq!(listed[0].size, SIZE as u64);
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(write, read);
    clear(store).await;
}

async fn locks(store: &dyn Store) {
    let name = key("locks/one");
    let held = store.lock(&name).await.expect("lock");
    let other = store.lock(&key("locks/two")).await.expect("another name is another lock");
    let released = std::sync::atomic::AtomicBool::new(false);
    let wait = async {
        let _held = store.lock(&name).await.expect("lock");
        assert!(released.load(std::sync::atomic::Ordering::SeqCst), "a lock was given to two at once");
    };
    let release = async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        released.store(true, std::sync::atomic::Ordering::SeqCst);
        drop(held);
    };
    tokio::join!(wait, release);
    drop(other);
    assert!(keys(store, "").await.is_empty(), "a lock is no object");
}

async fn sweeping(store: &dyn Store) {
    let name = key("swept/object");
    let mut writer = store.writer(&name).await.expect("writer");
    writer.write(Bytes::from(vec![1; 1 << 20])).await.expect("write");
    assert_eq!(store.sweep().await.expect("sweep"), 0, "a living writer's file is no leftover");
    writer.write(Bytes::from_static(b"end")).await.expect("write");
    let size = writer.finish().await.expect("a sweep does not disturb a living writer");
    assert_eq!(store.list("swept/").await.expect("list")[0].size, size);
    clear(store).await;
}

async fn clear(store: &dyn Store) {
    for name in keys(store, "").await {
        store.delete(&key(&name)).await.expect("delete");
    }
    assert!(keys(store, "").await.is_empty(), "what was deleted is still listed");
}
