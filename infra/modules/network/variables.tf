variable "name" {
  description = "Begins the name of everything here, such as millrace-dev."
  type        = string
  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,30}[a-z0-9]$", var.name))
    error_message = "name has to be 3 to 32 of a-z, 0-9 and '-', beginning with a letter."
  }
}

variable "existing" {
  description = "A network that is there already: its VPC, subnets that reach the brokers, and subnets with a way out to the internet for fetch-users. null makes one."
  type = object({
    vpc_id             = string
    private_subnet_ids = list(string)
    egress_subnet_ids  = list(string)
  })
  default = null
  validation {
    condition     = var.existing == null ? true : length(var.existing.private_subnet_ids) > 0
    error_message = "existing.private_subnet_ids has to name at least one subnet."
  }
}

variable "cidr_block" {
  description = "The addresses of a network that is made; a /20 or larger."
  type        = string
  default     = "10.42.0.0/16"
  validation {
    condition     = can(cidrnetmask(var.cidr_block)) && tonumber(split("/", var.cidr_block)[1]) <= 20
    error_message = "cidr_block has to be an IPv4 block of /20 or larger, such as 10.42.0.0/16."
  }
}

variable "availability_zones" {
  description = "The zones of the private subnets; two or three, as MSK wants."
  type        = list(string)
  default     = []
  validation {
    condition     = length(var.availability_zones) == 0 || contains([2, 3], length(var.availability_zones))
    error_message = "availability_zones has to name two or three zones of the region."
  }
}

variable "interface_endpoints" {
  description = "AWS services that the private subnets reach without the internet, beside S3. Pollers that are not provisioned need lambda too."
  type        = list(string)
  default     = ["secretsmanager", "sts"]
}

variable "brokers_cidr_block" {
  description = "Where the brokers are, for the functions' way out to Kafka's ports."
  type        = string
  default     = "10.0.0.0/8"
  validation {
    condition     = can(cidrnetmask(var.brokers_cidr_block))
    error_message = "brokers_cidr_block has to be an IPv4 block, such as 10.42.0.0/16."
  }
}

variable "registry_port" {
  description = "The schema registry's port, for land-events' way out to it where the brokers are; null or 443: no rule of its own."
  type        = number
  default     = null
}
