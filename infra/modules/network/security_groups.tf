resource "aws_security_group" "functions" {
  #checkov:skip=CKV2_AWS_5:given to the functions by the platform
  name        = "${var.name}-functions"
  description = "Functions that talk to Kafka and AWS, and not to the internet"
  vpc_id      = local.vpc_id
}

resource "aws_security_group" "egress" {
  #checkov:skip=CKV2_AWS_5:given to fetch-users by the platform
  name        = "${var.name}-egress"
  description = "fetch-users: Kafka, AWS and HTTPS to the public API"
  vpc_id      = local.vpc_id
}

resource "aws_security_group" "endpoints" {
  count       = local.made ? 1 : 0
  name        = "${var.name}-endpoints"
  description = "AWS's services by interface endpoints"
  vpc_id      = local.vpc_id
}

locals {
  clients = { functions = aws_security_group.functions.id, egress = aws_security_group.egress.id }
}

# An interface endpoint is an address of the VPC, S3's gateway endpoint is not: HTTPS goes anywhere that the routes lead, and
# the private subnets' routes lead to AWS alone.
resource "aws_vpc_security_group_egress_rule" "https" {
  #checkov:skip=CKV_AWS_382:one port, and the subnets' routes bound where it leads
  for_each          = local.clients
  security_group_id = each.value
  description       = "HTTPS, as far as the subnet's routes lead"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "brokers" {
  for_each          = local.clients
  security_group_id = each.value
  description       = "Kafka: 9092 plain, 9094 TLS, 9096 SCRAM, 9098 IAM"
  cidr_ipv4         = var.brokers_cidr_block
  ip_protocol       = "tcp"
  from_port         = 9092
  to_port           = 9098
}

# A registry on the port of HTTPS is reached by the rule above, as far as the routes lead.
resource "aws_vpc_security_group_egress_rule" "registry" {
  count             = var.registry_port == null || var.registry_port == 443 ? 0 : 1
  security_group_id = aws_security_group.functions.id
  description       = "The schema registry"
  cidr_ipv4         = var.brokers_cidr_block
  ip_protocol       = "tcp"
  from_port         = var.registry_port
  to_port           = var.registry_port
}

resource "aws_vpc_security_group_ingress_rule" "endpoints" {
  for_each                     = local.made ? local.clients : {}
  security_group_id            = aws_security_group.endpoints[0].id
  description                  = "HTTPS of the ${each.key} group"
  referenced_security_group_id = each.value
  ip_protocol                  = "tcp"
  from_port                    = 443
  to_port                      = 443
}
