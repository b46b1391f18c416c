//! Records as rows of a file.

use std::io::{self, Write};

use serde::Serializer as _;
use serde::ser::SerializeMap as _;
use serde_json::Value;

use super::columns::Column;

/// Writes rows.
pub enum Table<W: Write> {
    /// Comma-separated.
    Csv(Box<csv::Writer<W>>),
    /// A JSON array, one object a line.
    Json {
        /// Where it goes.
        to: W,
        /// Whether there is a row already.
        has_rows: bool,
    },
}

impl<W: Write> Table<W> {
    /// CSV, with the header written.
    pub fn csv<T>(to: W, columns: &[Column<T>]) -> io::Result<Self> {
        let mut writer =
            csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(to);
        writer.write_record(columns.iter().map(|column| column.name))?;
        Ok(Self::Csv(Box::new(writer)))
    }

    /// JSON, with the array opened.
    pub fn json(mut to: W) -> io::Result<Self> {
        to.write_all(b"[")?;
        Ok(Self::Json { to, has_rows: false })
    }

    /// One record.
    pub fn row<T>(&mut self, columns: &[Column<T>], record: &T) -> io::Result<()> {
        match self {
            Self::Csv(writer) => {
                let cells = columns.iter().map(|column| cell(&(column.value)(record)));
                Ok(writer.write_record(cells)?)
            }
            Self::Json { to, has_rows } => {
                to.write_all(if *has_rows { b",\n" } else { b"\n" })?;
                *has_rows = true;
                let mut writer = serde_json::Serializer::new(to);
                let mut fields = writer.serialize_map(Some(columns.len()))?;
                for column in columns {
                    fields.serialize_entry(column.name, &(column.value)(record))?;
                }
                Ok(fields.end()?)
            }
        }
    }

    /// Ends the table and gives back what it was written to.
    pub fn end(self) -> io::Result<W> {
        match self {
            Self::Csv(writer) => writer.into_inner().map_err(|error| error.into_error()),
            Self::Json { mut to, .. } => {
                to.write_all(b"\n]\n")?;
                Ok(to)
            }
        }
    }
}

/// The text of a value. A spreadsheet takes a cell that begins with one of `=+-@`
/// for a formula and runs it (CWE-1236): text that does gets an apostrophe.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => {
            format!("'{text}")
        }
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Named(&'static str);

    const COLUMNS: &[Column<Named>] = &[
        Column { name: "name", value: |named| json!(named.0) },
        Column { name: "length", value: |named| json!(named.0.len()) },
    ];

    fn written(table: io::Result<Table<Vec<u8>>>, names: &[&'static str]) -> String {
        let mut table = table.unwrap();
        names.iter().for_each(|name| table.row(COLUMNS, &Named(name)).unwrap());
        String::from_utf8(table.end().unwrap()).unwrap()
    }

    #[test]
    fn cells_are_quoted_and_never_a_formula() {
        let text = written(Table::csv(Vec::new(), COLUMNS), &["a,\"b\"", "=HYPERLINK(1)"]);
        assert_eq!(text, "name,length\r\n\"a,\"\"b\"\"\",5\r\n'=HYPERLINK(1),13\r\n");
    }

    #[test]
    fn json_is_one_array_however_many_rows() {
        for names in [&[] as &[_], &["a"], &["a", "b\n"]] {
            let text = written(Table::json(Vec::new()), names);
            let rows: Vec<Value> = serde_json::from_str(&text).unwrap();
            assert_eq!(rows.len(), names.len());
            assert!(rows.iter().zip(names).all(|(row, name)| row["name"] == *name), "{text}");
        }
    }
}
