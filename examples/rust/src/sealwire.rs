//! Signs requests and verifies answers of the Sealwire protocol mcp/0.1 (docs/protocol.md). Copy this file and
//! `credentials.rs`.

use std::{error, fmt, time::SystemTime};

use hmac::{Hmac, KeyInit, Mac};
use prost::Message;
use prost_types::Any;

use crate::contract::sealwire::v1::{Envelope, ErrorReason, Response, Status};
use crate::credentials::Credentials;

pub const VERSION: &str = "mcp/0.1";

/// The wire format of a request or an answer. The signature covers the bytes of `content` exactly as sent.
#[derive(Clone, PartialEq, Message)]
pub struct Frame {
    #[prost(bytes = "vec", tag = "1")]
    pub content: Vec<u8>,
    #[prost(string, tag = "2")]
    pub key_id: String,
    #[prost(bytes = "vec", tag = "3")]
    pub signature: Vec<u8>,
}

/// The reason why an answer could not be verified. The content of the answer must not be used.
#[derive(Debug)]
pub struct Unverified(pub &'static str);

impl fmt::Display for Unverified {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "the answer cannot be trusted: {}", self.0)
    }
}

impl error::Error for Unverified {}

impl Credentials {
    /// Makes and signs one attempt at a call. Each retry calls this again with the same `request_id`.
    pub fn seal(&self, method: &str, tool: &str, args: Any, request_id: &str) -> Frame {
        let now = SystemTime::UNIX_EPOCH.elapsed().expect("the clock stands after 1970");
        let envelope = Envelope {
            v: VERSION.into(),
            request_id: request_id.into(),
            ts_ms: now.as_millis() as i64,
            client_id: self.client_id.clone(),
            server_id: self.server_id.clone(),
            tool: tool.into(),
            args: Some(args),
            nonce: random_bytes::<16>().into(),
        };
        self.sign(method, envelope.encode_to_vec())
    }

    /// Signs the bytes of an Envelope for a gRPC method.
    pub fn sign(&self, method: &str, content: Vec<u8>) -> Frame {
        let parts: [&[u8]; 4] = [b"request", method.as_bytes(), self.key_id.as_bytes(), &content];
        let signature = mac(&self.request_key, &parts).finalize().into_bytes().to_vec();
        Frame { content, key_id: self.key_id.clone(), signature }
    }

    /// Verifies and parses the answer to a request. `sequence`: 0 for a unary call; 1, 2, 3 and so on in a stream.
    pub fn verify(&self, answer: &Frame, sent: &[u8], request_id: &str, sequence: i64) -> Result<Response, Unverified> {
        let check = |holds: bool, otherwise| if holds { Ok(()) } else { Err(Unverified(otherwise)) };
        check(answer.key_id == self.key_id, "it names another key")?;
        let expected = mac(&self.response_key, &[b"response", sent, &answer.content]);
        check(expected.verify_slice(&answer.signature).is_ok(), "it is not signed for this request")?;
        let response = Response::decode(&*answer.content).map_err(|_| Unverified("it is no Response"))?;
        check(response.v == VERSION, "it is of another version")?;
        check(response.server_id == self.server_id, "it names another server")?;
        let reason = response.error.as_ref().map(|error| error.reason());
        let unread = matches!(reason, Some(ErrorReason::EnvelopeInvalid | ErrorReason::UnsupportedVersion));
        let known = response.request_id == request_id || (unread && response.request_id.is_empty());
        check(known, "it names another request")?;
        let ok = match response.status() {
            Status::Ok | Status::Accepted | Status::Running | Status::Done => true,
            Status::Error | Status::Cancelled => false,
            Status::Unspecified => return Err(Unverified("it has no status")),
        };
        check(response.ok == ok, "it contradicts itself")?;
        check(response.sequence == sequence, "it is out of sequence")?;
        Ok(response)
    }
}

/// Starts the computation of the HMAC of PAE(parts).
pub fn mac(key: &[u8], parts: &[&[u8]]) -> Hmac<sha2::Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes a key of any length").chain_update(pae(parts))
}

/// Encodes a list of parts unambiguously: different lists have different encodings.
pub fn pae(parts: &[&[u8]]) -> Vec<u8> {
    let mut joined = format!("{VERSION} {}", parts.len()).into_bytes();
    for part in parts {
        joined.extend(format!(" {} ", part.len()).bytes());
        joined.extend(*part);
    }
    joined
}

/// Returns cryptographically strong random bytes.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}
