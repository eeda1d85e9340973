//! What Sealwire says about a call in the metadata.

use http::HeaderMap;
use serde::Serialize;

/// One call of a tool. What was not sent is `None`.
#[derive(Clone, Serialize)]
pub struct Call {
    pub method: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    #[serde(skip)]
    pub assertion: Option<String>,
}

impl Call {
    /// Reads the metadata of a call of this method.
    pub fn of(method: &str, metadata: &HeaderMap) -> Self {
        let text = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok()).map(String::from);
        Self {
            method: method.into(),
            client: text("sealwire-client-id"),
            request: text("sealwire-request-id"),
            tool: text("sealwire-tool"),
            server: text("sealwire-server-id"),
            job: text("sealwire-job-id"),
            attempt: text("sealwire-attempt").and_then(|attempt| attempt.parse().ok()),
            key: text("sealwire-idempotency-key"),
            traceparent: text("traceparent"),
            deadline_ms: text("grpc-timeout").and_then(|timeout| timeout_ms(&timeout)),
            assertion: text("sealwire-assertion"),
        }
    }
}

/// Reads the timeout of a gRPC call, such as `1500m`, in milliseconds.
fn timeout_ms(timeout: &str) -> Option<u64> {
    let (number, unit) = timeout.split_at_checked(timeout.len().checked_sub(1)?)?;
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => number.checked_mul(3_600_000),
        "M" => number.checked_mul(60_000),
        "S" => number.checked_mul(1000),
        "m" => Some(number),
        "u" => Some(number / 1000),
        "n" => Some(number / 1_000_000),
        _ => None,
    }
}
