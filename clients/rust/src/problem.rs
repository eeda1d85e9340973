//! Why a call failed, before it becomes a status.

use std::time::Duration;

use tonic::Code;

use crate::signing::Unverified;
use crate::v1::{self, ErrorReason};

/// A failure of a call, signed or local.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) reason: Reason,
    pub(crate) code: Code,
    pub(crate) message: String,
    /// The error of the server, or one made here for a reason that a server could give.
    pub(crate) error: Option<Box<v1::Error>>,
    /// True if it is certain that no server executed the call.
    pub(crate) not_begun: bool,
    /// True if it is the time limit of this client that has passed.
    pub(crate) is_time_up: bool,
}

/// The reason of a failure: one that a server gives, or one of those that never travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    Wire(ErrorReason),
    /// `RESPONSE_UNVERIFIED`: the answer is not signed for this request.
    Unverified,
    /// `RESPONSE_INVALID`: the answer is signed, and does not fit the contract or what was said before.
    Invalid,
    /// `UNREACHABLE`: no verified answer came.
    Unreachable,
    /// `CREDENTIALS_REFUSED`: the peer did not accept the signature.
    CredentialsRefused,
}

impl Reason {
    /// The name as in docs/errors.md.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Wire(reason) => reason.as_str_name().trim_start_matches("ERROR_REASON_"),
            Self::Unverified => "RESPONSE_UNVERIFIED",
            Self::Invalid => "RESPONSE_INVALID",
            Self::Unreachable => "UNREACHABLE",
            Self::CredentialsRefused => "CREDENTIALS_REFUSED",
        }
    }
}

impl Problem {
    fn local(reason: Reason, code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { reason, code, message, error: None, not_begun: false, is_time_up: false }
    }

    /// The error of a verified answer. A reason that is newer than this package counts as `INTERNAL`.
    pub(crate) fn signed(error: v1::Error) -> Self {
        let reason = match ErrorReason::try_from(error.reason) {
            Ok(ErrorReason::Unspecified) | Err(_) => ErrorReason::Internal,
            Ok(reason) => reason,
        };
        let code = match Code::from(error.code) {
            Code::Ok => Code::Unknown,
            code => code,
        };
        let message = error.message.clone();
        Self { error: Some(Box::new(error)), ..Self::local(Reason::Wire(reason), code, message) }
    }

    /// A reason of the protocol that this client gives itself.
    pub(crate) fn wire(reason: ErrorReason, code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::signed(v1::Error { code: code.into(), reason: reason.into(), message, ..v1::Error::default() })
    }

    pub(crate) fn unverified(unverified: &Unverified) -> Self {
        Self::local(Reason::Unverified, Code::Unknown, unverified.to_string())
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::local(Reason::Invalid, Code::Internal, message)
    }

    pub(crate) fn unreachable(message: impl Into<String>) -> Self {
        Self::local(Reason::Unreachable, Code::Unavailable, message)
    }

    pub(crate) fn refused_credentials(message: impl Into<String>) -> Self {
        Self::local(Reason::CredentialsRefused, Code::Unauthenticated, message)
    }

    /// An unsigned status other than `UNAVAILABLE` and `UNAUTHENTICATED`.
    pub(crate) fn unsigned(code: Code, message: impl Into<String>) -> Self {
        Self::local(Reason::Unverified, code, message)
    }

    pub(crate) fn time_up(message: impl Into<String>) -> Self {
        Self { is_time_up: true, ..Self::wire(ErrorReason::DeadlineExceeded, Code::DeadlineExceeded, message) }
    }

    /// Metadata or a request that cannot be used.
    pub(crate) fn bad_call(code: Code, message: impl Into<String>) -> Self {
        Self::wire(ErrorReason::EnvelopeInvalid, code, message).not_begun()
    }

    /// Marks it as the failure of a call that no server executed.
    pub(crate) fn not_begun(self) -> Self {
        Self { not_begun: true, ..self }
    }

    pub(crate) fn is_retryable(&self) -> bool {
        match self.reason {
            Reason::Unreachable => true,
            _ => self.error.as_ref().is_some_and(|error| error.retryable),
        }
    }

    /// How long the server says to wait.
    pub(crate) fn retry_delay(&self) -> Option<Duration> {
        let delay = self.error.as_ref()?.retry_delay?;
        Some(Duration::try_from(delay).unwrap_or_default())
    }
}
