//! What a caller says about its call in the metadata.

use std::time::Duration;

use http::HeaderMap;
use tonic::Code;

use crate::credentials::is_identifier;
use crate::endpoint::GRPC_TIMEOUT;
use crate::problem::Problem;
use crate::random;
use crate::status::REQUEST_ID;
use crate::trace_context::TraceContext;

/// "true" cancels the job of an abandoned call.
const CANCEL_ON_ABANDON: &str = "sealwire-cancel-on-abandon";

pub(super) struct CallIntent {
    /// Calls with the same id are executed once. Made here if the caller gives none.
    pub(super) request_id: String,
    /// Cancels the job if the caller drops the call or runs out of time.
    pub(super) cancel_on_abandon: bool,
    pub(super) trace: Option<TraceContext>,
    /// The caller's deadline.
    pub(super) timeout: Option<Duration>,
}

impl CallIntent {
    pub(super) fn read(metadata: &HeaderMap) -> Result<Self, Problem> {
        let request_id = read_one(metadata, REQUEST_ID)?.map_or_else(random::uuid, str::to_owned);
        if !is_identifier(&request_id) {
            return Err(refused(REQUEST_ID, "must be 1 to 128 printable ASCII characters without spaces"));
        }
        let cancel_on_abandon = match read_one(metadata, CANCEL_ON_ABANDON)? {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(refused(CANCEL_ON_ABANDON, "must be \"true\" or \"false\"")),
        };
        let trace = TraceContext::read(metadata);
        let timeout = metadata.get(GRPC_TIMEOUT).and_then(|value| parse_timeout(value.as_bytes()));
        Ok(Self { request_id, cancel_on_abandon, trace, timeout })
    }
}

fn read_one<'a>(metadata: &'a HeaderMap, key: &str) -> Result<Option<&'a str>, Problem> {
    let mut values = metadata.get_all(key).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(refused(key, "is sent more than once; send it once"));
    }
    value.to_str().map(Some).map_err(|_| refused(key, "must be printable ASCII"))
}

fn refused(key: &str, problem: &str) -> Problem {
    Problem::bad_call(Code::InvalidArgument, format!("The metadata {key} {problem}."))
}

/// Parses the header of gRPC's deadline: up to eight digits and a unit.
fn parse_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let number: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    match unit {
        b'H' => Some(Duration::from_secs(number * 3600)),
        b'M' => Some(Duration::from_secs(number * 60)),
        b'S' => Some(Duration::from_secs(number)),
        b'm' => Some(Duration::from_millis(number)),
        b'u' => Some(Duration::from_micros(number)),
        b'n' => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn timeouts_are_read() {
        assert_eq!(parse_timeout(b"5S"), Some(Duration::from_secs(5)));
        assert_eq!(parse_timeout(b"99999999m"), Some(Duration::from_millis(99_999_999)));
        for wrong in [&b""[..], b"S", b"5", b"123456789S", b"-1S", b"5x"] {
            assert_eq!(parse_timeout(wrong), None);
        }
    }

    #[test]
    fn metadata_that_cannot_be_used_is_refused() {
        let mut metadata = HeaderMap::new();
        metadata.insert(REQUEST_ID, HeaderValue::from_static("a b"));
        assert!(CallIntent::read(&metadata).is_err());
        metadata.insert(REQUEST_ID, HeaderValue::from_static("a"));
        assert_eq!(CallIntent::read(&metadata).map(|intent| intent.request_id).ok(), Some("a".into()));
        metadata.append(REQUEST_ID, HeaderValue::from_static("b"));
        assert!(CallIntent::read(&metadata).is_err());
        metadata.clear();
        metadata.insert(CANCEL_ON_ABANDON, HeaderValue::from_static("yes"));
        assert!(CallIntent::read(&metadata).is_err());
    }
}
