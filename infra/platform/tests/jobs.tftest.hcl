# The day's jobs: the catalogue and the state machine.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  name             = "millrace-test"
  glue_database    = "millrace_test"
  notify_topic_arn = "arn:aws:sns:eu-central-1:123456789012:alarms"
  lake = {
    url        = "s3://lake-of-tests/lake"
    bucket_arn = "arn:aws:s3:::lake-of-tests"
    prefix_arn = "arn:aws:s3:::lake-of-tests/lake"
  }
  tables = jsondecode(file("../tables.json")).tables
  zip_paths = {
    raw-transformation    = "./tests/zips/raw-transformation/bootstrap.zip"
    analytics-aggregation = "./tests/zips/analytics-aggregation/bootstrap.zip"
    time-series-analysis  = "./tests/zips/time-series-analysis/bootstrap.zip"
  }
}

run "catalogue" {
  module {
    source = "../modules/jobs"
  }

  assert {
    condition     = length(setsubtract([for table in var.tables : table.name], keys(aws_glue_catalog_table.this))) == 0 && length(var.tables) >= 21
    error_message = "each table of the lake is in the catalogue"
  }

  assert {
    condition     = alltrue([for table in aws_glue_catalog_table.this : !anytrue([for column in table.storage_descriptor[0].columns : contains(["processing_date", "date", "hour"], column.name)])])
    error_message = "a partition is no column"
  }

  assert {
    condition     = alltrue([for table in var.tables : join(",", aws_glue_catalog_table.this[table.name].partition_keys[*].name) == (table.layer == "raw" ? "date,hour" : "processing_date") if contains(keys(aws_glue_catalog_table.this), table.name)])
    error_message = "raw tables are partitioned by date and hour, others by the day"
  }

  assert {
    condition     = alltrue([for table in var.tables : aws_glue_catalog_table.this[table.name].storage_descriptor[0].location == "s3://lake-of-tests/lake/${table.folder}/" if contains(keys(aws_glue_catalog_table.this), table.name)])
    error_message = "each table lies where the jobs write it"
  }

  assert {
    condition     = alltrue([for table in aws_glue_catalog_table.this : table.table_type == "EXTERNAL_TABLE" && table.parameters["classification"] == "parquet"])
    error_message = "tables are described as the jobs describe them"
  }
}

run "day" {
  module {
    source = "../modules/jobs"
  }

  assert {
    condition = try(
      output.definition.StartAt == "raw-transformation" &&
      output.definition.States["raw-transformation"].Next == "analytics-aggregation" &&
      output.definition.States["analytics-aggregation"].Next == "time-series-analysis" &&
      output.definition.States["time-series-analysis"].End,
      false,
    )
    error_message = "raw-transformation, analytics-aggregation, time-series-analysis, in this order"
  }

  assert {
    condition     = alltrue([for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : anytrue([for retry in output.definition.States[job].Retry : contains(retry.ErrorEquals, "States.ALL") && retry.MaxAttempts > 0])])
    error_message = "each job is tried again"
  }

  assert {
    condition     = alltrue([for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : output.definition.States[job].Catch[0].Next == "Notify" && contains(output.definition.States[job].Catch[0].ErrorEquals, "States.ALL")])
    error_message = "a job that fails is told"
  }

  assert {
    condition     = output.definition.States["Notify"].Arguments.TopicArn == var.notify_topic_arn && output.definition.States["Failed"].Type == "Fail"
    error_message = "a day that failed is told by SNS, and ends failed"
  }

  assert {
    condition     = alltrue([for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : strcontains(output.definition.States[job].Arguments.Payload, "'started_at': $states.context.Execution.StartTime")])
    error_message = "all jobs of a day have one start"
  }

  assert {
    condition     = aws_scheduler_schedule.day[0].target[0].arn == aws_sfn_state_machine.day.arn
    error_message = "the clock starts the day"
  }
}

run "rights" {
  module {
    source = "../modules/jobs"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]
    ]))
    error_message = "no right of a job has a star for its action"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : !contains(statement.Resource, "*") || contains(["DeliverLog", "Trace", "LogIntoRegistry"], statement.Sid)]
    ]))
    error_message = "only log delivery, traces and the registry's login are unnamed"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : [for resource in statement.Resource : !strcontains(resource, "/raw/") && resource != "${var.lake.prefix_arn}/*"] if contains(statement.Action, "s3:PutObject") || contains(statement.Action, "s3:DeleteObject")]
    ]))
    error_message = "jobs never write raw objects"
  }
}

run "fargate" {
  module {
    source = "../modules/jobs"
  }

  variables {
    runs_on              = "fargate"
    image                = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/jobs@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    image_repository_arn = "arn:aws:ecr:eu-central-1:123456789012:repository/jobs"
    network              = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition     = alltrue([for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : aws_ecs_task_definition.this[job].runtime_platform[0].cpu_architecture == "ARM64" && jsondecode(aws_ecs_task_definition.this[job].container_definitions)[0].command[0] == "/usr/local/bin/${job}"])
    error_message = "the same binaries run on Fargate, on arm64"
  }

  assert {
    condition     = alltrue([for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : join(",", output.definition.States[job].Arguments.Overrides.ContainerOverrides[0].Environment[*].Name) == "MILLRACE_AS_OF,MILLRACE_STARTED_AT"])
    error_message = "on Fargate the day and the start come by the environment"
  }

  assert {
    condition = alltrue(flatten([
      for policy in output.policies : [for statement in jsondecode(policy).Statement : [for action in statement.Action : !strcontains(action, "*")]]
    ]))
    error_message = "no right on Fargate has a star for its action"
  }
}

run "an_image_by_its_tag_is_refused" {
  command = plan
  module {
    source = "../modules/jobs"
  }
  variables {
    runs_on = "fargate"
    image   = "jobs:latest"
  }
  expect_failures = [var.image]
}
