//! A small lake of users and their landed events, and a server over it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use millrace_lake::FolderStore;
use millrace_sql::wire::{Server, ServerSettings, Stop};
use millrace_sql::{Engine, Limits};

/// 2026-01-31 in days.
const DAY: i32 = 20_484;

fn write(root: &Path, key: &str, columns: Vec<(&str, ArrayRef)>) {
    let path = root.join(key);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// Columns that no test asks for are left out: the scan answers null for them.
pub(crate) fn fill(root: &Path) {
    let ids = ["u01", "u02", "u03", "u04", "u05"];
    let countries = [Some("Denmark"), Some("Spain"), Some("Ireland"), Some("Denmark"), None];
    let ages = [Some(39), Some(33), Some(25), None, Some(70)];
    let at = 1_769_854_272_345_678_i64;
    write(
        root,
        "curated/users_transformed/processing_date=2026-01-31/part-00000.parquet",
        vec![
            ("id", Arc::new(StringArray::from(ids.to_vec()))),
            ("first_name", Arc::new(StringArray::from(vec!["Lærke", "José", "Ann", "O'Brien", "Bo"]))),
            ("country", Arc::new(StringArray::from(countries.to_vec()))),
            ("age_years", Arc::new(Int32Array::from(ages.to_vec()))),
            ("data_quality_score", Arc::new(Float64Array::from(vec![100.0, 91.25, 85.0, 0.1, 75.5]))),
            ("birth_date", Arc::new(Date32Array::from(vec![6_330, 8_094, 11_322, 0, -5_000]))),
            ("processed_at", Arc::new(TimestampMicrosecondArray::from(vec![at; 5]).with_timezone("UTC"))),
            ("processing_date", Arc::new(Date32Array::from(vec![DAY; 5]))),
        ],
    );
    for (first, last) in [(0_i64, 3_i64), (2, 4)] {
        let offsets: Vec<i64> = (first..=last).collect();
        let rows = offsets.len();
        let key = format!(
            "raw/users/date=2026-01-31/hour=00/users_created-g1-00000-{first:020}-{last:020}.parquet"
        );
        write(
            root,
            &key,
            vec![
                (
                    "user_id",
                    Arc::new(StringArray::from_iter_values(offsets.iter().map(|at| format!("u0{}", at + 1)))),
                ),
                ("_topic", Arc::new(StringArray::from(vec!["users_created"; rows]))),
                ("_generation", Arc::new(StringArray::from(vec!["g1"; rows]))),
                ("_partition", Arc::new(Int32Array::from(vec![0; rows]))),
                ("_offset", Arc::new(Int64Array::from(offsets))),
                (
                    "_timestamp",
                    Arc::new(TimestampMicrosecondArray::from(vec![at; rows]).with_timezone("UTC")),
                ),
            ],
        );
    }
}

/// A server of a lake that goes with it.
#[allow(dead_code, reason = "each test file uses a part of it")]
pub(crate) struct Served {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Engine,
    pub(crate) stop: Stop,
    pub(crate) serving: tokio::task::JoinHandle<()>,
    _lake: tempfile::TempDir,
}

pub(crate) async fn serve(change: impl FnOnce(&mut ServerSettings)) -> Served {
    let lake = tempfile::tempdir().unwrap();
    fill(lake.path());
    let limits = Limits { threads: 2, ..Limits::default() };
    let engine = Engine::new(Arc::new(FolderStore::new(lake.path())), &limits).unwrap();
    let mut settings = ServerSettings::on("127.0.0.1:0".parse().unwrap());
    change(&mut settings);
    let server = Server::bind(engine.clone(), &settings).await.unwrap();
    let (address, stop) = (server.address(), server.stopper());
    Served { address, engine, stop, serving: tokio::spawn(server.serve()), _lake: lake }
}
