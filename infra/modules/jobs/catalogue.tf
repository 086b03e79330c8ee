resource "aws_glue_catalog_database" "lake" {
  name        = var.glue_database
  description = "tables of the Millrace lake"
}

# Iceberg tables have names that the lake's other tables have: a database of their own. The jobs make the tables, and swap their metadata.
resource "aws_glue_catalog_database" "iceberg" {
  count       = var.iceberg ? 1 : 0
  name        = "${var.glue_database}_iceberg"
  description = "Iceberg tables of the Millrace lake"
}

# As the jobs describe the tables themselves (crates/glue/src/description.rs): they find nothing to change. Published partitions are
# registered by the jobs. Raw tables are not here: their objects may overlap, so that a count over them would be wrong (decision 11);
# who wants their records asks curated/users_transformed, Snowflake's raw views, or `millrace query`.
resource "aws_glue_catalog_table" "this" {
  for_each = { for table in var.tables : table.name => table if table.layer != "raw" }

  name          = each.key
  database_name = aws_glue_catalog_database.lake.name
  table_type    = "EXTERNAL_TABLE"

  parameters = { classification = "parquet", EXTERNAL = "TRUE", typeOfData = "file" }

  storage_descriptor {
    location      = "${var.lake.url}/${each.value.folder}/"
    input_format  = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
    output_format = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"

    ser_de_info {
      serialization_library = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    }

    # The files repeat the day that their folder tells; to the catalogue a partition is no column.
    dynamic "columns" {
      for_each = [for column in each.value.columns : column if !contains(each.value.partitions[*].name, column.name)]
      content {
        name = columns.value.name
        type = columns.value.type
      }
    }
  }

  dynamic "partition_keys" {
    for_each = each.value.partitions
    content {
      name = partition_keys.value.name
      type = partition_keys.value.type
    }
  }

  lifecycle {
    # Engines and crawlers leave notes of their own there (statistics, versions); the jobs keep ours in place.
    ignore_changes = [parameters]
  }
}
