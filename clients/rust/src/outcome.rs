//! What the answer to one attempt proves.

use bytes::Bytes;
use prost::{Message, Name};
use tonic::Code;
use tonic_types::pb;

use crate::attempt::Attempt;
use crate::endpoint::RawStatus;
use crate::problem::{Problem, Reason};
use crate::signing::Unverified;
use crate::v1::{CallResponse, ErrorReason, Response, Status, WatchJobResponse};

/// The outcome of an attempt without an answer.
pub(crate) enum Failure {
    /// A verified refusal.
    Refusal { problem: Problem, server_time_ms: i64, request_id: String },
    /// No verified answer.
    Unverified {
        problem: Problem,
        /// The peer sent a frame, and it is not valid or contradicts the status.
        forged: bool,
        /// The server has certainly not started the call.
        unsent: bool,
        /// No connection could be established, for a reason that may pass.
        away: bool,
    },
}

impl Failure {
    /// The failure of a watch. It changes nothing on the server, so it is tried again like an attempt that was not sent.
    pub(crate) fn of_watch(self) -> Self {
        match self {
            Self::Unverified { problem, forged, away, .. } => Self::Unverified { problem, forged, unsent: true, away },
            refusal @ Self::Refusal { .. } => refusal,
        }
    }

    pub(crate) fn forged(unverified: &Unverified) -> Self {
        Self::Unverified { problem: Problem::unverified(unverified), forged: true, unsent: false, away: false }
    }

    pub(crate) fn problem(&self) -> &Problem {
        match self {
            Self::Refusal { problem, .. } | Self::Unverified { problem, .. } => problem,
        }
    }

    /// True if a verified refusal has a retry delay. Such retries are limited by the deadline, not by a count.
    pub(crate) fn tells_delay(&self) -> bool {
        matches!(self, Self::Refusal { problem, .. } if problem.is_retryable() && problem.retry_delay().is_some())
    }

    /// True unless it is certain that the attempt was not executed.
    pub(crate) fn may_have_run(&self) -> bool {
        match self {
            Self::Unverified { unsent, .. } => !unsent,
            Self::Refusal { problem, .. } => !is_before_execution(problem.reason),
        }
    }

    pub(crate) fn is_away(&self) -> bool {
        matches!(self, Self::Unverified { away: true, .. })
    }

    /// True if the connection was lost while the server may have executed the call.
    pub(crate) fn is_lost_in_mid_call(&self) -> bool {
        match self {
            Self::Unverified { problem, forged, unsent, .. } => {
                !forged && !unsent && problem.reason == Reason::Unreachable
            }
            Self::Refusal { .. } => false,
        }
    }

    /// True if this server drains or cannot be reached.
    pub(crate) fn is_out_of_service(&self) -> bool {
        match self {
            Self::Refusal { .. } => self.is_draining(),
            Self::Unverified { problem, forged, .. } => !forged && problem.reason == Reason::Unreachable,
        }
    }

    pub(crate) fn is_draining(&self) -> bool {
        match self {
            Self::Refusal { problem, .. } => {
                problem.reason == Reason::Wire(ErrorReason::Draining) && problem.is_retryable()
            }
            Self::Unverified { .. } => false,
        }
    }

    pub(crate) fn into_problem(self) -> Problem {
        match self {
            Self::Refusal { problem, request_id, .. } if problem.reason == Reason::Wire(ErrorReason::Replayed) => {
                let what = format!("Request {request_id} was delivered more than once on the way");
                let message = format!("{what}, so its outcome is unknown; repeat it under the same request id.");
                Problem::wire(ErrorReason::OutcomeUnknown, Code::Unknown, message)
            }
            Self::Refusal { problem, .. } | Self::Unverified { problem, .. } => problem,
        }
    }
}

/// Reads the answer to a call that came with gRPC OK. The status is not signed: the reason tells a refusal.
pub(crate) fn read_answer(message: Option<Bytes>, attempt: &Attempt) -> Result<Response, Failure> {
    let Some(message) = message else {
        return Err(Failure::forged(&Unverified::new("the peer says OK and sent no answer")));
    };
    answer_or_refusal(attempt.verify(message, 0).map_err(|unverified| Failure::forged(&unverified))?)
}

/// Reads a status other than OK from the signed frame in its details, with which the status must agree. The failure of a
/// tool is an answer in this way, too.
pub(crate) fn read_failure(status: &RawStatus, attempt: &Attempt, sequence: i64) -> Result<Response, Failure> {
    let Ok(told) = pb::Status::decode(status.details.clone()) else { return Err(read_unsigned(status, attempt)) };
    let find = |url: &str| told.details.iter().find(|any| any.type_url == url);
    let frame = find(&CallResponse::type_url()).or_else(|| find(&WatchJobResponse::type_url()));
    let Some(frame) = frame else { return Err(read_unsigned(status, attempt)) };
    let read = || {
        let mut response = attempt.verify(frame.value.clone().into(), sequence)?;
        let error = response.error.take().filter(|_| !response.ok);
        let error = error.ok_or_else(|| Unverified::new("it refuses without an error"))?;
        let info = find("type.googleapis.com/google.rpc.ErrorInfo");
        let told_reason = info.and_then(|any| pb::ErrorInfo::decode(&*any.value).ok());
        let told_reason = told_reason.filter(|info| info.domain == "sealwire").map(|info| info.reason);
        let agrees = error.code == told.code && error.code == i32::from(status.code);
        if !agrees || !names(error.reason, told_reason.as_deref()) {
            let said = format!("the peer says {:?} and the signed answer says something else", status.code);
            return Err(Unverified::new(said));
        }
        response.error = Some(error);
        Ok(response)
    };
    answer_or_refusal(read().map_err(|unverified| Failure::forged(&unverified))?)
}

/// Reads the status at the end of a watch, which is never an answer.
pub(crate) fn read_end(status: &RawStatus, attempt: &Attempt, sequence: i64) -> Failure {
    match read_failure(status, attempt, sequence) {
        Ok(mut response) => {
            let error = response.error.take().unwrap_or_default();
            refusal(&response, Problem::signed(error))
        }
        Err(failure) => failure,
    }
}

fn answer_or_refusal(mut response: Response) -> Result<Response, Failure> {
    match response.error.take() {
        Some(error) if is_refusal(&response, error.reason) => Err(refusal(&response, Problem::signed(error))),
        error => {
            response.error = error;
            Ok(response)
        }
    }
}

fn refusal(response: &Response, problem: Problem) -> Failure {
    Failure::Refusal { problem, server_time_ms: response.ts_ms, request_id: response.request_id.clone() }
}

/// `ErrorInfo` is missing if there was no room for it. A reason that is newer than this package has no name.
fn names(signed: i32, told: Option<&str>) -> bool {
    let (Some(told), Ok(signed)) = (told, ErrorReason::try_from(signed)) else { return true };
    signed.as_str_name().strip_prefix("ERROR_REASON_") == Some(told)
}

/// True if the tool has not run. Only a tool that ran can report the other reasons.
fn is_refusal(response: &Response, reason: i32) -> bool {
    let from_tools = [ErrorReason::ToolFailed, ErrorReason::ResultTooLarge, ErrorReason::Internal];
    response.status() == Status::Error
        && response.result.is_none()
        && from_tools.iter().all(|&each| i32::from(each) != reason)
}

/// The failure of an unsigned status. Its text is for people only, because anyone on the way can send it.
fn read_unsigned(status: &RawStatus, attempt: &Attempt) -> Failure {
    let &RawStatus { code, unsent, away, .. } = status;
    let text: String = status.message.chars().filter(|char| !char.is_control()).take(200).collect();
    let (said, id) = (format!("{code:?}: {text}"), &attempt.request_id);
    let problem = match code {
        Code::Unavailable if unsent => Problem::unreachable(format!("No server took the request ({said}).")),
        Code::Unavailable => Problem::unreachable(format!("No verified answer to request {id} ({said}).")),
        Code::Unauthenticated => {
            Problem::refused_credentials(format!("The peer refuses request {id}, unsigned ({said})."))
        }
        _ => Problem::unsigned(code, format!("The peer answers request {id} unsigned ({said}).")),
    };
    Failure::Unverified { problem, forged: false, unsent, away }
}

/// Refusals before a tool runs or a job is accepted. After all others, the call may be running or may have ended.
fn is_before_execution(reason: Reason) -> bool {
    use ErrorReason::{
        ArgsInvalid, AudienceMismatch, ClientMismatch, ClockSkew, EnvelopeInvalid, FreshnessUnknown, QuotaExceeded,
        RateLimited, RequestIdReused, ToolChanged, ToolForbidden, ToolRpcMismatch, UnsupportedVersion,
    };
    let Reason::Wire(reason) = reason else { return false };
    matches!(
        reason,
        EnvelopeInvalid
            | UnsupportedVersion
            | ClientMismatch
            | AudienceMismatch
            | ClockSkew
            | FreshnessUnknown
            | ToolChanged
            | ToolForbidden
            | ToolRpcMismatch
            | ArgsInvalid
            | RequestIdReused
            | RateLimited
            | QuotaExceeded
    )
}
