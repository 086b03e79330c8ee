# Who is told, and when.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name              = "millrace-test"
  emails            = ["oncall@example.com"]
  state_machine_arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:m"
  busy_topics       = { users_created = 2700 }
  functions = {
    land-events = { function_name = "f", queue_name = "q", timeout_seconds = 100, kafka = true, topics = ["users_created", "ad_events"], mappings = { users_created = "uuid-1", ad_events = "uuid-2" } }
    fetch-users = { function_name = "g", queue_name = "r", timeout_seconds = 100, every_seconds = 900 }
    compact-raw = { function_name = "h", queue_name = "s", timeout_seconds = 900, stops_by_itself = true }
  }
}

run "alarms" {
  module {
    source = "../modules/alarms"
  }

  assert {
    condition = alltrue(flatten([
      for alarms in [
        aws_cloudwatch_metric_alarm.errors, aws_cloudwatch_metric_alarm.throttles, aws_cloudwatch_metric_alarm.duration, aws_cloudwatch_metric_alarm.failures,
        aws_cloudwatch_metric_alarm.lag, aws_cloudwatch_metric_alarm.freshness, aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.state_machine,
        aws_cloudwatch_metric_alarm.stalled, aws_cloudwatch_metric_alarm.dropped, aws_cloudwatch_metric_alarm.retries, aws_cloudwatch_metric_alarm.not_run,
        aws_cloudwatch_composite_alarm.day_missing, [aws_cloudwatch_metric_alarm.small_objects],
      ] : [for alarm in alarms : contains(coalesce(alarm.alarm_actions, []), aws_sns_topic.this.arn)]
    ]))
    error_message = "every alarm tells the topic"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.duration["land-events"].threshold == 80000
    error_message = "the alarm of the duration lies below the timeout"
  }

  assert {
    condition     = join(",", keys(aws_cloudwatch_metric_alarm.duration)) == "fetch-users,land-events" && contains(keys(aws_cloudwatch_metric_alarm.errors), "compact-raw")
    error_message = "who ends by its own clock is not told of for its duration"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.freshness["land-events-users_created"].threshold == 960
    error_message = "records may be as much older as they are gathered"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.small_objects.namespace == "Millrace" && aws_cloudwatch_metric_alarm.small_objects.metric_name == "small_objects" && aws_cloudwatch_metric_alarm.small_objects.dimensions["environment"] == "millrace-test" && aws_cloudwatch_metric_alarm.small_objects.threshold == 100
    error_message = "raw objects that stay small are an alarm"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.small_objects.statistic == "Minimum" && aws_cloudwatch_metric_alarm.small_objects.treat_missing_data == "ignore"
    error_message = "a compaction that goes on in another invocation rings nothing"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "\"small_objects\",\"environment\",\"millrace-test\"")
    error_message = "the dashboard shows raw objects that stay small"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.freshness["land-events-users_created"].namespace == "Millrace" && aws_cloudwatch_metric_alarm.freshness["land-events-users_created"].dimensions["topic"] == "users_created"
    error_message = "freshness is read where the function tells it"
  }

  assert {
    condition     = alltrue(flatten([for alarms in [aws_cloudwatch_metric_alarm.freshness, aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.retries] : [for alarm in alarms : lookup(alarm.dimensions, "environment", "") == "millrace-test"]]))
    error_message = "metrics of another environment of the account ring nothing here"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.freshness["land-events-users_created"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.freshness["land-events-users_created"].evaluation_periods == 10
    error_message = "a busy topic's silence rings once it has lasted"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.freshness["land-events-ad_events"].treat_missing_data == "notBreaching" && aws_cloudwatch_metric_alarm.freshness["land-events-ad_events"].evaluation_periods == 2
    error_message = "a topic that nobody writes to rings nothing"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.lag["land-events"].metric_name == "OffsetLag"
    error_message = "the lag is AWS's own"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.lag["land-events"].treat_missing_data == "breaching"
    error_message = "a lag that nobody tells is an alarm"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.stalled["land-events-ad_events"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.stalled["land-events-ad_events"].metric_name == "PolledEventCount" && aws_cloudwatch_metric_alarm.stalled["land-events-ad_events"].dimensions["EventSourceMappingUUID"] == "uuid-2"
    error_message = "a mapping that does not poll is an alarm"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.dropped["land-events-ad_events"].metric_name == "DroppedEventCount"
    error_message = "records that no queue was told of are an alarm"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.retries["land-events-ad_events"].metric_name == "retries" && aws_cloudwatch_metric_alarm.retries["land-events-ad_events"].threshold == 0
    error_message = "records that come again and again are an alarm"
  }

  assert {
    condition     = join(",", keys(aws_cloudwatch_metric_alarm.not_run)) == "fetch-users" && aws_cloudwatch_metric_alarm.not_run["fetch-users"].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.not_run["fetch-users"].period == 900 && aws_cloudwatch_metric_alarm.not_run["fetch-users"].evaluation_periods == 3
    error_message = "three times of the clock without a run are an alarm"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "OffsetLag") && strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "freshness")
    error_message = "the dashboard shows lag and freshness"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "\"freshness\",\"environment\",\"millrace-test\"")
    error_message = "the dashboard shows this environment"
  }
}

run "snowflake_tells" {
  module {
    source = "../modules/alarms"
  }
  variables {
    snowflake = { user_arn = "arn:aws:iam::999999999999:user/snowflake", external_id = "id" }
  }

  assert {
    condition     = jsondecode(aws_iam_role.snowflake[0].assume_role_policy).Statement[0].Condition.StringEquals["sts:ExternalId"] == "id" && jsondecode(aws_iam_role.snowflake[0].assume_role_policy).Statement[0].Principal.AWS == "arn:aws:iam::999999999999:user/snowflake"
    error_message = "Snowflake's teller is assumed with the external id alone"
  }

  assert {
    condition     = jsonencode(flatten([for statement in jsondecode(aws_iam_role_policy.snowflake[0].policy).Statement : statement.Action])) == jsonencode(["sns:Publish"]) && jsondecode(aws_iam_role_policy.snowflake[0].policy).Statement[0].Resource == [aws_sns_topic.this.arn]
    error_message = "Snowflake's teller tells the alarms' topic and does no more"
  }

  assert {
    condition     = output.snowflake_role_arn == "arn:aws:iam::123456789012:role/${aws_iam_role.snowflake[0].name}"
    error_message = "Snowflake's teller has the name that the integration was told"
  }
}

run "a_missing_day" {
  module {
    source = "../modules/alarms"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.day_absent[0].treat_missing_data == "breaching" && aws_cloudwatch_metric_alarm.day_absent[0].period * aws_cloudwatch_metric_alarm.day_absent[0].evaluation_periods == 27 * 3600
    error_message = "a day without a word is an alarm"
  }

  assert {
    condition     = aws_cloudwatch_composite_alarm.day_missing[0].alarm_rule == "ALARM(\"millrace-test-day-missing-absent\") AND (ALARM(\"millrace-test-day-missing-awaited-fetch-users\") OR ALARM(\"millrace-test-day-missing-awaited-land-events-ad_events\") OR ALARM(\"millrace-test-day-missing-awaited-land-events-users_created\"))"
    error_message = "a day is missing only where work was done for as long"
  }

  assert {
    condition     = length(aws_cloudwatch_metric_alarm.day_awaited) == 3 && alltrue([for alarm in aws_cloudwatch_metric_alarm.day_awaited : alarm.treat_missing_data == "notBreaching" && alarm.evaluation_periods == aws_cloudwatch_metric_alarm.day_absent[0].evaluation_periods])
    error_message = "a platform that has just begun misses no day"
  }

  assert {
    condition     = alltrue([for alarm in concat(values(aws_cloudwatch_metric_alarm.day_awaited), aws_cloudwatch_metric_alarm.day_absent) : length(coalesce(alarm.alarm_actions, [])) == 0])
    error_message = "a half of a missing day tells nobody"
  }
}

run "a_silence_that_cloudwatch_cannot_see_is_refused" {
  command = plan
  module {
    source = "../modules/alarms"
  }
  variables {
    busy_topics = { users_created = 172800 }
  }
  expect_failures = [var.busy_topics]
}
