//! The probe of each function and job: `{"probe": true}`, which crates/lambda answers before any event of work is looked at.

use anyhow::{Result, anyhow, bail};
use serde_json::Value;

use super::cloud::Cloud;

/// What crates/lambda takes for a probe.
pub(crate) const EVENT: &str = r#"{"probe": true}"#;

/// What it says of a broker that answered.
const ANSWERS: &str = "answers";

/// Whether brokers have to be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Brokers {
    Wanted,
    Spared,
}

/// Probes each `(short name, name:qualifier)`, all at once, so that the slowest is waited for and not the sum; all are told, so that one
/// look shows what is wrong.
pub(crate) fn probe(cloud: &dyn Cloud, functions: &[(String, String)], brokers: Brokers) -> Result<()> {
    let answers: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> =
            functions.iter().map(|(_, invoked)| scope.spawn(|| cloud.invoke(invoked, EVENT))).collect();
        let panicked = |_| Err(anyhow!("its probe panicked here"));
        asked.into_iter().map(|answer| answer.join().unwrap_or_else(panicked)).collect()
    });
    let mut wrong = Vec::new();
    for ((function, invoked), answer) in functions.iter().zip(answers) {
        match answer.and_then(|answer| judge(&answer, brokers)) {
            Ok(told) => println!("ok: {function} ({invoked}): {told}"),
            Err(error) => {
                println!("failed: {function} ({invoked}): {error:#}");
                wrong.push(format!("{function}: {error:#}"));
            }
        }
    }
    if wrong.is_empty() {
        return Ok(());
    }
    bail!("{} of {} did not answer their probe: {}", wrong.len(), functions.len(), wrong.join("; "))
}

/// What an answer says, in words for people.
fn judge(answer: &Value, brokers: Brokers) -> Result<String> {
    if let Some(error) = answer.get("errorMessage") {
        bail!("{}: {}", answer["errorType"].as_str().unwrap_or("error"), error.as_str().unwrap_or_default());
    }
    if answer["probe"] != true {
        bail!("it answers {answer}, as a version does that knows no probe");
    }
    let lake = answer["lake"].as_str().map_or_else(|| "no lake".to_owned(), |lake| format!("lake {lake}"));
    let broker = match answer["broker"].as_str() {
        None => "no broker".to_owned(),
        Some(ANSWERS) => "a broker answers".to_owned(),
        Some(why) if brokers == Brokers::Spared => format!("no broker, which is not asked for: {why}"),
        Some(why) => bail!("it reaches no broker: {why} (--without-brokers where there is none yet)"),
    };
    Ok(format!("version {}, {lake}, {broker}", answer["version"].as_str().unwrap_or("unknown")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_good_or_says_why_not() {
        let told = |answer: Value, brokers| judge(&answer, brokers).map_err(|error| error.to_string());
        let answer =
            |broker: Value| json!({"probe": true, "version": "1", "lake": "s3://b/lake", "broker": broker});
        let good = Ok("version 1, lake s3://b/lake, a broker answers".to_owned());
        assert_eq!(told(answer(json!("answers")), Brokers::Wanted), good);
        assert!(told(answer(Value::Null), Brokers::Wanted).is_ok());
        let away = answer(json!("no broker answered at b:9092"));
        assert!(told(away.clone(), Brokers::Wanted).unwrap_err().contains("b:9092"));
        assert!(told(away, Brokers::Spared).is_ok());
        let failed = json!({"errorType": "Stop", "errorMessage": "could not write"});
        assert_eq!(told(failed, Brokers::Spared), Err("Stop: could not write".to_owned()));
        // An answer of a version that took the probe for work.
        assert!(told(json!({"batchItemFailures": []}), Brokers::Spared).unwrap_err().contains("no probe"));
    }
}
