//! Errors of calls, and whether to retry after them.

use std::{error::Error, fmt, time::Duration};

use tonic::{Code, Status};

use crate::contract::sealwire::v1::{self as contract, ErrorReason};
use crate::sealwire::{Unverified, random_bytes};

/// The error of a call.
#[derive(Debug)]
pub enum Failure {
    /// The signed error of a refused call or a failed tool.
    Refused(contract::Error),
    /// The status of the call is not signed, so its outcome is unknown.
    Unanswered(Status),
    /// The answer could not be verified.
    Unverified(Unverified),
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(out, "{}: {}", error.reason().as_str_name(), error.message),
            Self::Unanswered(status) => write!(out, "no verified answer: {:?}: {}", status.code(), status.message()),
            Self::Unverified(unverified) => unverified.fmt(out),
        }
    }
}

impl Error for Failure {}

impl From<Unverified> for Failure {
    fn from(unverified: Unverified) -> Self {
        Self::Unverified(unverified)
    }
}

impl Failure {
    /// True if another attempt with the same request id may succeed.
    pub fn may_pass(&self) -> bool {
        use Code::{Cancelled, DeadlineExceeded, Internal, ResourceExhausted, Unavailable};
        match self {
            // A fresh nonce is refused as REPLAYED if the network delivered the request twice.
            Self::Refused(error) => error.retryable || error.reason() == ErrorReason::Replayed,
            // A status with a source was made by tonic for a failed connection. Its code is often UNKNOWN.
            Self::Unanswered(status) if status.source().is_some() => true,
            Self::Unanswered(status) => {
                matches!(status.code(), Cancelled | DeadlineExceeded | Internal | ResourceExhausted | Unavailable)
            }
            Self::Unverified(_) => false,
        }
    }

    /// The delay after this number of attempts: the server's, or a random one of up to 200 ms, doubled up to 5 s.
    pub fn delay(&self, attempts: u32) -> Duration {
        if let Self::Refused(contract::Error { retry_delay: Some(delay), .. }) = self {
            return Duration::try_from(*delay).unwrap_or_default();
        }
        let longest_ms = (100_u64 << attempts.min(6)).min(5000);
        Duration::from_millis(u64::from_be_bytes(random_bytes()) % longest_ms)
    }
}
