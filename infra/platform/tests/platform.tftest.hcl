# All of it together: what one part tells the next.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name           = "millrace-test"
  generation     = "g0001"
  kafka_password = "of the tests alone"
  zip_folder     = "./tests/zips"
  lake           = { bucket = "lake-of-tests" }
  network        = { kind = "make", availability_zones = ["eu-central-1a", "eu-central-1b"] }
  stream         = { kind = "serverless" }
  snowflake      = { user_arn = "arn:aws:iam::999999999999:user/snowflake", external_id = "id" }
  registry       = { url = "https://registry.example.com:8081", secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf" }

  secrets_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:20"
}

run "platform" {
  assert {
    condition = alltrue([
      for function in ["fetch-users", "land-events", "replay-dead-letters", "raw-transformation", "analytics-aggregation", "time-series-analysis"] :
      alltrue([for alarm in ["errors", "throttles", "duration", "failures"] : contains(output.alarm_names, "millrace-test-${function}-${alarm}")])
    ])
    error_message = "each function has its alarms"
  }

  assert {
    condition     = contains(output.alarm_names, "millrace-test-land-events-lag")
    error_message = "somebody is told when land-events is behind"
  }

  assert {
    condition     = alltrue([for topic in jsondecode(file("../topics.json")).topics : contains(output.alarm_names, "millrace-test-land-events-freshness-${topic}")])
    error_message = "each topic's freshness is watched"
  }

  assert {
    condition     = contains(output.alarm_names, "millrace-test-day-ExecutionsFailed") && contains(output.alarm_names, "millrace-test-day-missing")
    error_message = "a day that failed or is missing is told"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]
    ]))
    error_message = "no role has a star for an action"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : !contains(statement.Resource, "*") || contains(["JoinNetwork", "DeliverLog"], statement.Sid)]
    ]))
    error_message = "only network interfaces and log delivery are unnamed"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policies["millrace-test-land-events"]).Statement : alltrue([for resource in statement.Resource : endswith(resource, "/lake/raw/*") || endswith(resource, "/lake/_lake.json") || endswith(resource, "/lake/_lake_probe-*")]) if contains(statement.Action, "s3:PutObject")])
    error_message = "land-events writes raw objects alone"
  }

  assert {
    condition     = join(",", [for name, policy in output.policies : name if strcontains(policy, var.registry.secret_arn)]) == "millrace-test-land-events"
    error_message = "land-events alone may read the registry's login"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policies["millrace-test-fetch-users"]).Statement : alltrue([for action in statement.Action : !startswith(action, "s3:")])])
    error_message = "fetch-users does not touch the lake"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policies["millrace-test-land-events"]).Statement : alltrue([for resource in statement.Resource : endswith(resource, ".dlq")]) if contains(statement.Action, "kafka-cluster:WriteData")])
    error_message = "land-events produces dead letters alone"
  }
}

run "a_registry_with_a_login_wants_the_layer" {
  command = plan
  variables {
    secrets_layer_arn = null
  }
  expect_failures = [var.secrets_layer_arn]
}

run "alarms" {
  module {
    source = "../modules/alarms"
  }

  variables {
    name              = "millrace-test"
    state_machine_arn = "arn:aws:states:eu-central-1:123456789012:stateMachine:m"
    functions = {
      land-events = { function_name = "f", queue_name = "q", timeout_seconds = 100, kafka = true, topics = ["users_created"] }
    }
  }

  assert {
    condition = alltrue(flatten([
      for alarms in [
        aws_cloudwatch_metric_alarm.errors, aws_cloudwatch_metric_alarm.throttles, aws_cloudwatch_metric_alarm.duration, aws_cloudwatch_metric_alarm.failures,
        aws_cloudwatch_metric_alarm.lag, aws_cloudwatch_metric_alarm.freshness, aws_cloudwatch_metric_alarm.dead_letters, aws_cloudwatch_metric_alarm.state_machine,
      ] : [for alarm in alarms : contains(coalesce(alarm.alarm_actions, []), aws_sns_topic.this.arn)]
    ]))
    error_message = "every alarm tells the topic"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.duration["land-events"].threshold == 80000
    error_message = "the alarm of the duration lies below the timeout"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.freshness["land-events-users_created"].namespace == "Millrace" && aws_cloudwatch_metric_alarm.freshness["land-events-users_created"].dimensions["topic"] == "users_created"
    error_message = "freshness is read where the function tells it"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.lag["land-events"].metric_name == "OffsetLag"
    error_message = "the lag is AWS's own"
  }

  assert {
    condition     = aws_cloudwatch_metric_alarm.day_missing.treat_missing_data == "breaching"
    error_message = "a day without a word is an alarm"
  }

  assert {
    condition     = strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "OffsetLag") && strcontains(aws_cloudwatch_dashboard.this.dashboard_body, "freshness")
    error_message = "the dashboard shows lag and freshness"
  }
}

run "existing_cluster_without_a_network" {
  variables {
    network           = { kind = "none" }
    stream            = { kind = "existing", existing = { brokers = ["b:9096", "a:9096"], security = "scram", secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:k-AbCdEf" } }
    secrets_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:20"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policies["millrace-test-replay-dead-letters"]).Statement : statement.Sid != "JoinNetwork"])
    error_message = "functions outside a network have no rights on it"
  }

  assert {
    condition     = anytrue([for statement in jsondecode(output.policies["millrace-test-replay-dead-letters"]).Statement : contains(statement.Action, "secretsmanager:GetSecretValue")])
    error_message = "functions may read the login"
  }
}

run "a_generation_with_a_dash_is_refused" {
  command = plan
  variables {
    generation = "g-1"
  }
  expect_failures = [var.generation]
}
