//! raw-transformation against an independent reading of its contract: `tests/oracle/raw_transformation.py` computes
//! both tables anew from the raw objects and compares every cell.

#[path = "../../jobs/tests/support/raw_rows.rs"]
mod raw_rows;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use chrono::NaiveDate;
use millrace_events::instant::Micros;
use millrace_jobs::job_settings::{JobSettings, RunContext};
use millrace_jobs::raw_transformation;
use millrace_lake::FolderStore;
use millrace_lake::store::Store;
use millrace_skips::skipped;
use millrace_tests::program::{DAY, Ended, TIDY, millrace, simulate};
use raw_rows::{RawRow, batch, put};

const STARTED_AT: i64 = 1_709_300_000_123_456;

/// The Python with DuckDB, or a line that says why this test did nothing.
fn python() -> Option<PathBuf> {
    if let Some(python) = std::env::var_os("MILLRACE_PYTHON") {
        return Some(python.into());
    }
    skipped("oracle_raw_transformation", "MILLRACE_PYTHON names no Python with duckdb");
    None
}

/// A small generator of its own: the same rows in every run, whatever crates change.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % sides
    }

    fn of<T: Copy>(&mut self, faces: &[T]) -> T {
        faces[self.throw(faces.len())]
    }
}

const NAMES: &[&str] = &[
    "",
    " ",
    "lærke",
    "mcDonald",
    "O'Brien",
    "hans-martin",
    " anna  maria ",
    "ßtefan",
    "ŉick",
    "ǆuro",
    "李小龙",
    "محمد",
    "jean\u{a0}luc",
    "x\u{3000}y",
    "\u{200b}z",
    "éloïse",
    "İnci",
    "ﬁona",
    "1st",
    "\u{85}",
    "a\u{1c}b",
];
const EMAILS: &[&str] = &[
    "",
    "  ",
    "a@b.c",
    "o'brien@example.com",
    " Padded@GMAIL.com ",
    "no-at",
    "@x.com",
    "x@",
    "a@b@c.gov",
    "a@b",
    "a@.b",
    "a@b.",
    "a@b..c",
    "x@Mit.EDU",
    "x@uni.ac.uk",
    "x@uni.edu.au",
    "x@a.gov.uk",
    "x@gov",
    "x@edu",
    "x@ac.com",
    "lærke@example.com",
    "a@exämple.dk",
    "a@ΣΑΣ.gr",
    "a b@c.d",
    "a@ b.com",
    "a@-b.c",
    "a@b-.c",
    "a@b_c.d",
    "x@HOTMAIL.COM",
    "a.b+c@sub.outlook.com",
    "q@outlook.com",
    ".a.@b.co",
    "a@b.c\u{a0}",
    "a@1.2",
];
const PHONES: &[&str] = &[
    "",
    "12345678",
    "(207)-555-0142",
    " 207 555 0142 ",
    "1234567",
    "123456",
    "+45 12 34 56 78",
    "1234567890123456",
    "٠١٢٣٤٥٦٧",
    "call",
    "207.555.0142x1",
    "(１２３) 4567890",
];
const COUNTRIES: &[&str] = &["", "Denmark", "United  States", " Canada", "Österreich", "New\tZealand"];
const CODES: &[&str] = &["", "US", "CA", "us", " US ", "DK", "NO"];
const GENDERS: &[&str] = &["", "male", "Female ", "MALE", "divers", "femal", "ﬀemale"];
const STREETS: &[&str] = &["", " ", "Ny  vej", "Rue de l'Église", " Kongens\u{2003}Nytorv "];
// Leap days, edges of generations, before 1970, ahead of the day, and far away.
const BIRTHS: &[&str] = &[
    "2000-02-29",
    "2004-02-29",
    "1945-12-31",
    "1946-01-01",
    "1964-12-31",
    "1965-01-01",
    "1980-12-31",
    "1981-01-01",
    "1996-12-31",
    "1997-01-01",
    "2012-12-31",
    "2013-01-01",
    "2024-03-01",
    "2024-03-02",
    "2099-01-01",
    "1900-01-01",
    "1969-12-31",
    "2006-03-01",
    "2006-03-02",
    "1959-03-01",
    "1989-02-28",
    "0001-01-01",
];
const REGISTRATIONS: &[&str] = &[
    "2024-03-01",
    "2024-01-31",
    "2024-02-01",
    "2023-03-02",
    "2023-03-03",
    "2010-05-05",
    "2024-03-02",
    "2030-01-01",
];

fn micros(day: &str, dice: &mut Dice) -> i64 {
    let midnight = day.parse::<NaiveDate>().expect("a date").and_time(chrono::NaiveTime::MIN).and_utc();
    midnight.timestamp_micros() + dice.of(&[0, 1, 43_200_000_000, 86_399_999_999])
}

fn row(generation: &str, partition: i64, offset: i64, dice: &mut Dice) -> RawRow {
    let mut row = RawRow::at(generation, partition, offset);
    // Days before the day, the edges of its end, and after it; ties are frequent.
    row = row.number(
        "_timestamp",
        dice.of(&[
            1_709_000_000_000_000,
            1_709_000_000_000_000,
            1_709_337_599_999_999,
            1_709_337_600_000_000,
            0,
        ]),
    );
    let id = dice.throw(1500);
    row = match dice.throw(12) {
        0 => row,
        1 => row.text("user_id", dice.of(&["", " ", "\u{3000}"])),
        2 => row.text("user_id", format!(" {id}")),
        _ => row.text("user_id", format!("{}{id:04}", dice.of(&["", "é", "Z"]))),
    };
    for (column, faces) in [
        ("first_name", NAMES),
        ("last_name", NAMES),
        ("email", EMAILS),
        ("phone", PHONES),
        ("country", COUNTRIES),
        ("country_code", CODES),
        ("gender", GENDERS),
        ("street_name", STREETS),
        ("city", NAMES),
        ("state", NAMES),
        ("username", NAMES),
        ("street_number", &["", "12", " 12 a ", "4811"]),
        ("postcode", &["00123", " X1  2Y ", ""]),
        ("picture_url", &["https://x/1.jpg", " "]),
        ("source", &["simulator", "randomuser_api", " external "]),
        ("business_email", &["never@read.example"]),
        ("title", &["Mr"]),
    ] {
        if dice.throw(8) > 0 {
            row = row.text(column, dice.of(faces));
        }
    }
    for column in ["latitude", "longitude"] {
        if dice.throw(8) > 0 {
            row = row.float(column, dice.of(&[0.0, -0.0, 12.5, -179.999_9, f64::NAN, f64::INFINITY, 1e300]));
        }
    }
    for (column, days) in [("dob", BIRTHS), ("registered_at", REGISTRATIONS)] {
        if dice.throw(8) > 0 {
            let day = dice.of(days);
            row = row.number(column, micros(day, dice));
        }
    }
    row
}

/// Several lives, partitions and objects, some overlapping.
async fn raw_layer(store: &dyn Store) {
    let mut dice = Dice(20_240_301);
    for generation in ["g1", "g2"] {
        for partition in 0..3 {
            let rows: Vec<RawRow> =
                (0..700).map(|offset| row(generation, partition, offset, &mut dice)).collect();
            for (first, last) in [(0, 300), (200, 450), (450, 700), (0, 120)] {
                let name = format!("t-{generation}-{partition:05}-{first:020}-{last:020}");
                put(store, &name, &batch(&rows[first..last])).await;
            }
        }
    }
}

async fn check(memory_bytes: u64, fill: bool, python: &Path) {
    let lake = tempfile::tempdir().expect("a lake");
    let scratch = tempfile::tempdir().expect("a scratch folder");
    let store: Arc<dyn Store> = Arc::new(FolderStore::new(lake.path()));
    if fill {
        raw_layer(store.as_ref()).await;
    }
    let as_of = NaiveDate::from_ymd_opt(2024, 3, 1).expect("a date");
    let ctx = RunContext { as_of, started_at: Micros(STARTED_AT) };
    let settings = JobSettings { memory_bytes, scratch_dir: scratch.path().to_owned() };
    let report = raw_transformation::run(store, &ctx, &settings, &|_| {}).await.expect("a run");
    assert_eq!(report.raw_rows_by_position, report.users + report.duplicates + report.after_as_of);
    assert!(!fill || (report.duplicates > 0 && report.after_as_of > 0 && report.users > 1000), "{report:?}");
    agrees(lake.path(), as_of, STARTED_AT, python);
}

fn agrees(lake: &Path, as_of: NaiveDate, started_at: i64, python: &Path) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracle/raw_transformation.py");
    let arguments = [lake.display().to_string(), as_of.to_string(), started_at.to_string()];
    let answer = Command::new(python).arg(script).args(arguments).output().expect("python runs");
    let told =
        [answer.stdout, answer.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(answer.status.success(), "{told}");
    println!("{}", told.trim());
}

#[tokio::test]
async fn every_cell_agrees_with_the_contract_read_anew() {
    let Some(python) = python() else { return };
    check(256 << 20, true, &python).await;
    // Ranges of about 200 rows.
    check(200 * 4096, true, &python).await;
    check(256 << 20, false, &python).await;
}

#[test]
fn every_cell_of_simulated_users_agrees() {
    let Some(python) = python() else { return };
    for manner in [&[][..], &[TIDY]] {
        let lake = tempfile::tempdir().expect("a lake");
        let arguments = [&["--broken", "1%", "--repeat", "10%"], manner].concat();
        let run = simulate(lake.path(), 3_000, 4, &arguments).and_then(Ended::of).expect("a run");
        run.summary(0).expect("a run that did not fail");
        // Later than the run itself: of two runs for one day the later-started wins.
        let job = ["job", "raw-transformation", "--as-of", DAY, "--started-at", "2100-01-01T00:00:00Z"];
        let mut job = millrace(&job).expect("the program");
        job.arg("--lake").arg(lake.path());
        assert_eq!(Ended::of(job).expect("a job").code, Some(0));
        agrees(lake.path(), DAY.parse().expect("a date"), 4_102_444_800_000_000, &python);
    }
}
