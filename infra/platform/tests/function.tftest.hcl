# One function, invoked by Kafka and by the clock.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name                 = "millrace-test-land-events"
  description          = "of the tests"
  zip_path             = "./tests/zips/land-events/bootstrap.zip"
  timeout_seconds      = 120
  memory_mib           = 1769
  reserved_concurrency = 3
  kafka_secret_arn     = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:AmazonMSK_x-AbCdEf"
  secrets_layer_arn    = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:20"
  schedule             = "rate(5 minutes)"
  tracing              = true
  environment          = { MILLRACE_LAKE = "s3://lake-of-tests/lake" }
  registry = {
    url                = "https://registry.example.com/apis/ccompat/v7"
    secret_arn         = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf"
    secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/registry"
    ca_pem             = "-----BEGIN CERTIFICATE-----"
  }
  network = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  kafka_source = {
    topics         = ["users_created", "ad_events"]
    consumer_group = "millrace-test-g0001"
    cluster_arn    = "arn:aws:kafka:eu-central-1:123456789012:cluster/c/abc-1"
    security       = "scram"
    secret_arn     = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:AmazonMSK_x-AbCdEf"
  }
}

run "function" {
  module {
    source = "../modules/function"
  }

  assert {
    condition     = join(",", aws_lambda_function.this.architectures) == "arm64" && aws_lambda_function.this.runtime == "provided.al2023" && aws_lambda_function.this.handler == "bootstrap"
    error_message = "the function is arm64 on provided.al2023"
  }

  assert {
    condition     = aws_lambda_function.this.publish
    error_message = "each apply publishes a version"
  }

  assert {
    condition     = aws_lambda_alias.live.name == "live"
    error_message = "the alias is live"
  }

  assert {
    condition     = aws_lambda_function.this.reserved_concurrent_executions == 3
    error_message = "concurrency is reserved as asked"
  }

  assert {
    condition     = aws_lambda_function.this.environment[0].variables["MILLRACE_KAFKA_SECRET"] == var.kafka_secret_arn && aws_lambda_function.this.layers[0] == var.secrets_layer_arn
    error_message = "the login is read through the layer"
  }

  assert {
    condition     = alltrue([for key, value in { URL = var.registry.url, SECRET = var.registry.secret_arn, CA = var.registry.ca_pem } : lookup(aws_lambda_function.this.environment[0].variables, "MILLRACE_REGISTRY_${key}", null) == value])
    error_message = "the function is told of the registry"
  }

  assert {
    condition     = one(aws_lambda_function_event_invoke_config.live.destination_config[0].on_failure[*]).destination == aws_sqs_queue.failures.arn && aws_lambda_function_event_invoke_config.live.qualifier == "live"
    error_message = "what fails is told to the queue of failures"
  }

  assert {
    condition     = aws_lambda_function_event_invoke_config.live.maximum_retry_attempts == 0
    error_message = "Lambda itself tries nothing again"
  }

  assert {
    condition     = aws_sqs_queue.failures.sqs_managed_sse_enabled && jsondecode(aws_sqs_queue.failures.policy).Statement[0].Condition.Bool["aws:SecureTransport"] == "false"
    error_message = "the queue of failures is encrypted, on the way too"
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/millrace-test-land-events" && aws_cloudwatch_log_group.this.retention_in_days == 30
    error_message = "the log ends"
  }
}

run "mappings" {
  module {
    source = "../modules/function"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.kafka : !mapping.enabled])
    error_message = "no mapping runs before a release"
  }

  assert {
    condition     = alltrue([for topic in ["users_created", "ad_events"] : output.mappings[topic].enabled && output.mappings[topic].uuid == aws_lambda_event_source_mapping.kafka[topic].uuid])
    error_message = "a release is told of the mappings"
  }

  assert {
    condition     = alltrue([for topic in ["users_created", "ad_events"] : join(",", aws_lambda_event_source_mapping.kafka[topic].topics) == topic])
    error_message = "each topic has a mapping"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.kafka : mapping.function_name == aws_lambda_alias.live.arn])
    error_message = "mappings invoke the alias"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.kafka : contains(coalesce(mapping.function_response_types, []), "ReportBatchItemFailures")])
    error_message = "mappings take partial answers"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.kafka : coalesce(mapping.bisect_batch_on_function_error, false)])
    error_message = "a batch that fails is bisected"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.kafka : mapping.maximum_retry_attempts == 10000 && mapping.maximum_record_age_in_seconds == 518400])
    error_message = "retries have their limits"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.kafka : contains(flatten(mapping.metrics_config[*].metrics), "EventCount")])
    error_message = "mappings tell what they poll and drop"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.kafka : one(mapping.destination_config[0].on_failure[*]).destination_arn == aws_sqs_queue.failures.arn])
    error_message = "mappings tell the queue of failures"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.kafka : length(mapping.provisioned_poller_config) == 1])
    error_message = "pollers are provisioned, without which AWS takes no partial answers of Kafka"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.kafka : mapping.batch_size == 6000 && mapping.maximum_batching_window_in_seconds == 60])
    error_message = "batches are as asked"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.kafka : mapping.starting_position == "TRIM_HORIZON"])
    error_message = "a new mapping begins with the oldest record"
  }

  assert {
    condition     = alltrue([for mapping in aws_lambda_event_source_mapping.kafka : one([for access in mapping.source_access_configuration : access.uri if access.type == "SASL_SCRAM_512_AUTH"]) == var.kafka_secret_arn])
    error_message = "mappings log in with the secret"
  }
}

run "schedule" {
  module {
    source = "../modules/function"
  }

  assert {
    condition     = aws_scheduler_schedule.this[0].state == "DISABLED"
    error_message = "the clock stands still until a release"
  }

  assert {
    condition     = join(",", output.schedules) == var.name
    error_message = "a release is told of the clock"
  }

  assert {
    condition     = one(aws_scheduler_schedule.this[0].target[0].retry_policy[*]).maximum_retry_attempts == 0
    error_message = "the clock tries nothing again"
  }

  assert {
    condition     = aws_scheduler_schedule.this[0].target[0].arn == aws_lambda_alias.live.arn
    error_message = "the clock invokes the alias"
  }
}

run "rights" {
  module {
    source = "../modules/function"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]
    ]))
    error_message = "no right of a function has a star for its action"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : !contains(statement.Resource, "*") || contains(["JoinNetwork", "FindBrokers", "Trace"], statement.Sid)]
    ]))
    error_message = "only network interfaces, brokers and traces are unnamed"
  }
}

run "logins" {
  module {
    source = "../modules/function"
  }

  assert {
    condition     = toset(one([for statement in jsondecode(output.policies[var.name]).Statement : statement.Resource if statement.Sid == "ReadLogin"])) == toset([var.kafka_secret_arn, var.registry.secret_arn])
    error_message = "the function reads its two logins, and no other secret"
  }

  assert {
    condition     = toset(one([for statement in jsondecode(output.policies[var.name]).Statement : statement.Resource if statement.Sid == "DecryptLogin"])) == toset([var.registry.secret_kms_key_arn])
    error_message = "the function may use the key around the registry's login"
  }
}

run "authorities" {
  module {
    source = "../modules/function"
  }

  variables {
    kafka_ca_secret_arn         = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kafka-ca-AbCdEf"
    kafka_ca_secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/kafka-ca"
    registry = {
      url                   = "https://registry.example.com"
      ca_secret_arn         = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-ca-AbCdEf"
      ca_secret_kms_key_arn = "arn:aws:kms:eu-central-1:123456789012:key/registry-ca"
    }
  }

  assert {
    condition     = alltrue([for key, value in { KAFKA = var.kafka_ca_secret_arn, REGISTRY = var.registry.ca_secret_arn } : lookup(aws_lambda_function.this.environment[0].variables, "MILLRACE_${key}_CA_SECRET", null) == value])
    error_message = "the function is told where private authorities are"
  }

  assert {
    condition     = toset(one([for statement in jsondecode(output.policies[var.name]).Statement : statement.Resource if statement.Sid == "ReadLogin"])) == toset([var.kafka_secret_arn, var.kafka_ca_secret_arn, var.registry.ca_secret_arn])
    error_message = "the function may read its authorities"
  }

  assert {
    condition     = toset(one([for statement in jsondecode(output.policies[var.name]).Statement : statement.Resource if statement.Sid == "DecryptLogin"])) == toset([var.kafka_ca_secret_kms_key_arn, var.registry.ca_secret_kms_key_arn])
    error_message = "the function may use the keys around its authorities"
  }
}

run "an_authority_without_the_layer_is_refused" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    kafka_secret_arn    = null
    registry            = null
    kafka_ca_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kafka-ca-AbCdEf"
    secrets_layer_arn   = null
  }
  expect_failures = [aws_lambda_function.this]
}

run "an_authority_that_is_told_twice_is_refused" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    registry = { url = "https://registry.example.com", ca_pem = "-----BEGIN CERTIFICATE-----", ca_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-ca-AbCdEf" }
  }
  expect_failures = [var.registry]
}

run "a_bundle_that_no_environment_takes_is_refused" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    registry = { url = "https://registry.example.com", ca_pem = join("", [for line in range(40) : "MIIE5DCCAsygAwIBAgIRAPJdwaFaNRrytHBto0j5BA0wDQYJKoZIhvcNAQELBQAw"]) }
  }
  expect_failures = [var.registry]
}

run "without_a_registry_nothing_is_told_of_one" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    registry = null
  }
  assert {
    condition     = alltrue([for key in keys(aws_lambda_function.this.environment[0].variables) : !startswith(key, "MILLRACE_REGISTRY")])
    error_message = "a function without a registry is told of none"
  }
}

run "a_registrys_login_without_tls_is_refused" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    registry = { url = "http://registry.example.com", secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf" }
  }
  expect_failures = [var.registry]
}

run "a_login_in_a_registrys_url_is_refused" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    registry = { url = "https://me:hunter2@registry.example.com" }
  }
  expect_failures = [var.registry]
}

run "self_managed" {
  module {
    source = "../modules/function"
  }

  variables {
    kafka_source = {
      topics         = ["users_created"]
      consumer_group = "millrace-test-g0001"
      brokers        = ["b:9096", "a:9096"]
      security       = "scram"
      secret_arn     = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kafka-AbCdEf"
    }
  }

  assert {
    condition     = one(aws_lambda_event_source_mapping.kafka["users_created"].self_managed_event_source).endpoints["KAFKA_BOOTSTRAP_SERVERS"] == "a:9096,b:9096"
    error_message = "a cluster that is not MSK is named by its brokers"
  }
}

run "unprovisioned_pollers_are_refused" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    kafka_source = {
      topics          = ["users_created"]
      consumer_group  = "g"
      brokers         = ["a:9096"]
      security        = "tls"
      minimum_pollers = 0
    }
  }
  expect_failures = [var.kafka_source]
}

run "retries_without_end_are_refused" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    kafka_source = {
      topics          = ["users_created"]
      consumer_group  = "g"
      brokers         = ["a:9096"]
      security        = "tls"
      maximum_retries = -1
    }
  }
  expect_failures = [var.kafka_source]
}

run "an_age_without_end_is_refused" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    kafka_source = {
      topics              = ["users_created"]
      consumer_group      = "g"
      brokers             = ["a:9096"]
      security            = "tls"
      maximum_age_seconds = -1
    }
  }
  expect_failures = [var.kafka_source]
}

run "a_star_for_an_action_is_refused" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    statements = [{ sid = "All", actions = ["s3:*"], resources = ["arn:aws:s3:::b"] }]
  }
  expect_failures = [var.statements]
}

run "a_password_in_the_environment_is_refused" {
  command = plan
  module {
    source = "../modules/function"
  }
  variables {
    environment = { MILLRACE_KAFKA_PASSWORD = "x" }
  }
  expect_failures = [var.environment]
}
