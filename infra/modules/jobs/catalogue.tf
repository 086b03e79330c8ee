resource "aws_glue_catalog_database" "lake" {
  name        = var.glue_database
  description = "tables of the Millrace lake"
}

# As the jobs describe the tables themselves (crates/glue/src/description.rs): they find nothing to change. Published partitions are
# registered by the jobs; raw ones are computed by Athena from their names.
resource "aws_glue_catalog_table" "this" {
  for_each = { for table in var.tables : table.name => table }

  name          = each.key
  database_name = aws_glue_catalog_database.lake.name
  table_type    = "EXTERNAL_TABLE"

  parameters = merge(
    { classification = "parquet", EXTERNAL = "TRUE", typeOfData = "file" },
    each.value.layer != "raw" ? {} : {
      "projection.enabled"     = "true"
      "projection.date.type"   = "date"
      "projection.date.format" = "yyyy-MM-dd"
      "projection.date.range"  = "2020-01-01,NOW"
      "projection.hour.type"   = "integer"
      "projection.hour.range"  = "0,23"
      "projection.hour.digits" = "2"
    },
  )

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
