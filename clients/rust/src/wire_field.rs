//! Reads serialized messages field by field, with their bytes as they are.

use bytes::{Buf, Bytes};
use prost::encoding::{WireType, decode_key, decode_varint};

/// One field of a message.
pub(crate) struct WireField {
    pub(crate) number: u32,
    /// All its bytes, the tag included.
    pub(crate) raw: Bytes,
    pub(crate) value: Value,
}

/// The value of a field, as far as it matters here.
pub(crate) enum Value {
    Varint(u64),
    /// A length-delimited field.
    Content(Bytes),
    Fixed,
}

/// The fields of a serialized message in their order.
pub(crate) struct Fields(Vec<WireField>);

impl Fields {
    /// Reads a serialized message. Fails if the bytes are none.
    pub(crate) fn read(message: &Bytes) -> Result<Self, String> {
        let mut fields = Vec::new();
        let mut rest = message.clone();
        while !rest.is_empty() {
            let before = rest.clone();
            let (number, kind) = decode_key(&mut rest).map_err(|error| error.to_string())?;
            let value = match kind {
                WireType::Varint => Value::Varint(decode_varint(&mut rest).map_err(|error| error.to_string())?),
                WireType::LengthDelimited => {
                    let length = decode_varint(&mut rest).map_err(|error| error.to_string())?;
                    Value::Content(take(&mut rest, length)?)
                }
                WireType::ThirtyTwoBit => take(&mut rest, 4).map(|_| Value::Fixed)?,
                WireType::SixtyFourBit => take(&mut rest, 8).map(|_| Value::Fixed)?,
                WireType::StartGroup | WireType::EndGroup => return Err("a field has the wire type of a group".into()),
            };
            let raw = before.slice(..before.len() - rest.len());
            fields.push(WireField { number, raw, value });
        }
        Ok(Self(fields))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &WireField> {
        self.0.iter()
    }

    /// The length-delimited fields with a number.
    pub(crate) fn contents(&self, number: u32) -> impl Iterator<Item = &Bytes> {
        self.0.iter().filter(move |field| field.number == number).filter_map(WireField::content)
    }

    /// The message in a singular field: protobuf merges the occurrences of the field. Empty if it is not set.
    pub(crate) fn message(&self, number: u32) -> Bytes {
        let mut found: Vec<_> = self.contents(number).cloned().collect();
        match found.len() {
            0 => Bytes::new(),
            1 => found.remove(0),
            _ => found.concat().into(),
        }
    }

    /// The value of a singular text field. Empty if it is not set.
    pub(crate) fn text(&self, number: u32) -> Bytes {
        self.contents(number).last().cloned().unwrap_or_default()
    }

    /// The values of a varint field, packed or not.
    pub(crate) fn varints(&self, number: u32) -> Result<Vec<u64>, String> {
        let mut values = Vec::new();
        for field in self.0.iter().filter(|field| field.number == number) {
            match &field.value {
                Value::Varint(value) => values.push(*value),
                Value::Content(packed) => {
                    let mut packed = packed.clone();
                    while packed.has_remaining() {
                        values.push(decode_varint(&mut packed).map_err(|error| error.to_string())?);
                    }
                }
                Value::Fixed => {}
            }
        }
        Ok(values)
    }
}

impl WireField {
    /// `None` unless the field is length-delimited.
    pub(crate) fn content(&self) -> Option<&Bytes> {
        match &self.value {
            Value::Content(content) => Some(content),
            Value::Varint(_) | Value::Fixed => None,
        }
    }
}

fn take(rest: &mut Bytes, length: u64) -> Result<Bytes, String> {
    match usize::try_from(length) {
        Ok(length) if length <= rest.len() => Ok(rest.split_to(length)),
        _ => Err("a field is cut off".into()),
    }
}
