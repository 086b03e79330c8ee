# Where functions live, and what they talk to.

mock_provider "aws" {
  source = "./tests/mocks"
}

variables {
  kafka_password = "of the tests alone"
}

run "network" {
  module {
    source = "../modules/network"
  }

  variables {
    name               = "millrace-test"
    availability_zones = ["eu-central-1a", "eu-central-1b"]
    registry_port      = 8081
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.registry[0].security_group_id == aws_security_group.functions.id && aws_vpc_security_group_egress_rule.registry[0].from_port == 8081 && aws_vpc_security_group_egress_rule.registry[0].to_port == 8081 && aws_vpc_security_group_egress_rule.registry[0].cidr_ipv4 == var.brokers_cidr_block
    error_message = "the registry's port is open to the functions, where the brokers are"
  }

  assert {
    condition     = alltrue([for association in aws_route_table_association.private : association.route_table_id == aws_route_table.private[0].id]) && aws_route.egress[0].route_table_id == aws_route_table.egress[0].id
    error_message = "only the egress subnet has a way to the internet"
  }

  assert {
    condition     = aws_route_table_association.egress[0].subnet_id == one(output.egress_subnet_ids) && !contains(output.private_subnet_ids, one(output.egress_subnet_ids))
    error_message = "the egress subnet is no private one"
  }

  assert {
    condition     = aws_vpc_endpoint.s3[0].vpc_endpoint_type == "Gateway" && contains(aws_vpc_endpoint.s3[0].route_table_ids, aws_route_table.private[0].id)
    error_message = "S3 is reached without the internet"
  }

  assert {
    condition     = alltrue([for service in ["secretsmanager", "sts"] : aws_vpc_endpoint.interface[service].private_dns_enabled])
    error_message = "Secrets Manager and STS are reached without the internet"
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.endpoints : rule.referenced_security_group_id != null && rule.cidr_ipv4 == null])
    error_message = "endpoints listen to the functions alone"
  }
}

run "https_needs_no_rule_of_the_registrys_own" {
  command = plan
  module {
    source = "../modules/network"
  }
  variables {
    name               = "millrace-test"
    availability_zones = ["eu-central-1a", "eu-central-1b"]
    registry_port      = 443
  }
  assert {
    condition     = length(aws_vpc_security_group_egress_rule.registry) == 0
    error_message = "no second rule opens the port of HTTPS"
  }
}

run "zones_are_wanted" {
  command = plan
  module {
    source = "../modules/network"
  }
  variables {
    name = "millrace-test"
  }
  expect_failures = [aws_vpc.this]
}

run "provisioned" {
  module {
    source = "../modules/stream"
  }

  variables {
    name                      = "millrace-test"
    kind                      = "provisioned"
    vpc_id                    = "vpc-1"
    subnet_ids                = ["subnet-1", "subnet-2", "subnet-3"]
    retention_hours           = 72
    client_security_group_ids = { functions = "sg-1" }
  }

  assert {
    condition     = startswith(aws_secretsmanager_secret.kafka[0].name, "AmazonMSK_") && aws_secretsmanager_secret.kafka[0].kms_key_id == aws_kms_key.kafka[0].arn
    error_message = "the login is a secret as MSK wants it"
  }

  assert {
    condition     = contains(aws_msk_scram_secret_association.this[0].secret_arn_list, aws_secretsmanager_secret.kafka[0].arn)
    error_message = "the brokers know the login"
  }

  assert {
    condition     = one(one(aws_msk_cluster.this[0].encryption_info).encryption_in_transit).client_broker == "TLS" && one(aws_msk_cluster.this[0].client_authentication).unauthenticated == false
    error_message = "the brokers take nobody without TLS and login"
  }

  assert {
    condition     = strcontains(aws_msk_configuration.this[0].server_properties, "auto.create.topics.enable=false")
    error_message = "no client makes a topic by spelling it wrongly"
  }

  assert {
    condition     = strcontains(aws_msk_configuration.this[0].server_properties, "log.retention.hours=72\n") && output.retention_seconds == 72 * 3600
    error_message = "topics keep their records as long as is said"
  }

  assert {
    condition     = strcontains(aws_msk_configuration.this[0].server_properties, "default.replication.factor=3\n") && strcontains(aws_msk_configuration.this[0].server_properties, "min.insync.replicas=2\n")
    error_message = "of three zones one may go down without a record lost"
  }

  assert {
    condition     = output.security == "scram" && output.secret_arn == aws_secretsmanager_secret.kafka[0].arn
    error_message = "functions are told of the login"
  }

  assert {
    condition     = alltrue([for rule in aws_vpc_security_group_ingress_rule.clients : rule.cidr_ipv4 == null])
    error_message = "brokers listen to groups, not to addresses"
  }
}

run "serverless" {
  module {
    source = "../modules/stream"
  }

  variables {
    name       = "millrace-test"
    kind       = "serverless"
    vpc_id     = "vpc-1"
    subnet_ids = ["subnet-1", "subnet-2"]
  }

  assert {
    condition     = output.security == "msk-iam" && output.brokers == "boot.example.com:9098"
    error_message = "MSK Serverless is logged into by IAM"
  }
}

run "scram_without_a_secret_is_refused" {
  command = plan
  module {
    source = "../modules/stream"
  }
  variables {
    name     = "millrace-test"
    existing = { brokers = ["a:9096"], security = "scram" }
  }
  expect_failures = [var.existing]
}

run "an_authority_that_nobody_heeds_is_refused" {
  command = plan
  module {
    source = "../modules/stream"
  }
  variables {
    name     = "millrace-test"
    existing = { brokers = ["a:9092"], security = "plain", ca_secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kafka-ca-AbCdEf" }
  }
  expect_failures = [var.existing]
}
