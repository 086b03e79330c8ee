//! A test alarm: one alarm is set to ring, as a person would see it, and who hears of it is told.

use anyhow::{Context, bail, ensure};
use serde_json::Value;

use crate::aws::Aws;
use crate::release;

#[derive(clap::Args)]
pub(crate) struct AlarmTestArguments {
    /// The folder of infra/envs that was applied
    #[arg(long)]
    env: String,
    /// The alarm's name; land-events' errors unless named
    #[arg(long)]
    alarm: Option<String>,
}

pub(crate) fn run(arguments: &AlarmTestArguments) -> anyhow::Result<bool> {
    let aws = Aws::of_environment().context("no alarm was set")?;
    println!("as {}", aws.caller().context("no alarm was set")?);
    let platform = release::ask_terraform(&arguments.env)?;
    let heard = ring(&aws, &aws, &platform, arguments.alarm.as_deref())?;
    println!("{heard} of those who are told have confirmed: look into their mail for the word \"test\"");
    ensure!(
        heard > 0,
        "nobody has confirmed: the alarm rings, and nobody hears it. Each address of alarms.emails got a mail of AWS Notifications with a \
         link; where it is lost, remove the address, apply, add it again, apply"
    );
    Ok(true)
}

/// Sets an alarm of `platform` to ring, and answers how many of those who are told by it have confirmed that they want to be. CloudWatch
/// sets the alarm back by itself, when it next looks at the metric.
pub(crate) fn ring(
    cloudwatch: &Aws,
    sns: &Aws,
    platform: &Value,
    alarm: Option<&str>,
) -> anyhow::Result<usize> {
    let alarms: Vec<_> = platform["alarm_names"]
        .as_array()
        .context("terraform tells of no alarms: apply first")?
        .iter()
        .filter_map(Value::as_str)
        .collect();
    let alarm = choose(&alarms, alarm)?;
    let reason = "a test of cargo xtask alarm-test: nothing is wrong";
    cloudwatch.ask(&[
        "cloudwatch",
        "set-alarm-state",
        "--alarm-name",
        alarm,
        "--state-value",
        "ALARM",
        "--state-reason",
        reason,
    ])?;
    let described = cloudwatch.ask(&[
        "cloudwatch",
        "describe-alarms",
        "--alarm-names",
        alarm,
        "--alarm-types",
        "MetricAlarm",
        "CompositeAlarm",
    ])?;
    let found = [&described["MetricAlarms"][0], &described["CompositeAlarms"][0]];
    let found = found.into_iter().find(|it| it.is_object());
    let found = found.with_context(|| format!("CloudWatch has no alarm {alarm}: apply first"))?;
    ensure!(found["ActionsEnabled"] == true, "the actions of {alarm} are disabled: nobody is told of it");
    let topic = platform["alarms_topic_arn"].as_str().context("terraform tells of no topic: apply first")?;
    let told = found["AlarmActions"].as_array().is_some_and(|actions| actions.iter().any(|it| it == topic));
    ensure!(told, "{alarm} does not tell {topic}, but {}: apply again", found["AlarmActions"]);
    println!("{alarm} was set to ring, and tells {topic}");
    let subscriptions =
        sns.ask(&["sns", "list-subscriptions-by-topic", "--topic-arn", topic])?["Subscriptions"].take();
    let subscriptions = subscriptions.as_array().cloned().unwrap_or_default();
    for subscription in &subscriptions {
        let confirmed = if is_confirmed(subscription) { "confirmed" } else { "has not confirmed" };
        println!("{} {}: {confirmed}", text(&subscription["Protocol"]), text(&subscription["Endpoint"]));
    }
    Ok(subscriptions.iter().filter(|it| is_confirmed(it)).count())
}

/// The alarm that was asked for, or the one that is there in every environment and sets itself back at once.
fn choose<'a>(alarms: &[&'a str], asked: Option<&str>) -> anyhow::Result<&'a str> {
    let found = match asked {
        Some(asked) => alarms.iter().find(|name| **name == asked),
        None => alarms.iter().find(|name| name.ends_with("-land-events-errors")),
    };
    match found {
        Some(name) => Ok(name),
        None => bail!(
            "there is no alarm {}; there are {}",
            asked.unwrap_or("…-land-events-errors"),
            alarms.join(", ")
        ),
    }
}

/// One who has not yet clicked has no ARN, but a word in its place.
fn is_confirmed(subscription: &Value) -> bool {
    subscription["SubscriptionArn"].as_str().is_some_and(|arn| arn.starts_with("arn:"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or("?")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_alarm_is_chosen_of_those_that_there_are() {
        let alarms = ["millrace-dev-day-missing", "millrace-dev-land-events-errors"];
        assert_eq!(choose(&alarms, None).unwrap(), alarms[1]);
        assert_eq!(choose(&alarms, Some("millrace-dev-day-missing")).unwrap(), alarms[0]);
        let error = choose(&alarms, Some("millrace-dev-day")).unwrap_err().to_string();
        assert!(error.contains("no alarm millrace-dev-day; there are millrace-dev-day-missing, "), "{error}");
    }

    #[test]
    fn one_who_has_not_confirmed_hears_nothing() {
        assert!(is_confirmed(&json!({ "SubscriptionArn": "arn:aws:sns:eu-central-1:123456789012:t:1" })));
        assert!(!is_confirmed(&json!({ "SubscriptionArn": "PendingConfirmation" })));
        assert!(!is_confirmed(&json!({})));
    }
}
