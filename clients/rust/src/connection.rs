//! What all calls of a channel share.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use crate::attempt::{Attempt, Intent, seal};
use crate::credentials::Credentials;
use crate::outcome::Failure;
use crate::pins::Pins;
use crate::problem::{Problem, Reason};
use crate::random;
use crate::replicas::Replicas;
use crate::retry::RetryPolicy;
use crate::source::Source;
use crate::v1::ErrorReason;

/// Maximum correction of the clock.
const OFFSET_MOST_MS: i64 = 86_400_000;
/// Maximum number of times that one operation tries other credentials, without progress in between.
pub(crate) const RENEWALS_MOST: u32 = 3;

/// The servers, the credentials and the options of a channel.
pub(crate) struct Connection {
    pub(crate) source: Source,
    pub(crate) replicas: Replicas,
    pub(crate) options: Options,
    /// What the server's clock is ahead, in milliseconds.
    offset_ms: AtomicI64,
}

/// The options of a channel, checked.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Maximum time until a call is answered or its job accepted. A caller's own deadline may be shorter.
    pub(crate) timeout: Duration,
    pub(crate) retry: RetryPolicy,
    pub(crate) heartbeat_interval: Duration,
    /// How long a watch is resumed without a verified message, once the server has confirmed its target.
    pub(crate) resume_for: Duration,
    /// The accepted definitions of tools.
    pub(crate) pins: Pins,
}

impl Connection {
    pub(crate) fn new(source: Source, replicas: Replicas, options: Options) -> Self {
        Self { source, replicas, options, offset_ms: AtomicI64::new(0) }
    }

    /// Signs an attempt, with a new nonce and the time by the server's clock as far as it is known. Fails for a request
    /// that is larger than a server accepts.
    pub(crate) fn sign(&self, intent: &Intent, method: &str) -> Result<(Attempt, bytes::Bytes), Problem> {
        let credentials = self.source.current();
        let signed_at_ms = now_ms();
        let ts_ms = signed_at_ms + self.offset_ms.load(Ordering::Relaxed);
        let (body, signature) = seal(intent, method, &credentials, ts_ms, random::bytes());
        let bytes = body.len() - crate::attempt::PREFIX_BYTES;
        if bytes > REQUEST_MOST {
            return Err(too_large(bytes));
        }
        Ok((Attempt { credentials, request_id: intent.request_id.clone(), signature, signed_at_ms }, body))
    }

    /// True if there are other credentials after an attempt was refused for its own.
    pub(crate) fn renew(&self, used: &Arc<Credentials>, failure: &Failure) -> bool {
        let is_refused =
            matches!(failure.problem().reason, Reason::CredentialsRefused | Reason::Wire(ErrorReason::KeyRevoked));
        is_refused && self.source.renew(used)
    }

    /// Adopts the server's clock from a verified refusal of `attempt` that has just arrived. False if the clocks differ by
    /// more than 24 h.
    pub(crate) fn adopt_clock(&self, attempt: &Attempt, failure: &Failure) -> bool {
        let &Failure::Refusal { server_time_ms, .. } = failure else { return false };
        // The server signed between sending and receiving. The middle is the best estimate.
        let middle_ms = attempt.signed_at_ms.midpoint(now_ms());
        let offset_ms = server_time_ms.saturating_sub(middle_ms);
        let is_acceptable = offset_ms.unsigned_abs() <= OFFSET_MOST_MS.unsigned_abs();
        if is_acceptable {
            self.offset_ms.store(offset_ms, Ordering::Relaxed);
        }
        is_acceptable
    }
}

/// The largest request message that a server accepts, in bytes.
pub(crate) const REQUEST_MOST: usize = 1024 * 1024;

/// The failure of a request that is too large.
pub(crate) fn too_large(bytes: usize) -> Problem {
    let message =
        format!("The signed request has {bytes} bytes; a server accepts {REQUEST_MOST}. Send less at a time.");
    Problem::wire(ErrorReason::ArgsInvalid, tonic::Code::ResourceExhausted, message).not_begun()
}

fn now_ms() -> i64 {
    let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
