//! The views of each table's newest day, and the procedure that writes the day into them.
//!
//! A filter by a subquery is known only as the query runs, and Snowflake then looks into every file. So the day stands in the view as
//! a value. The procedure finds it and replaces the views; it runs as their owner, whoever calls it.

use std::fmt::Write as _;

use super::tables::{DIMENSION, Table};

/// Jobs write a whole partition a day: who asks for a table without a day means its newest one.
pub(super) fn script(head: &str, tables: &[Table]) -> String {
    let by_day = |table: &&Table| table.partitions.iter().any(|column| column.name == "processing_date");
    let tables: Vec<_> = tables.iter().filter(by_day).filter(|table| table.name != DIMENSION).collect();
    let mut text = format!(
        "{head}-- Each table's newest day. {DIMENSION} is no snapshot and has views of its own (022).\n\
         -- The day is a value in each view: a subquery's would be known only as the query runs, after every file was opened.\n\
         -- This procedure writes it; a task calls it (030), and so does whoever published a day and does not want to wait.\n\
         -- A table without a day has an empty view.\n\n\
         CREATE OR REPLACE PROCEDURE &{{database}}.operations.follow_latest_days()\n    \
         RETURNS VARCHAR\n    LANGUAGE SQL\n    EXECUTE AS OWNER\nAS\n$$\nDECLARE\n    newest VARCHAR DEFAULT '';\n    \
         view_text VARCHAR DEFAULT '';\nBEGIN\n"
    );
    for table in &tables {
        let Table { name, layer, .. } = table;
        let _ = write!(
            text,
            "    SELECT COALESCE(TO_VARCHAR(MAX(processing_date), 'YYYY-MM-DD'), '1970-01-01') INTO :newest\n    \
             FROM &{{database}}.{layer}.{name};\n    \
             view_text := 'CREATE OR REPLACE VIEW &{{database}}.{layer}.{name}_latest COPY GRANTS AS\nSELECT\n{}\n\
             FROM &{{database}}.{layer}.{name}\nWHERE processing_date = ''' || newest || '''::DATE';\n    \
             EXECUTE IMMEDIATE :view_text;\n\n",
            table.listed(&[])
        );
    }
    text.push_str(
        "    RETURN 'every latest view has its newest day';\nEND;\n$$;\n\nCALL &{database}.operations.follow_latest_days();\n\n",
    );
    for table in &tables {
        let Table { name, layer, .. } = table;
        let _ = writeln!(
            text,
            "GRANT SELECT ON VIEW &{{database}}.{layer}.{name}_latest TO ROLE &{{database}}_{};",
            table.audience()
        );
    }
    text
}
