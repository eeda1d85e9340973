//! Why a call did not bring what it was to bring, and whether to try again.

use std::{error::Error, fmt, time::Duration};

use tonic::{Code, Status};

use crate::contract::sealwire::v1::{self as contract, ErrorReason};
use crate::sealwire::{Unverified, random_bytes};

/// Why a call did not bring what it was to bring.
#[derive(Debug)]
pub enum Failure {
    /// The server's signed word: the call was refused, or the tool failed.
    Refused(contract::Error),
    /// Nobody knows what the server said, or whether the call ran: this status is not signed.
    Unanswered(Status),
    /// An answer came that may not be believed.
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
    /// True if the same intent may succeed when it is signed anew and tried again.
    pub fn may_pass(&self) -> bool {
        use Code::{Cancelled, DeadlineExceeded, Internal, ResourceExhausted, Unavailable};
        match self {
            // A nonce that was drawn once is REPLAYED if the network delivered it twice.
            Self::Refused(error) => error.retryable || error.reason() == ErrorReason::Replayed,
            // A status with a source was made here, of a connection that failed; its code is often UNKNOWN.
            Self::Unanswered(status) if status.source().is_some() => true,
            Self::Unanswered(status) => {
                matches!(status.code(), Cancelled | DeadlineExceeded | Internal | ResourceExhausted | Unavailable)
            }
            Self::Unverified(_) => false,
        }
    }

    /// How long to wait before the next attempt, after so many: as told, or up to 200 ms, doubling to at most 5 s.
    pub fn delay(&self, attempts: u32) -> Duration {
        if let Self::Refused(contract::Error { retry_delay: Some(delay), .. }) = self {
            return Duration::try_from(*delay).unwrap_or_default();
        }
        let longest_ms = (100_u64 << attempts.min(6)).min(5000);
        Duration::from_millis(u64::from_be_bytes(random_bytes()) % longest_ms)
    }
}
