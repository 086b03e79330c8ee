variable "ministack" {
  description = "MiniStack's endpoint, http://127.0.0.1:PORT."
  type        = string
  validation {
    condition     = startswith(var.ministack, "http://127.0.0.1:")
    error_message = "ministack has to be on 127.0.0.1."
  }
}

variable "localstack" {
  description = "LocalStack's endpoint, for CloudWatch's alarms and dashboard."
  type        = string
  validation {
    condition     = startswith(var.localstack, "http://127.0.0.1:")
    error_message = "localstack has to be on 127.0.0.1."
  }
}

variable "zip_folder" {
  description = "Where the zips are."
  type        = string
}

variable "brokers" {
  description = "Kafka of this machine."
  type        = list(string)
  default     = ["127.0.0.1:9092"]
}

variable "api_url" {
  description = "An API of this machine in place of the public one; nobody listens there unless given."
  type        = string
  default     = "http://127.0.0.1:9/"
}

variable "network" {
  description = "Whether to make the network too."
  type        = bool
  default     = true
}
