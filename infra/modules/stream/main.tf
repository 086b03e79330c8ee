# What the functions need of a stream is the same whoever runs it: the brokers, how they are talked to, and the secret. See
# local.cluster in outputs.tf.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

locals {
  made        = var.kind != "existing"
  provisioned = var.kind == "provisioned"
  serverless  = var.kind == "serverless"
}

resource "aws_security_group" "brokers" {
  count       = local.made ? 1 : 0
  name        = "${var.name}-brokers"
  description = "Kafka's brokers and, with the same rules, the pollers of the event source mappings"
  vpc_id      = var.vpc_id

  lifecycle {
    precondition {
      condition     = var.vpc_id != null && length(var.subnet_ids) >= 2
      error_message = "a cluster is made in two or three subnets of a VPC: set network, or kind = \"existing\"."
    }
  }
}

resource "aws_vpc_security_group_ingress_rule" "clients" {
  for_each                     = local.made ? var.client_security_group_ids : {}
  security_group_id            = aws_security_group.brokers[0].id
  description                  = "Kafka of the ${each.key}"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 9092
  to_port                      = 9098
}

# Lambda's pollers take the cluster's own group.
resource "aws_vpc_security_group_ingress_rule" "pollers" {
  count                        = local.made ? 1 : 0
  security_group_id            = aws_security_group.brokers[0].id
  description                  = "Kafka of Lambda's pollers"
  referenced_security_group_id = aws_security_group.brokers[0].id
  ip_protocol                  = "tcp"
  from_port                    = 9092
  to_port                      = 9098
}

resource "aws_vpc_security_group_egress_rule" "pollers" {
  count                        = local.made ? 1 : 0
  security_group_id            = aws_security_group.brokers[0].id
  description                  = "Lambda's pollers to Kafka"
  referenced_security_group_id = aws_security_group.brokers[0].id
  ip_protocol                  = "tcp"
  from_port                    = 9092
  to_port                      = 9098
}

resource "aws_vpc_security_group_egress_rule" "aws" {
  count             = local.made ? 1 : 0
  security_group_id = aws_security_group.brokers[0].id
  description       = "Lambda's pollers to AWS, as far as the subnet's routes lead"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_msk_serverless_cluster" "this" {
  count        = local.serverless ? 1 : 0
  cluster_name = var.name

  vpc_config {
    subnet_ids         = var.subnet_ids
    security_group_ids = [aws_security_group.brokers[0].id]
  }

  client_authentication {
    sasl {
      iam {
        enabled = true
      }
    }
  }
}

resource "aws_cloudwatch_log_group" "brokers" {
  #checkov:skip=CKV_AWS_158:brokers log no records; the log service's own keys encrypt
  #checkov:skip=CKV_AWS_338:how long a log is kept is a variable (log_retention_days)
  count             = local.provisioned ? 1 : 0
  name              = "/millrace/${var.name}/brokers"
  retention_in_days = var.log_retention_days
}

# Topics are made with care (partitions, retention), never by a client that spelt a name wrongly. Each record has a copy in each zone,
# and is acknowledged when all but one have it: of three zones one may go down; of two the one that is left may lack what the other
# acknowledged.
resource "aws_msk_configuration" "this" {
  count             = local.provisioned ? 1 : 0
  name              = var.name
  server_properties = <<-PROPERTIES
    auto.create.topics.enable=false
    log.retention.hours=${var.retention_hours}
    default.replication.factor=${min(3, length(var.subnet_ids))}
    min.insync.replicas=${max(1, min(3, length(var.subnet_ids)) - 1)}
    unclean.leader.election.enable=false
  PROPERTIES
}

resource "aws_msk_cluster" "this" {
  count                  = local.provisioned ? 1 : 0
  cluster_name           = var.name
  kafka_version          = var.kafka_version
  number_of_broker_nodes = var.brokers_per_subnet * length(var.subnet_ids)
  enhanced_monitoring    = "PER_TOPIC_PER_BROKER"

  broker_node_group_info {
    instance_type   = var.broker_instance_type
    client_subnets  = var.subnet_ids
    security_groups = [aws_security_group.brokers[0].id]
    storage_info {
      ebs_storage_info {
        volume_size = var.broker_storage_gib
      }
    }
  }

  configuration_info {
    arn      = aws_msk_configuration.this[0].arn
    revision = aws_msk_configuration.this[0].latest_revision
  }

  client_authentication {
    unauthenticated = false
    sasl {
      scram = true
    }
  }

  encryption_info {
    encryption_at_rest_kms_key_arn = aws_kms_key.kafka[0].arn
    encryption_in_transit {
      client_broker = "TLS"
      in_cluster    = true
    }
  }

  logging_info {
    broker_logs {
      cloudwatch_logs {
        enabled   = true
        log_group = aws_cloudwatch_log_group.brokers[0].name
      }
    }
  }
}
