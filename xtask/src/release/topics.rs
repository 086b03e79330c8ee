//! Topics of a cluster that nobody else reaches: the function create-topics makes those that are missing, where the platform has it,
//! before a mapping or a producer asks for them.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::cloud::Cloud;
use super::platform::Platform;
use super::smoke::Brokers;

/// Its short name.
const FUNCTION: &str = "create-topics";

/// What it is sent: it has its topics by its settings.
pub(crate) const EVENT: &str = "{}";

/// Has the version that was applied last make the topics that are missing. Nothing is done where the platform has no such function, or
/// where brokers are spared.
pub(crate) fn make(cloud: &dyn Cloud, platform: &Platform, brokers: Brokers) -> Result<()> {
    let Some(function) = platform.functions.get(FUNCTION) else { return Ok(()) };
    if brokers == Brokers::Spared {
        println!("topics: not made, as no broker is asked for");
        return Ok(());
    }
    let invoked = format!("{}:{}", function.name, function.version);
    let told = cloud.invoke(&invoked, EVENT).and_then(|answer| judge(&answer));
    for line in told.with_context(|| format!("topics could not be made by {invoked}"))? {
        println!("{line}");
    }
    Ok(())
}

/// A line for each topic. What differs is somebody's to decide, and no reason to hold a release back.
fn judge(answer: &Value) -> Result<Vec<String>> {
    if let Some(error) = answer.get("errorMessage") {
        bail!("{}: {}", answer["errorType"].as_str().unwrap_or("error"), error.as_str().unwrap_or_default());
    }
    let topics = answer["topics"].as_array().with_context(|| format!("it answers {answer}"))?;
    let line = |topic: &Value| {
        let (name, outcome) = (topic["topic"].as_str()?, topic["outcome"].as_str()?);
        let differences: Vec<_> =
            topic["differences"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        Some(match differences[..] {
            [] => format!("topic {name}: {outcome}"),
            _ => format!("warning: topic {name} {outcome}: {}", differences.join("; ")),
        })
    };
    topics.iter().map(|topic| line(topic).with_context(|| format!("it tells of a topic {topic}"))).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_topic_is_told_and_an_answer_that_is_none_is_a_failure() {
        let told = judge(&json!({"topics": [
            {"topic": "a", "outcome": "created", "partitions": 6},
            {"topic": "b", "outcome": "differs", "partitions": 3, "differences": ["it has 3", "it keeps"]},
        ]}));
        assert_eq!(told.unwrap(), ["topic a: created", "warning: topic b differs: it has 3; it keeps"]);
        let failed = judge(&json!({"errorType": "Stop", "errorMessage": "grant kafka-cluster:CreateTopic"}));
        assert_eq!(failed.unwrap_err().to_string(), "Stop: grant kafka-cluster:CreateTopic");
        for answer in [json!({}), json!({"topics": [{"outcome": "created"}]})] {
            assert!(judge(&answer).is_err(), "{answer}");
        }
    }
}
