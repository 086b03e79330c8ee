# The login of a provisioned cluster. MSK takes only secrets whose name begins with AmazonMSK_ and whose key is not AWS's own.

locals {
  key_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      # A key whose account cannot reach it is lost. Who may use it is then told by roles' own policies.
      Sid       = "AccountDecidesByIam"
      Effect    = "Allow"
      Principal = { AWS = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:root" }
      Action    = "kms:*"
      Resource  = "*"
    }]
  })
}

resource "aws_kms_key" "kafka" {
  count                   = local.provisioned ? 1 : 0
  description             = "Kafka's login and disks, ${var.name}"
  enable_key_rotation     = true
  deletion_window_in_days = 30
  policy                  = local.key_policy
}

resource "aws_secretsmanager_secret" "kafka" {
  #checkov:skip=CKV2_AWS_57:rotation means a new version here and in MSK together: give another kafka_password and raise kafka_password_version
  count       = local.provisioned ? 1 : 0
  name        = "AmazonMSK_${var.name}"
  description = "Kafka's login of the functions: {username, password}"
  kms_key_id  = aws_kms_key.kafka[0].arn
}

# Written without passing through plan or state, and again only where its version is raised.
resource "aws_secretsmanager_secret_version" "kafka" {
  count                    = local.provisioned ? 1 : 0
  secret_id                = aws_secretsmanager_secret.kafka[0].id
  secret_string_wo         = jsonencode({ username = "millrace", password = var.kafka_password })
  secret_string_wo_version = var.kafka_password_version
}

resource "aws_msk_scram_secret_association" "this" {
  count           = local.provisioned ? 1 : 0
  cluster_arn     = aws_msk_cluster.this[0].arn
  secret_arn_list = [aws_secretsmanager_secret.kafka[0].arn]
  depends_on      = [aws_secretsmanager_secret_version.kafka]
}
