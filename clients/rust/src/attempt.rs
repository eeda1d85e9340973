//! One signed attempt at an intent.

use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

use crate::credentials::Credentials;
use crate::signing::{self, Expected, Unverified, VERSION};
use crate::trace_context::TraceContext;
use crate::v1::Response;

/// What is to be called, in every attempt.
#[derive(Clone, Debug)]
pub(crate) struct Intent {
    pub(crate) tool: Arc<str>,
    /// The type URL of the arguments.
    pub(crate) input: Arc<str>,
    /// The serialized arguments.
    pub(crate) args: Bytes,
    pub(crate) request_id: String,
    pub(crate) trace: Option<TraceContext>,
    /// The accepted definition of the tool; empty if any is.
    pub(crate) definition_digest: String,
}

/// One signed attempt. Its answers are verified against its signature.
pub(crate) struct Attempt {
    /// The credentials that signed, and whose response key verifies the answers.
    pub(crate) credentials: Arc<Credentials>,
    pub(crate) request_id: String,
    pub(crate) signature: [u8; 32],
    /// The local clock, in Unix milliseconds.
    pub(crate) signed_at_ms: i64,
}

impl Intent {
    /// An intent of this package itself: a system tool, whose definition is part of the protocol.
    pub(crate) fn of_system(tool: &str, input: Arc<str>, args: Bytes, request_id: String) -> Self {
        let (tool, definition_digest) = (tool.into(), String::new());
        Self { tool, input, args, request_id, trace: None, definition_digest }
    }
}

impl Attempt {
    pub(crate) fn verify(&self, frame: Bytes, sequence: i64) -> Result<Response, Unverified> {
        let Credentials { key_id, response_key, server_id, .. } = &*self.credentials;
        let (request_signature, request_id) = (&self.signature, &self.request_id);
        signing::verify_response(
            frame,
            &Expected { key_id, response_key, request_signature, request_id, server_id, sequence },
        )
    }
}

/// The length of gRPC's prefix of a message: a flag and a length.
pub(crate) const PREFIX_BYTES: usize = 5;

/// Writes the Envelope and the frame around it into one buffer, and signs it. The result is the body of a gRPC request:
/// the prefix and the frame.
pub(crate) fn seal(
    intent: &Intent,
    method: &str,
    credentials: &Credentials,
    ts_ms: i64,
    nonce: [u8; 16],
) -> (Bytes, [u8; 32]) {
    let Credentials { client_id, server_id, key_id, request_key, .. } = credentials;
    let ts = ts_ms.cast_unsigned();
    let args = field_bytes(intent.input.len()) + optional_bytes(intent.args.len());
    let texts = [VERSION, &intent.request_id, client_id, server_id, &intent.tool];
    let envelope = texts.iter().map(|text| field_bytes(text.len())).sum::<usize>()
        + (1 + varint_bytes(ts))
        + field_bytes(args)
        + field_bytes(nonce.len())
        + optional_bytes(intent.definition_digest.len());
    let frame = field_bytes(envelope) + field_bytes(key_id.len()) + field_bytes(32);

    let mut out = BytesMut::with_capacity(PREFIX_BYTES + frame);
    out.put_u8(0);
    out.put_u32(u32::try_from(frame).unwrap_or(u32::MAX));
    put_head(&mut out, 1, envelope);
    let begin = out.len();
    put_field(&mut out, 1, VERSION.as_bytes());
    put_field(&mut out, 2, intent.request_id.as_bytes());
    out.put_u8(3 << 3);
    put_varint(&mut out, ts);
    put_field(&mut out, 4, client_id.as_bytes());
    put_field(&mut out, 5, server_id.as_bytes());
    put_field(&mut out, 6, intent.tool.as_bytes());
    put_head(&mut out, 7, args);
    put_field(&mut out, 1, intent.input.as_bytes());
    if !intent.args.is_empty() {
        put_field(&mut out, 2, &intent.args);
    }
    put_field(&mut out, 8, &nonce);
    if !intent.definition_digest.is_empty() {
        put_field(&mut out, 9, intent.definition_digest.as_bytes());
    }
    let signature = signing::sign_request(request_key, method, key_id, &out[begin..]);
    put_field(&mut out, 2, key_id.as_bytes());
    put_field(&mut out, 3, &signature);
    (out.freeze(), signature)
}

/// Bytes of a length-delimited field with a number below 16.
fn field_bytes(content: usize) -> usize {
    1 + varint_bytes(content as u64) + content
}

fn optional_bytes(content: usize) -> usize {
    if content == 0 { 0 } else { field_bytes(content) }
}

fn varint_bytes(value: u64) -> usize {
    prost::encoding::encoded_len_varint(value)
}

fn put_varint(out: &mut BytesMut, value: u64) {
    prost::encoding::encode_varint(value, out);
}

fn put_head(out: &mut BytesMut, number: u8, content: usize) {
    out.put_u8(number << 3 | 2);
    put_varint(out, content as u64);
}

fn put_field(out: &mut BytesMut, number: u8, content: &[u8]) {
    put_head(out, number, content.len());
    out.put_slice(content);
}

/// A serialized message with one field of bytes.
pub(crate) fn message_with(number: u32, content: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(content.len() + 16);
    prost::encoding::encode_key(number, prost::encoding::WireType::LengthDelimited, &mut out);
    put_varint(&mut out, content.len() as u64);
    out.put_slice(content);
    out.freeze()
}

/// A message as the body of a gRPC call has it.
pub(crate) fn prefixed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::with_capacity(PREFIX_BYTES + message.len());
    out.put_u8(0);
    out.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    out.put_slice(message);
    out.freeze()
}
