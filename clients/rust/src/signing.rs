//! Signs requests and verifies answers of the protocol `mcp/0.1`.
//!
//! This file needs nothing of the rest of the package but the generated messages: copy it into a client of your own, or
//! compare that with it. The channel and the client of this package sign and verify with it.

use std::{error, fmt};

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use prost::Message;
use sha2::Sha256;

use crate::v1::{ErrorReason, Response, Status};

/// The version of the protocol, in every Envelope and every Response.
pub const VERSION: &str = "mcp/0.1";
/// The gRPC path of the method that calls tools, as it is signed.
pub const CALL: &str = "/sealwire.v1.ToolService/Call";
/// The gRPC path of the method that watches jobs, as it is signed.
pub const WATCH_JOB: &str = "/sealwire.v1.ToolService/WatchJob";

/// A key for HMAC-SHA256. Its text forms do not show it.
#[derive(Clone)]
pub struct Key(Hmac<Sha256>);

impl Key {
    /// Prepares a key. The protocol's keys have 32 to 1024 bytes; any length is taken here.
    #[must_use]
    pub fn new(key: &[u8]) -> Self {
        Self(Hmac::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes a key of any length")))
    }

    /// The HMAC of `PAE(parts)`, to be finalized or compared.
    fn mac(&self, parts: &[&[u8]]) -> Hmac<Sha256> {
        let mut mac = self.0.clone();
        write_pae(parts, |bytes| mac.update(bytes));
        mac
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(…)")
    }
}

/// Encodes a list of parts unambiguously: different lists have different encodings.
#[must_use]
pub fn pae(parts: &[&[u8]]) -> Vec<u8> {
    let mut joined = Vec::new();
    write_pae(parts, |bytes| joined.extend_from_slice(bytes));
    joined
}

fn write_pae(parts: &[&[u8]], mut write: impl FnMut(&[u8])) {
    write(VERSION.as_bytes());
    write_number(parts.len(), &mut write);
    for part in parts {
        write_number(part.len(), &mut write);
        write(b" ");
        write(part);
    }
}

const DIGITS: &[u8; 10] = b"0123456789";

/// A space and the number in decimal.
fn write_number(number: usize, write: &mut impl FnMut(&[u8])) {
    let mut digits = [0; 24];
    let mut start = digits.len();
    let mut left = number;
    loop {
        start -= 1;
        digits[start] = DIGITS[left % 10];
        left /= 10;
        if left == 0 {
            break;
        }
    }
    start -= 1;
    digits[start] = b' ';
    write(&digits[start..]);
}

/// Signs the bytes of an Envelope. `method` is [`CALL`] or [`WATCH_JOB`]; `key_id` names the request key `key`.
///
/// The answer is verified against this signature, so keep it.
#[must_use]
pub fn sign_request(key: &Key, method: &str, key_id: &str, envelope: &[u8]) -> [u8; 32] {
    let parts: [&[u8]; 4] = [b"request", method.as_bytes(), key_id.as_bytes(), envelope];
    key.mac(&parts).finalize().into_bytes().into()
}

/// Tells in constant time whether the bytes of a Response are signed as the answer to the request with this signature.
#[must_use]
pub fn is_signed(key: &Key, request_signature: &[u8], response: &[u8], signature: &[u8]) -> bool {
    key.mac(&[b"response", request_signature, response]).verify_slice(signature).is_ok()
}

/// A request or an answer as it is on the wire: `CallRequest`, `CallResponse`, `WatchJobRequest` and `WatchJobResponse`.
/// The signature covers the bytes of `content`, exactly as they are sent.
#[derive(Clone, PartialEq, Eq, Hash, Message)]
pub struct Frame {
    /// The bytes of an Envelope or a Response.
    #[prost(bytes = "bytes", tag = "1")]
    pub content: Bytes,
    /// Names the pair of keys.
    #[prost(string, tag = "2")]
    pub key_id: String,
    /// HMAC-SHA256, 32 bytes.
    #[prost(bytes = "bytes", tag = "3")]
    pub signature: Bytes,
}

/// What an answer must fit to be believed.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The key that signed the request.
    pub key_id: &'a str,
    /// The response key that belongs to it.
    pub response_key: &'a Key,
    /// The signature of the request, 32 bytes.
    pub request_signature: &'a [u8],
    /// The request id in the Envelope.
    pub request_id: &'a str,
    /// The server in the Envelope.
    pub server_id: &'a str,
    /// 0 for the answer to a call; 1, 2, 3 and so on for the messages of a watch.
    pub sequence: i64,
}

/// Verifies a serialized `CallResponse` or `WatchJobResponse`, then parses its Response.
///
/// The type of its `result` is not looked at: compare it with the type that the tool's method declares.
///
/// # Errors
///
/// [`Unverified`] if the frame is not a signed answer to this very request. Nothing in it is to be believed.
pub fn verify_response(frame: Bytes, expected: &Expected<'_>) -> Result<Response, Unverified> {
    let frame = Frame::decode(frame).map_err(|_| Unverified::new("it is no frame"))?;
    check(frame.key_id == expected.key_id, "it names another key")?;
    let is_signed = is_signed(expected.response_key, expected.request_signature, &frame.content, &frame.signature);
    check(is_signed, "it is not signed for this request")?;
    let response = Response::decode(frame.content).map_err(|_| Unverified::new("it is no Response"))?;
    check(response.v == VERSION, "it is of another version")?;
    if response.server_id != expected.server_id {
        let (named, wanted) = (&response.server_id, expected.server_id);
        return Err(Unverified::new(format!("it names another server, {named:?} instead of {wanted:?}")));
    }
    let is_its_own = response.request_id == expected.request_id;
    check(is_its_own || is_blank_refusal(&response), "it names another request")?;
    check(fits(response.status, response.ok), "it contradicts itself")?;
    check(response.sequence == expected.sequence, "it is out of sequence")?;
    Ok(response)
}

/// A server that could not read the Envelope does not know its request id.
fn is_blank_refusal(response: &Response) -> bool {
    let reason = response.error.as_ref().map(crate::v1::Error::reason);
    let is_unread = matches!(reason, Some(ErrorReason::EnvelopeInvalid | ErrorReason::UnsupportedVersion));
    is_unread && response.request_id.is_empty()
}

fn fits(status: i32, ok: bool) -> bool {
    match Status::try_from(status) {
        Ok(Status::Ok | Status::Accepted | Status::Running | Status::Done) => ok,
        Ok(Status::Error | Status::Cancelled) => !ok,
        Ok(Status::Unspecified) | Err(_) => false,
    }
}

fn check(holds: bool, otherwise: &'static str) -> Result<(), Unverified> {
    if holds { Ok(()) } else { Err(Unverified::new(otherwise)) }
}

/// Says that an answer is not signed for its request, or contradicts what is signed. Nothing in it is believed.
///
/// It is the source of a [`tonic::Status`] with the code `DATA_LOSS`: see [`is_unverified`](crate::is_unverified).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unverified {
    message: String,
}

impl Unverified {
    pub(crate) fn new(problem: impl Into<String>) -> Self {
        Self { message: format!("The answer cannot be trusted: {}.", problem.into()) }
    }

    /// With a whole sentence.
    pub(crate) fn saying(message: &str) -> Self {
        Self { message: message.to_owned() }
    }
}

impl fmt::Display for Unverified {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl error::Error for Unverified {}
