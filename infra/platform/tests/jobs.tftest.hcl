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
  tables              = jsondecode(file("../tables.json")).tables
  compaction_zip_path = "./tests/zips/compact-raw/bootstrap.zip"
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
    condition     = length(setsubtract([for table in var.tables : table.name if table.layer != "raw"], keys(aws_glue_catalog_table.this))) == 0 && length(var.tables) >= 21
    error_message = "each table that the jobs write is in the catalogue"
  }

  assert {
    condition     = length(setintersection([for table in var.tables : table.name if table.layer == "raw"], keys(aws_glue_catalog_table.this))) == 0
    error_message = "no raw table is in the catalogue"
  }

  assert {
    condition     = alltrue([for table in aws_glue_catalog_table.this : !anytrue([for column in table.storage_descriptor[0].columns : contains(["processing_date", "date", "hour"], column.name)])])
    error_message = "a partition is no column"
  }

  assert {
    condition     = alltrue([for table in var.tables : join(",", aws_glue_catalog_table.this[table.name].partition_keys[*].name) == "processing_date" if table.layer != "raw" && contains(keys(aws_glue_catalog_table.this), table.name)])
    error_message = "tables are partitioned by the day"
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
      output.definition.States["time-series-analysis"].Next == "compact-raw",
      false,
    )
    error_message = "raw-transformation, analytics-aggregation, time-series-analysis, then the compaction, in this order"
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
    condition     = alltrue([for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : strcontains(output.definition.States[job].Arguments.Payload, "'as_of': ($exists($states.context.Execution.Input.as_of) ? $states.context.Execution.Input.as_of : $substringBefore($fromMillis($toMillis($states.context.Execution.StartTime) - 86400000), 'T'))")])
    error_message = "the clock makes the day that has ended, and whoever names a day that day"
  }

  assert {
    condition     = aws_scheduler_schedule.day[0].target[0].arn == aws_sfn_state_machine.day.arn
    error_message = "the clock starts the day"
  }

  assert {
    condition     = aws_scheduler_schedule.day[0].state == "DISABLED"
    error_message = "no day starts before a release"
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
      for name, policy in output.policies : [for statement in jsondecode(policy).Statement : [for resource in statement.Resource : !strcontains(resource, "/raw/") && resource != "${var.lake.prefix_arn}/*"] if contains(statement.Action, "s3:PutObject") || contains(statement.Action, "s3:DeleteObject")] if name != "${var.name}-compact-raw"
    ]))
    error_message = "jobs never write raw objects"
  }

  assert {
    condition     = alltrue([for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : anytrue([for statement in jsondecode(output.policies["${var.name}-${job}"]).Statement : contains(statement.Resource, "${var.lake.prefix_arn}/.locks/*") if contains(statement.Action, "s3:PutObject") && contains(statement.Action, "s3:DeleteObject")])])
    error_message = "jobs may take their locks and give them back"
  }
}

run "iceberg" {
  module {
    source = "../modules/jobs"
  }

  variables {
    iceberg = true
  }

  assert {
    condition     = output.iceberg_database == "millrace_test_iceberg" && output.glue_database == "millrace_test"
    error_message = "Iceberg tables have a database of their own"
  }

  assert {
    condition     = alltrue([for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : join(",", sort(flatten([for statement in jsondecode(output.policies["${var.name}-${job}"]).Statement : statement.Action if contains(statement.Resource, "${var.lake.prefix_arn}/iceberg/*")]))) == "s3:AbortMultipartUpload,s3:PutObject"])
    error_message = "jobs write Iceberg's files, and remove none"
  }

  assert {
    condition     = alltrue([for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : join(",", sort(flatten([for statement in jsondecode(output.policies["${var.name}-${job}"]).Statement : statement.Action if anytrue([for resource in statement.Resource : endswith(resource, ":table/millrace_test_iceberg/*")])]))) == "glue:CreateTable,glue:GetTable,glue:UpdateTable"])
    error_message = "jobs swap Iceberg tables, and nothing else of them"
  }

  assert {
    condition     = alltrue([for name, policy in output.policies : !strcontains(policy, "iceberg") if name == "${var.name}-compact-raw"])
    error_message = "the compaction has nothing to do with Iceberg tables"
  }
}

run "without_iceberg" {
  module {
    source = "../modules/jobs"
  }

  assert {
    condition     = output.iceberg_database == null && alltrue([for policy in output.policies : !strcontains(policy, "iceberg")])
    error_message = "no right is given for Iceberg tables that nobody asked for"
  }
}

run "iceberg_on_fargate" {
  module {
    source = "../modules/jobs"
  }

  variables {
    iceberg              = true
    runs_on              = "fargate"
    image                = "123456789012.dkr.ecr.eu-central-1.amazonaws.com/jobs@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    image_repository_arn = "arn:aws:ecr:eu-central-1:123456789012:repository/jobs"
    network              = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition     = anytrue([for variable in jsondecode(aws_ecs_task_definition.this["raw-transformation"].container_definitions)[0].environment : variable.name == "MILLRACE_ICEBERG_DATABASE" && variable.value == "millrace_test_iceberg"])
    error_message = "the jobs are told of their database of Iceberg tables"
  }
}

run "compaction" {
  module {
    source = "../modules/jobs"
  }

  assert {
    condition     = strcontains(output.definition.States["compact-raw"].Arguments.Payload, "'started_at': $states.context.Execution.StartTime") && strcontains(output.definition.States["compact-raw"].Arguments.Payload, "'as_of': ($exists($states.context.Execution.Input.as_of)")
    error_message = "the compaction has the day and the start of the jobs"
  }

  assert {
    condition     = output.definition.States["compact-raw"].Catch[0].Next == "NotCompacted" && output.definition.States["NotCompacted"].Next == "Made" && output.definition.States["Made"].Type == "Succeed"
    error_message = "a compaction that fails is told, and fails no day"
  }

  assert {
    condition     = anytrue([for retry in output.definition.States["compact-raw"].Retry : contains(retry.ErrorEquals, "States.ALL") && retry.MaxAttempts > 0]) && anytrue([for retry in output.definition.States["compact-raw"].Retry : contains(retry.ErrorEquals, "Stop") && retry.MaxAttempts == 0])
    error_message = "a compaction is tried again where that may help"
  }

  assert {
    condition     = output.definition.States["Compacted"].Default == "compact-raw" && output.definition.States["Compacted"].Choices[0].Next == "Made" && output.definition.States["Compacted"].Choices[1].Next == "NotCompacted" && strcontains(output.definition.States["Compacted"].Choices[1].Condition, ">= 16 ")
    error_message = "a compaction goes on until it is done, sixteen times at most"
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(output.policies["${var.name}-compact-raw"]).Statement : [for resource in statement.Resource : contains(["${var.lake.prefix_arn}/raw/*", "${var.lake.prefix_arn}/_compactions/*", "${var.lake.prefix_arn}/.locks/*", "${var.lake.prefix_arn}/_lake.json", "${var.lake.prefix_arn}/_lake_probe-*"], resource)] if contains(statement.Action, "s3:PutObject") || contains(statement.Action, "s3:DeleteObject")
    ]))
    error_message = "the compaction writes raw objects, and no table"
  }

  assert {
    condition     = alltrue([for statement in jsondecode(output.policies["${var.name}-compact-raw"]).Statement : alltrue([for action in statement.Action : !startswith(action, "glue:")])])
    error_message = "the compaction has a role of its own"
  }

  assert {
    condition     = output.functions["compact-raw"].timeout_seconds == 900 && output.functions["compact-raw"].stops_by_itself
    error_message = "the compaction ends by its own clock"
  }
}

run "more_memory_than_there_is_is_refused" {
  command = plan
  module {
    source = "../modules/jobs"
  }
  variables {
    compaction = { memory_bytes = 1073741824 }
  }
  expect_failures = [var.compaction]
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
    condition     = alltrue([for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : output.definition.States[job].Catch[0].Next == "${job} failed" && strcontains(output.definition.States["${job} failed"].Choices[0].Condition, "ExitCode\": ?64") && output.definition.States["${job} failed"].Choices[0].Next == "Notify"])
    error_message = "on Fargate a Stop is told and not tried again"
  }

  assert {
    condition     = alltrue([for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : output.definition.States["${job} failed"].Default == "${job} again" && output.definition.States["${job} again"].Next == job])
    error_message = "on Fargate each job is tried again"
  }

  assert {
    condition     = alltrue([for job in ["raw-transformation", "analytics-aggregation", "time-series-analysis"] : strcontains(output.definition.States[job].Arguments.Overrides.ContainerOverrides[0].Environment[0].Value, "$toMillis($states.context.Execution.StartTime) - 86400000")])
    error_message = "on Fargate the clock makes the day that has ended"
  }

  assert {
    condition     = join(",", keys(output.functions)) == "compact-raw" && output.definition.States["compact-raw"].Resource == "arn:aws:states:::lambda:invoke"
    error_message = "the compaction is a function where the jobs run on Fargate too"
  }

  # By number: to a mock all aliases have one ARN.
  assert {
    condition     = one([for statement in jsondecode(output.policies["${var.name}-day"]).Statement : length(statement.Resource) if statement.Sid == "InvokeJobs"]) == 1
    error_message = "the state machine may invoke the compaction"
  }

  assert {
    condition     = anytrue([for variable in jsondecode(aws_ecs_task_definition.this["raw-transformation"].container_definitions)[0].environment : variable.name == "MILLRACE_ENVIRONMENT" && variable.value == var.name])
    error_message = "the jobs are told of their environment"
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
