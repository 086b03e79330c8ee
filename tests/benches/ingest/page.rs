//! A 5,000-user answer of the API into encoded events.

use std::hint::black_box;

use millrace_events::randomuser::read_answer;
use serde::Deserialize;

use crate::input::{self, CONTEXT};
use millrace_bench_report::{Measure, Report, in_turn};

const USERS: usize = 5_000;

pub(crate) fn bench(report: &mut Report) -> anyhow::Result<()> {
    let body = input::answer(0, USERS);
    report.note(&format!("page: {USERS} users, {} bytes", body.len()));
    serde_json::from_slice::<Page>(&body)?;
    let (ours, peer) = in_turn(
        15,
        || drop(black_box(read_answer(&body, &CONTEXT))),
        || drop(black_box(serde_json::from_slice::<Page>(&body))),
    );
    report.add(Measure {
        name: "page: parse, validate, normalise, encode".to_owned(),
        ours: USERS as f64 / ours,
        peer: USERS as f64 / peer,
        peer_name: "serde_json into typed structs".to_owned(),
        unit: "users/s of CPU",
        ratio: peer / ours,
        goal: 0.67,
    });
    // simd-json parses in place, so that each round needs a copy of the bytes: a hundredth of its time.
    let (_, peer) =
        in_turn(15, || {}, || drop(black_box(simd_json::serde::from_slice::<Page>(&mut body.clone()))));
    report.add(Measure {
        name: "page: the same beside a SIMD parser".to_owned(),
        ours: USERS as f64 / ours,
        peer: USERS as f64 / peer,
        peer_name: "simd-json into typed structs".to_owned(),
        unit: "users/s of CPU",
        ratio: peer / ours,
        goal: 0.0,
    });
    Ok(())
}

/// Just UserCreated's fields, as owned texts, nothing validated.
#[derive(Deserialize)]
#[allow(dead_code)]
struct Page {
    results: Vec<User>,
    info: Info,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Info {
    seed: String,
    page: i32,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct User {
    gender: String,
    name: Name,
    location: Location,
    email: String,
    login: Login,
    dob: Dated,
    registered: Dated,
    phone: String,
    cell: String,
    id: Id,
    picture: Picture,
    nat: String,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Name {
    title: String,
    first: String,
    last: String,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Location {
    street: Street,
    city: String,
    state: String,
    country: String,
    postcode: Postcode,
    coordinates: Coordinates,
    timezone: Timezone,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Street {
    number: i64,
    name: String,
}

#[derive(Deserialize)]
#[allow(dead_code)]
#[serde(untagged)]
enum Postcode {
    Number(i64),
    Text(String),
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Coordinates {
    latitude: String,
    longitude: String,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Timezone {
    offset: String,
    description: String,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Login {
    uuid: String,
    username: String,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Dated {
    date: String,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Id {
    name: Option<String>,
    value: Option<String>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Picture {
    large: String,
}
