//! Messages and statuses in JSON.

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage, SerializeOptions};
use serde_json::{Map, Value, json};
use tonic::metadata::{KeyAndValueRef, MetadataMap};
use tonic::{Code, Status};

use crate::commands::Failure;

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let set = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.binpb"));
    DescriptorPool::decode(&set[..]).expect("the build has written descriptors")
});

/// A message of this full name from JSON.
pub fn dynamic(name: &str, value: &Value) -> Result<DynamicMessage, Failure> {
    let kind = POOL.get_message_by_name(name).ok_or_else(|| format!("there is no message {name}"))?;
    if value.is_null() {
        return Ok(DynamicMessage::new(kind));
    }
    Ok(DynamicMessage::deserialize(kind, value)?)
}

/// A generated message from JSON.
pub fn read<M: Message + Default>(name: &str, value: &Value) -> Result<M, Failure> {
    Ok(M::decode(&*dynamic(name, value)?.encode_to_vec())?)
}

/// An empty message of this full name.
pub fn empty(name: &str) -> Result<DynamicMessage, Failure> {
    dynamic(name, &Value::Null)
}

/// A dynamic message in JSON.
pub fn of_dynamic(message: &DynamicMessage) -> Result<Value, Failure> {
    let options = SerializeOptions::new().skip_default_fields(false);
    Ok(message.serialize_with_options(serde_json::value::Serializer, &options)?)
}

/// A generated message in JSON.
pub fn write(name: &str, message: &impl Message) -> Result<Value, Failure> {
    let mut copy = empty(name)?;
    copy.merge(&*message.encode_to_vec())?;
    of_dynamic(&copy)
}

/// The metadata of Sealwire.
pub fn metadata(map: &MetadataMap) -> Value {
    let own = map.iter().filter_map(|entry| match entry {
        KeyAndValueRef::Ascii(key, value) if key.as_str().starts_with("sealwire-") => {
            Some((key.as_str().to_owned(), Value::from(value.to_str().unwrap_or_default())))
        }
        _ => None,
    });
    Value::Object(own.collect())
}

/// The answer of a failed call.
pub fn failure(status: &Status) -> Value {
    let mut answer = json!({
        "status": name_of(status.code()),
        "message": status.message(),
        "metadata": metadata(status.metadata()),
    });
    if let Some(error) = sealwire::error_of(status) {
        answer["error"] = write("sealwire.v1.Error", &error).unwrap_or_default();
    }
    if sealwire::is_unverified(status) {
        answer["unverified"] = true.into();
    }
    answer
}

/// The answer of a successful call.
pub fn success(response: Option<Value>, metadata: Value) -> Value {
    let mut answer = Map::new();
    answer.insert("status".into(), "OK".into());
    answer.insert("message".into(), "".into());
    answer.extend(response.map(|response| ("response".into(), response)));
    answer.insert("metadata".into(), metadata);
    Value::Object(answer)
}

fn name_of(code: Code) -> String {
    let mut name = String::new();
    for (index, letter) in format!("{code:?}").chars().enumerate() {
        if letter.is_uppercase() && index > 0 && code != Code::Ok {
            name.push('_');
        }
        name.push(letter.to_ascii_uppercase());
    }
    name
}
