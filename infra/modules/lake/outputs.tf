output "bucket" {
  description = "The bucket's name."
  value       = aws_s3_bucket.this.id
}

output "bucket_arn" {
  description = "The bucket's ARN."
  value       = aws_s3_bucket.this.arn
}

output "url" {
  description = "The lake as MILLRACE_LAKE has it."
  value       = "s3://${aws_s3_bucket.this.id}/${var.prefix}"
}

output "prefix_arn" {
  description = "The lake's folder as an ARN, for policies."
  value       = "${aws_s3_bucket.this.arn}/${var.prefix}"
}

output "prefix" {
  description = "The lake's folder in the bucket."
  value       = var.prefix
}

output "snowflake_role_arn" {
  description = "STORAGE_AWS_ROLE_ARN of Snowflake's storage integration, known before the role is made."
  value       = local.snowflake_role_arn
}

output "policies" {
  description = "The rendered policies of roles, to be looked at."
  value       = { snowflake = local.snowflake_policy, eraser = local.eraser_policy }
}

output "bucket_policy" {
  description = "The rendered policy of the bucket."
  value       = local.bucket_policy
}

output "eraser_role_arn" {
  description = "The role that people take on for millrace erase; null where nobody may."
  value       = try(aws_iam_role.eraser[0].arn, null)
}
