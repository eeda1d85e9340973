//! Writes messages in canonical form (docs/protocol-server.md). prost and prost-reflect leave out the defaults in entries of maps.

use prost::bytes::BufMut;
use prost::encoding::{WireType, encode_key, encode_varint};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage, Value};

pub fn canonical(message: &DynamicMessage) -> Vec<u8> {
    let mut fields: Vec<_> = message.descriptor().fields().collect();
    fields.sort_by_key(FieldDescriptor::number);
    let mut out = Vec::new();
    for field in &fields {
        let value = message.get_field(field);
        if message.has_field(field) || is_minus_zero(&value) {
            write_field(&mut out, field, &value);
        }
    }
    out
}

/// It equals the default, but is not the default.
fn is_minus_zero(value: &Value) -> bool {
    match value {
        Value::F32(number) => number.to_bits() == (-0f32).to_bits(),
        Value::F64(number) => number.to_bits() == (-0f64).to_bits(),
        _ => false,
    }
}

fn write_field(out: &mut Vec<u8>, field: &FieldDescriptor, value: &Value) {
    match value {
        Value::Map(entries) => {
            let Kind::Message(entry) = field.kind() else { unreachable!("a map's entries are messages") };
            let mut keys: Vec<&MapKey> = entries.keys().collect();
            keys.sort();
            for key in keys {
                let mut content = Vec::new();
                write_field(&mut content, &entry.map_entry_key_field(), &Value::from(key.clone()));
                write_field(&mut content, &entry.map_entry_value_field(), &entries[key]);
                write_bytes(out, field.number(), &content);
            }
        }
        Value::List(values) if field.is_packed() => {
            let mut content = Vec::new();
            for value in values {
                write_value(&mut content, &field.kind(), value);
            }
            write_bytes(out, field.number(), &content);
        }
        Value::List(values) => {
            for value in values {
                write_field(out, field, value);
            }
        }
        Value::Message(message) => write_bytes(out, field.number(), &canonical(message)),
        value => {
            encode_key(field.number(), field.kind().wire_type(), out);
            write_value(out, &field.kind(), value);
        }
    }
}

fn write_value(out: &mut Vec<u8>, kind: &Kind, value: &Value) {
    match (kind, value) {
        (Kind::Sint32, &Value::I32(number)) => {
            encode_varint(u64::from(((number << 1) ^ (number >> 31)).cast_unsigned()), out);
        }
        (Kind::Sint64, &Value::I64(number)) => encode_varint(((number << 1) ^ (number >> 63)).cast_unsigned(), out),
        (Kind::Sfixed32, &Value::I32(number)) => out.put_i32_le(number),
        (Kind::Sfixed64, &Value::I64(number)) => out.put_i64_le(number),
        (Kind::Fixed32, &Value::U32(number)) => out.put_u32_le(number),
        (Kind::Fixed64, &Value::U64(number)) => out.put_u64_le(number),
        (_, &Value::I32(number) | &Value::EnumNumber(number)) => encode_varint(i64::from(number).cast_unsigned(), out),
        (_, &Value::I64(number)) => encode_varint(number.cast_unsigned(), out),
        (_, &Value::U32(number)) => encode_varint(number.into(), out),
        (_, &Value::U64(number)) => encode_varint(number, out),
        (_, &Value::Bool(flag)) => encode_varint(flag.into(), out),
        (_, &Value::F32(number)) => out.put_f32_le(number),
        (_, &Value::F64(number)) => out.put_f64_le(number),
        (_, Value::String(text)) => write_length_delimited(out, text.as_bytes()),
        (_, Value::Bytes(bytes)) => write_length_delimited(out, bytes),
        (_, Value::Message(_) | Value::List(_) | Value::Map(_)) => unreachable!("written as fields"),
    }
}

fn write_bytes(out: &mut Vec<u8>, number: u32, content: &[u8]) {
    encode_key(number, WireType::LengthDelimited, out);
    write_length_delimited(out, content);
}

fn write_length_delimited(out: &mut Vec<u8>, content: &[u8]) {
    encode_varint(content.len() as u64, out);
    out.extend(content);
}
