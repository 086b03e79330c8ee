//! Amazon MSK's login as an IAM role: a signed URL, which the brokers have AWS check.
