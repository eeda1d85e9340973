//! W3C trace contexts, which are sent unsigned.

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// Servers ignore a longer tracestate.
const TRACESTATE_MOST_BYTES: usize = 512;

/// The trace context of a call.
#[derive(Clone, Debug)]
pub(crate) struct TraceContext {
    parent: HeaderValue,
    state: Option<HeaderValue>,
}

impl TraceContext {
    /// Reads the metadata of a caller. Returns `None` without a well-formed traceparent.
    pub(crate) fn read(metadata: &HeaderMap) -> Option<Self> {
        let parent = metadata.get(TRACEPARENT).filter(|value| is_traceparent(value.as_bytes()))?.clone();
        let states: Vec<_> = metadata.get_all(TRACESTATE).iter().map(HeaderValue::as_bytes).collect();
        Some(Self { parent, state: tracestate(&states.join(&b',')) })
    }

    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.insert(TRACEPARENT, self.parent.clone());
        if let Some(state) = &self.state {
            headers.insert(TRACESTATE, state.clone());
        }
    }
}

fn tracestate(text: &[u8]) -> Option<HeaderValue> {
    let is_one =
        (1..=TRACESTATE_MOST_BYTES).contains(&text.len()) && text.iter().all(|byte| (b' '..=b'~').contains(byte));
    is_one.then(|| HeaderValue::from_bytes(text).ok()).flatten()
}

/// True for a W3C trace context: version, trace id, parent id and flags in hex.
fn is_traceparent(value: &[u8]) -> bool {
    let parts: Vec<_> = value.split(|&byte| byte == b'-').collect();
    let [version, trace, parent, flags, ..] = parts[..] else { return false };
    let is_hex = |part: &[u8], length| {
        part.len() == length && part.iter().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte))
    };
    let is_set = |part: &[u8]| part.iter().any(|&byte| byte != b'0');
    is_hex(version, 2)
        && version != b"ff"
        && (version != b"00" || parts.len() == 4)
        && is_hex(trace, 32)
        && is_set(trace)
        && is_hex(parent, 16)
        && is_set(parent)
        && is_hex(flags, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_well_formed_trace_contexts_are_passed_on() {
        assert!(is_traceparent(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
        assert!(!is_traceparent(b"00-00000000000000000000000000000000-b7ad6b7169203331-01"));
        assert!(!is_traceparent(b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-x"));
        assert!(!is_traceparent(b"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    }

    #[test]
    fn a_tracestate_belongs_to_a_traceparent() {
        let written = |given: &[(HeaderName, &'static str)]| {
            let mut metadata = HeaderMap::new();
            for (name, value) in given {
                metadata.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            }
            let mut headers = HeaderMap::new();
            if let Some(trace) = TraceContext::read(&metadata) {
                trace.write(&mut headers);
            }
            let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
            (text(TRACEPARENT), text(TRACESTATE))
        };
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let both = written(&[(TRACEPARENT, parent), (TRACESTATE, "a=1"), (TRACESTATE, "b=2")]);
        assert_eq!(both, (Some(parent.into()), Some("a=1,b=2".into())));
        assert_eq!(written(&[(TRACEPARENT, parent)]), (Some(parent.into()), None));
        assert_eq!(written(&[(TRACEPARENT, parent), (TRACESTATE, "\u{e9}")]).1, None);
        assert_eq!(written(&[(TRACESTATE, "a=1")]), (None, None));
    }
}
