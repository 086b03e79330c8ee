//! `raw_user_interactions` as a compaction leaves it: an object an hour and partition, no two with the same offsets.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, anyhow, bail};
use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Int32Array, Int64Array, RecordBatch, TimestampMicrosecondArray};
use chrono::NaiveTime;
use millrace_events::event_catalogue;
use millrace_events::instant::Micros;
use millrace_events::position::Offset;
use millrace_lake::raw_object_writer::RawObject;
use millrace_lake::{RawObjectName, TopicGeneration};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::users::DAY;
use crate::words::{mixed, user_id, write_uuid};

pub(crate) const HOURS: u64 = 24;
const PARTITIONS: u64 = 4;
const TOPIC: &str = "user_interactions";
const GENERATION: &str = "bench";
const HOUR: i64 = 3_600_000_000;

struct Event {
    id: u128,
    user: u64,
    user_id: u128,
    offset: i64,
    /// Microseconds, whole milliseconds.
    at: i64,
    latency: i32,
    kind: usize,
    error: Option<i32>,
    product: i32,
}

/// Events of some of the users; those of an hour and partition are the same in each lake.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Events {
    pub(crate) events: u64,
    /// Users who have events.
    pub(crate) users: u64,
    /// Of the largest lake, in whose numbers users are told.
    pub(crate) all_users: u64,
}

impl Events {
    /// Writes them below `lake`. Of the hours below `overlapping` each object is two, which have a fifth of their rows both.
    pub(crate) fn write(&self, lake: &Path, overlapping: u64) -> anyhow::Result<()> {
        let next = AtomicUsize::new(0);
        let work = || -> anyhow::Result<()> {
            loop {
                let object = next.fetch_add(1, Ordering::Relaxed) as u64;
                if object >= HOURS * PARTITIONS {
                    return Ok(());
                }
                self.write_hour(lake, object / PARTITIONS, object % PARTITIONS, overlapping)?;
            }
        };
        std::thread::scope(|scope| {
            let threads = std::thread::available_parallelism().map_or(1, usize::from);
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                worker.join().map_err(|_| anyhow!("a thread that makes events panicked"))??;
            }
            Ok(())
        })
    }

    fn write_hour(&self, lake: &Path, hour: u64, partition: u64, overlapping: u64) -> anyhow::Result<()> {
        let rows = self.drawn(hour, partition)?;
        let parts = match hour < overlapping {
            true => vec![&rows[..rows.len() * 3 / 5], &rows[rows.len() * 2 / 5..]],
            false => vec![&rows[..]],
        };
        for rows in parts {
            let (Some(first), Some(last)) = (rows.first(), rows.last()) else { continue };
            let generation = TopicGeneration::new(GENERATION)?;
            let (from, to) = (Offset(first.offset), Offset(last.offset));
            let name = RawObjectName::new(TOPIC, generation, i32::try_from(partition)?, from, to)?;
            let path = lake.join(name.key(TOPIC, Micros(first.at))?.as_str());
            std::fs::create_dir_all(path.parent().context("an object is in a folder")?)?;
            std::fs::write(path, encoded(rows, i32::try_from(partition)?)?)?;
        }
        Ok(())
    }

    fn drawn(&self, hour: u64, partition: u64) -> anyhow::Result<Vec<Event>> {
        let each = self.events / (HOURS * PARTITIONS);
        let mut random = ChaCha8Rng::seed_from_u64(hour * PARTITIONS + partition);
        let begin = DAY.and_time(NaiveTime::MIN).and_utc().timestamp_micros() + i64::try_from(hour)? * HOUR;
        let row = |row: u64| {
            // Some have many events, most have few.
            let share: f64 = random.random::<f64>();
            let user = ((share * share * self.users as f64) as u64).min(self.users - 1)
                * (self.all_users / self.users);
            let kind = [0, 0, 0, 0, 0, 1, 1, 2, 3, 4, 4, 4][random.random_range(0..12)];
            let slow = if random.random_range(0..50) == 0 { 20 } else { 1 };
            let latency = (random.random_range(5..60) + random.random_range(5..60)) * slow;
            let error =
                (random.random_range(0..25) == 0).then(|| [400, 404, 500, 503][random.random_range(0..4)]);
            let step = HOUR as f64 / each as f64;
            Event {
                id: random.random(),
                user,
                user_id: user_id(user, self.all_users),
                offset: (hour * each + row) as i64,
                at: begin + (row as f64 * step) as i64 / 1_000 * 1_000,
                latency,
                kind,
                error,
                product: 1 + random.random_range(0..10_000).min(random.random_range(0..10_000)),
            }
        };
        Ok((0..each).map(row).collect())
    }
}

fn encoded(rows: &[Event], partition: i32) -> anyhow::Result<Vec<u8>> {
    let schema = event_catalogue::by_table(TOPIC).context("the event is in the catalogue")?.schema();
    let mut object = RawObject::new(Arc::clone(&schema))?;
    for rows in rows.chunks(16_384) {
        let columns = schema.fields().iter().map(|field| column(field.name(), rows, partition));
        object.write(&RecordBatch::try_new(Arc::clone(&schema), columns.collect::<anyhow::Result<_>>()?)?)?;
    }
    Ok(object.finish()?)
}

const KINDS: [&str; 5] = ["VIEW_PRODUCT", "ADD_TO_CART", "CHECKOUT", "PAYMENT", "SEARCH"];

fn texts(
    rows: &[Event],
    write: impl Fn(&Event, &mut StringBuilder) -> std::fmt::Result,
) -> anyhow::Result<ArrayRef> {
    let mut texts = StringBuilder::with_capacity(rows.len(), rows.len() * 36);
    for row in rows {
        write(row, &mut texts)?;
        texts.append_value("");
    }
    Ok(Arc::new(texts.finish()))
}

fn instants(rows: &[Event], of: impl Fn(&Event) -> i64) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(rows.iter().map(of)).with_timezone("UTC"))
}

fn column(name: &str, rows: &[Event], partition: i32) -> anyhow::Result<ArrayRef> {
    let numbers = |of: &dyn Fn(&Event) -> Option<i32>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<Int32Array>())
    };
    Ok(match name {
        "event_id" => texts(rows, |row, out| write_uuid(out, row.id))?,
        "user_id" => texts(rows, |row, out| write_uuid(out, row.user_id))?,
        // One a user and quarter of an hour.
        "session_id" => texts(rows, |row, out| {
            let session = mixed(row.user ^ mixed((row.at / (HOUR / 4)) as u64));
            write_uuid(out, u128::from(session) << 64 | u128::from(mixed(session)))
        })?,
        "event_type" => texts(rows, |row, out| out.write_str(KINDS[row.kind]))?,
        "event_timestamp" => instants(rows, |row| row.at),
        "request_latency_ms" => numbers(&|row| Some(row.latency)),
        "status" => {
            texts(rows, |row, out| out.write_str(if row.error.is_some() { "ERROR" } else { "SUCCESS" }))?
        }
        "error_code" => numbers(&|row| row.error),
        "product_id" => numbers(&|row| (row.kind < 2).then_some(row.product)),
        "_topic" => texts(rows, |_, out| out.write_str(TOPIC))?,
        "_generation" => texts(rows, |_, out| out.write_str(GENERATION))?,
        "_partition" => numbers(&|_| Some(partition)),
        "_offset" => Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.offset))),
        "_timestamp" => instants(rows, |row| row.at),
        "_ingested_at" => {
            let landed = rows.last().map_or(0, |row| row.at) + 60_000_000;
            instants(rows, |_| landed)
        }
        _ => bail!("raw_user_interactions has the column {name}, which the bench does not make"),
    })
}
