# Two kinds of private subnet: `private` reaches AWS by endpoints and nothing else, `egress` reaches the internet through one
# NAT gateway. fetch-users alone lives in the second: it calls a public API.

locals {
  made  = var.existing == null
  zones = local.made ? { for index, zone in var.availability_zones : zone => index } : {}

  vpc_id             = local.made ? aws_vpc.this[0].id : var.existing.vpc_id
  private_subnet_ids = local.made ? [for zone in var.availability_zones : aws_subnet.private[zone].id] : var.existing.private_subnet_ids
  egress_subnet_ids  = local.made ? [aws_subnet.egress[0].id] : var.existing.egress_subnet_ids
}

data "aws_region" "current" {}

resource "aws_vpc" "this" {
  #checkov:skip=CKV2_AWS_11:flow logs cost by the gigabyte and are an account's choice; nothing here listens to the internet
  count                = local.made ? 1 : 0
  cidr_block           = var.cidr_block
  enable_dns_support   = true
  enable_dns_hostnames = true
  tags                 = { Name = var.name }

  lifecycle {
    precondition {
      condition     = length(var.availability_zones) > 0
      error_message = "availability_zones is empty: name two or three zones, or give existing."
    }
  }
}

# The VPC's default group lets its members talk; nothing is put into it.
resource "aws_default_security_group" "this" {
  count  = local.made ? 1 : 0
  vpc_id = aws_vpc.this[0].id
}

resource "aws_subnet" "private" {
  for_each          = local.zones
  vpc_id            = aws_vpc.this[0].id
  availability_zone = each.key
  cidr_block        = cidrsubnet(var.cidr_block, 4, each.value)
  tags              = { Name = "${var.name}-private-${each.key}" }
}

resource "aws_subnet" "egress" {
  count             = local.made ? 1 : 0
  vpc_id            = aws_vpc.this[0].id
  availability_zone = var.availability_zones[0]
  cidr_block        = cidrsubnet(var.cidr_block, 4, 14)
  tags              = { Name = "${var.name}-egress" }
}

# Holds the NAT gateway alone.
resource "aws_subnet" "public" {
  count             = local.made ? 1 : 0
  vpc_id            = aws_vpc.this[0].id
  availability_zone = var.availability_zones[0]
  cidr_block        = cidrsubnet(var.cidr_block, 4, 15)
  tags              = { Name = "${var.name}-public" }
}

resource "aws_internet_gateway" "this" {
  count  = local.made ? 1 : 0
  vpc_id = aws_vpc.this[0].id
  tags   = { Name = var.name }
}

resource "aws_eip" "nat" {
  count  = local.made ? 1 : 0
  domain = "vpc"
  tags   = { Name = "${var.name}-nat" }
}

resource "aws_nat_gateway" "this" {
  count         = local.made ? 1 : 0
  allocation_id = aws_eip.nat[0].id
  subnet_id     = aws_subnet.public[0].id
  tags          = { Name = var.name }
  depends_on    = [aws_internet_gateway.this]
}

resource "aws_route_table" "private" {
  count  = local.made ? 1 : 0
  vpc_id = aws_vpc.this[0].id
  tags   = { Name = "${var.name}-private" }
}

resource "aws_route_table" "egress" {
  count  = local.made ? 1 : 0
  vpc_id = aws_vpc.this[0].id
  tags   = { Name = "${var.name}-egress" }
}

resource "aws_route_table" "public" {
  count  = local.made ? 1 : 0
  vpc_id = aws_vpc.this[0].id
  tags   = { Name = "${var.name}-public" }
}

resource "aws_route" "egress" {
  count                  = local.made ? 1 : 0
  route_table_id         = aws_route_table.egress[0].id
  destination_cidr_block = "0.0.0.0/0"
  nat_gateway_id         = aws_nat_gateway.this[0].id
}

resource "aws_route" "public" {
  count                  = local.made ? 1 : 0
  route_table_id         = aws_route_table.public[0].id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this[0].id
}

resource "aws_route_table_association" "private" {
  for_each       = local.zones
  subnet_id      = aws_subnet.private[each.key].id
  route_table_id = aws_route_table.private[0].id
}

resource "aws_route_table_association" "egress" {
  count          = local.made ? 1 : 0
  subnet_id      = aws_subnet.egress[0].id
  route_table_id = aws_route_table.egress[0].id
}

resource "aws_route_table_association" "public" {
  count          = local.made ? 1 : 0
  subnet_id      = aws_subnet.public[0].id
  route_table_id = aws_route_table.public[0].id
}

resource "aws_vpc_endpoint" "s3" {
  count             = local.made ? 1 : 0
  vpc_id            = aws_vpc.this[0].id
  service_name      = "com.amazonaws.${data.aws_region.current.name}.s3"
  vpc_endpoint_type = "Gateway"
  route_table_ids   = [aws_route_table.private[0].id, aws_route_table.egress[0].id]
  tags              = { Name = "${var.name}-s3" }
}

resource "aws_vpc_endpoint" "interface" {
  for_each            = local.made ? toset(var.interface_endpoints) : toset([])
  vpc_id              = aws_vpc.this[0].id
  service_name        = "com.amazonaws.${data.aws_region.current.name}.${each.key}"
  vpc_endpoint_type   = "Interface"
  private_dns_enabled = true
  subnet_ids          = local.private_subnet_ids
  security_group_ids  = [aws_security_group.endpoints[0].id]
  tags                = { Name = "${var.name}-${each.key}" }
}
