//! What is measured on: simulated users in each of their encodings.

use anyhow::{Context, ensure};
use millrace_events::instant::Micros;
use millrace_events::randomuser::{API, AnswerContext, PageUser, SourceClock, read_answer};
use millrace_proto::users::v1::UserCreated;
use millrace_sources::{Share, Simulation};
use prost::Message;
use serde_json::{Value, json};

/// The same users in two encodings.
pub(crate) struct Users {
    pub(crate) protobuf: Vec<Vec<u8>>,
    /// The nested shape of the older producers.
    pub(crate) json: Vec<Vec<u8>>,
    pub(crate) mean_answer_bytes: f64,
}

/// An answer of `size` users.
pub(crate) fn answer(first: u64, size: usize) -> Vec<u8> {
    let mut body = Vec::new();
    Simulation::new(1, Share::NONE, Share::NONE).write_answer(first, size, 1, &mut body);
    body
}

pub(crate) const CONTEXT: AnswerContext<'static> = AnswerContext {
    source: API,
    page: 1,
    clock: SourceClock::Answered(Micros(1_767_225_600_000_000)),
    limit: usize::MAX,
};

pub(crate) fn simulated(count: usize) -> anyhow::Result<Users> {
    let body = answer(0, count);
    let page = read_answer(&body, &CONTEXT)?;
    let mut users =
        Users { protobuf: Vec::new(), json: Vec::new(), mean_answer_bytes: body.len() as f64 / count as f64 };
    for user in &page.users {
        let PageUser::Event { value, .. } = user else { anyhow::bail!("a simulated user was refused") };
        let bytes = page.bytes(value);
        let event = UserCreated::decode(bytes).context("our own encoding")?;
        users.json.push(serde_json::to_vec(&nested(&event))?);
        users.protobuf.push(bytes.to_vec());
    }
    ensure!(users.protobuf.len() == count, "{} users instead of {count}", users.protobuf.len());
    Ok(users)
}

fn nested(user: &UserCreated) -> Value {
    let date = |instant: &Option<prost_types::Timestamp>| instant.as_ref().map(ToString::to_string);
    json!({
        "id": user.user_id, "first_name": user.first_name, "last_name": user.last_name, "gender": user.gender,
        "address": {
            "street": format!("{} {}", user.street_number(), user.street_name()),
            "city": user.city, "state": user.state, "country": user.country, "postcode": user.postcode,
            "coordinates": {
                "latitude": user.latitude.map(|degrees| degrees.to_string()),
                "longitude": user.longitude.map(|degrees| degrees.to_string()),
            },
            "timezone": { "offset": user.timezone_offset, "description": user.timezone_description },
        },
        "email": user.email, "username": user.username, "dob": date(&user.dob),
        "registered_date": date(&user.registered_at), "phone": user.phone, "cell": user.cell,
        "nationality": user.country_code, "picture": user.picture_url,
    })
}

pub(crate) fn mean(values: &[Vec<u8>]) -> f64 {
    values.iter().map(Vec::len).sum::<usize>() as f64 / values.len() as f64
}
