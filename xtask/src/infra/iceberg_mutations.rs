//! Mutations of what the jobs may do with Iceberg tables.

use super::mutations::{Mutation, of};

#[rustfmt::skip]
pub(crate) const ICEBERG_MUTATIONS: [Mutation; 5] = [
    of("one", "modules/jobs/catalogue.tf",
        "\"${var.glue_database}_iceberg\"",
        "var.glue_database",
        &["Iceberg tables have a database of their own", "the jobs are told of their database of Iceberg tables"]),
    of("two", "modules/jobs/main.tf",
        "\"MILLRACE_ICEBERG_DATABASE\" =>",
        "\"MILLRACE_ICEBERG\" =>",
        &["the jobs are told of their database of Iceberg tables"]),
    of("one", "modules/jobs/main.tf",
        "[\"s3:PutObject\", \"s3:AbortMultipartUpload\"]",
        "[\"s3:PutObject\", \"s3:DeleteObject\", \"s3:AbortMultipartUpload\"]",
        &["jobs write Iceberg's files, and remove none"]),
    of("one", "modules/jobs/main.tf",
        "actions = [\"glue:GetTable\", \"glue:CreateTable\", \"glue:UpdateTable\"]",
        "actions = [\"glue:GetTable\", \"glue:CreateTable\", \"glue:UpdateTable\", \"glue:DeleteTable\"]",
        &["jobs swap Iceberg tables, and nothing else of them"]),
    of("one", "modules/jobs/main.tf",
        "var.iceberg ? [",
        "true ? [",
        &["no right is given for Iceberg tables that nobody asked for"]),
];
