variable "name" {
  description = "Begins the name of what is deployed, such as millrace-dev; the roles whose names begin so are bounded."
  type        = string
}

variable "lake_bucket_arn" {
  description = "The lake's bucket."
  type        = string
}

variable "secret_names" {
  description = "Secrets that the functions read and whose names do not begin with name and a dash, such as kafka-*; AWS ends a secret's name with six letters of its own."
  type        = list(string)
  default     = []
}
