//! Events written in an encoding of choice.

use crate::avro;
use crate::decode_error::DecodeError;
use crate::event::Event;
use crate::frame::{Encoding, SchemaId};
use crate::json_writer;
use crate::protobuf_reader;
use crate::protobuf_writer;
use crate::row::{Row, RowBuffer};

impl Event {
    /// Appends the row to `out`, in Confluent's frame where a schema id is given, bare where none is. A bare Avro value
    /// can be read by nobody who does not know its schema, our decoders among them.
    ///
    /// In JSON an instant outside the years 0 to 9999 is milliseconds, cut.
    pub fn encode(&self, row: &Row<'_>, encoding: Encoding, schema: Option<SchemaId>, out: &mut Vec<u8>) {
        if let Some(schema) = schema {
            schema.write(encoding, self.message_index(), out);
        }
        match encoding {
            Encoding::Protobuf => protobuf_writer::write(self, row, out),
            Encoding::Avro => avro::write::write(self, row, out),
            Encoding::Json => json_writer::write(self, row, out),
        }
    }

    /// Appends a bare Protobuf message to `out` in another encoding, as [`encode`](Self::encode) does. `row` is
    /// scratch, used again and again. The event's rules are not looked at; what is no message of the event is refused.
    pub fn transcode(
        &self,
        message: &[u8],
        encoding: Encoding,
        schema: Option<SchemaId>,
        row: &mut RowBuffer,
        out: &mut Vec<u8>,
    ) -> Result<(), DecodeError> {
        row.clear();
        protobuf_reader::read(self, message, row).map_err(|fault| fault.of(self))?;
        let row = row.row(self)?;
        self.encode(&row, encoding, schema, out);
        Ok(())
    }
}
