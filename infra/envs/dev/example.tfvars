# cp example.tfvars terraform.tfvars, and say what is yours. Nothing here is secret; the file belongs into the repository.

bucket     = "example-millrace-dev"
generation = "g0001"

# A cluster that the internet reaches, such as a hosted one: no network is wanted.
network = { kind = "none" }
stream = {
  kind = "existing"
  existing = {
    brokers    = ["b-1.kafka.example.com:9096", "b-2.kafka.example.com:9096"]
    security   = "scram"
    secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kafka-AbCdEf" # {"username": …, "password": …}
  }
}

# The schema registry, where values are framed by one; where its authority is your own ca_pem = file(…), or ca_secret_arn.
# registry = { url = "https://registry.example.com", secret_arn = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:registry-AbCdEf" }

# AWS Parameters and Secrets Lambda Extension, arm64: its ARN in each region stands in AWS's documentation.
secrets_layer_arn = "arn:aws:lambda:eu-central-1:187925254637:layer:AWS-Parameters-and-Secrets-Lambda-Extension-Arm64:20"

# A cluster in a VPC of yours:
# network = { kind = "existing", existing = { vpc_id = "vpc-1", private_subnet_ids = ["subnet-1", "subnet-2"], egress_subnet_ids = ["subnet-3"] } }
# A network and MSK Serverless of its own (functions built with the feature msk-iam):
# network = { kind = "make", availability_zones = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
# stream  = { kind = "serverless" }
# How long your topics keep records, where it is not Kafka's week: land-events tries a batch again until a day before.
# stream  = { …, retention_hours = 72 }

emails = ["oncall@example.com"]

# After Snowflake's integration is made (cargo xtask bootstrap tells how):
# Who may erase persons by `millrace erase`: each takes on the role <name>-eraser.
# erasers       = ["arn:aws:iam::123456789012:role/data-protection"]
# snowflake     = { user_arn = "arn:aws:iam::999999999999:user/abc", external_id = "ABC_SFCRole=1_x" }
# notifications = { queue_arn = "arn:aws:sqs:eu-central-1:999999999999:sf-snowpipe-x" }

# What bounds every role that a deploy makes: cargo xtask bootstrap made it and tells its ARN.
permissions_boundary_arn = "arn:aws:iam::123456789012:policy/github-millrace-dev-boundary"
