//! Statuses of calls (docs/proxy.md of the repository, Statuses). Ordinary stubs repeat a call that ends with
//! `UNAVAILABLE`, as a new intent. So a call that may have had an effect never ends with it.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use prost::{Message, Name};
use prost_types::Any;
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_types::pb;

use crate::problem::{Problem, Reason};
use crate::signing::Unverified;
use crate::v1::{self, ErrorReason};

/// The metadata that names the intent of a call; in answers, too.
pub(crate) const REQUEST_ID: &str = "sealwire-request-id";
/// The metadata with the job that a call has started; in answers only.
pub(crate) const JOB_ID: &str = "sealwire-job-id";

const PREFIX: &str = "type.googleapis.com/";
const DOMAIN: &str = "sealwire";
const ERROR_INFO: &str = "type.googleapis.com/google.rpc.ErrorInfo";

/// The `sealwire.v1.Error` of a failed call, as the server signed it, or as this package made it for a reason that a
/// server could give: its reason, the violations of the arguments, the retry delay, the details of the tool.
///
/// `None` for a status that has none: no verified answer came, or the call was no signed one.
///
/// ```no_run
/// # fn show(status: tonic::Status) {
/// if let Some(error) = sealwire::error_of(&status) {
///     println!("{}", error.reason().as_str_name());
///     for violation in &error.violations {
///         println!("{}: {}", violation.field, violation.rule_id);
///     }
/// }
/// # }
/// ```
#[must_use]
pub fn error_of(status: &Status) -> Option<v1::Error> {
    let details = pb::Status::decode(status.details()).ok()?.details;
    let url = v1::Error::type_url();
    details.iter().rev().find(|any| any.type_url == url).and_then(|any| v1::Error::decode(&*any.value).ok())
}

/// The name of the reason of a failed call, as in `docs/errors.md` of the repository, such as `ARGS_INVALID` or
/// `UNREACHABLE`. `None` for a status that is not of this package.
#[must_use]
pub fn reason_of(status: &Status) -> Option<String> {
    let details = pb::Status::decode(status.details()).ok()?.details;
    let info = details.iter().find(|any| any.type_url == ERROR_INFO)?;
    let info = pb::ErrorInfo::decode(&*info.value).ok()?;
    (info.domain == DOMAIN).then_some(info.reason)
}

/// True if the call failed because its answer could not be verified: it is not the server's, or was changed on the way.
/// The code is `DATA_LOSS`, and the source an [`Unverified`].
#[must_use]
pub fn is_unverified(status: &Status) -> bool {
    std::error::Error::source(status).is_some_and(<dyn std::error::Error>::is::<Unverified>)
}

/// What is known of a call.
#[derive(Clone, Debug)]
pub(crate) struct KnownCall {
    pub(crate) tool: String,
    /// True if a call that is executed twice does no harm.
    pub(crate) repeatable: bool,
    pub(crate) request_id: String,
    /// Set once the job has been accepted.
    pub(crate) job_id: Option<String>,
}

impl KnownCall {
    /// The status of a tool or a job that has failed, as its verified answer says.
    pub(crate) fn failure_of_tool(&self, problem: Problem) -> Status {
        let code = match code_of(&problem) {
            Code::Unavailable if !self.repeatable => Code::Aborted,
            code => code,
        };
        to_status(problem, code, Some(self))
    }

    /// The status of a call that was sent, or of a job that was watched, without a verified outcome.
    pub(crate) fn failure_of_call(&self, problem: Problem) -> Status {
        let problem = if self.is_open(&problem) { self.outcome_unknown(&problem) } else { problem };
        let code = code_of(&problem);
        to_status(problem, code, Some(self))
    }

    /// The status when the caller's own deadline has passed.
    pub(crate) fn failure_in_time(&self, problem: Problem) -> Status {
        let problem = if problem.reason == Reason::Unreachable { Problem::time_up(problem.message) } else { problem };
        to_status(problem, Code::DeadlineExceeded, Some(self))
    }

    /// The ids, for initial metadata and for trailers.
    pub(crate) fn write_ids(&self, metadata: &mut http::HeaderMap) {
        let mut insert = |name: &'static str, id: &str| {
            if let Ok(value) = HeaderValue::from_str(id) {
                metadata.insert(name, value);
            }
        };
        if !self.request_id.is_empty() {
            insert(REQUEST_ID, &self.request_id);
        }
        if let Some(job_id) = &self.job_id {
            insert(JOB_ID, job_id);
        }
    }

    /// True if the call may have had an effect, or its job goes on.
    fn is_open(&self, problem: &Problem) -> bool {
        let is_certain = matches!(
            problem.reason,
            Reason::Unverified | Reason::Invalid | Reason::Wire(ErrorReason::OutcomeUnknown | ErrorReason::JobNotFound)
        );
        !self.repeatable && !is_certain && (self.job_id.is_some() || !problem.not_begun)
    }

    fn outcome_unknown(&self, cause: &Problem) -> Problem {
        let what = match &self.job_id {
            Some(job_id) => format!("Job {job_id} goes on"),
            None => "The call may have taken effect".to_owned(),
        };
        let to_do = format!("repeat the call with the metadata {REQUEST_ID}: {}", self.request_id);
        let message = format!("{what}; to get the outcome, {to_do}. ({})", cause.message);
        Problem::wire(ErrorReason::OutcomeUnknown, Code::Unknown, message)
    }
}

/// The status of a call that was not sent to the server.
pub(crate) fn failure_before(problem: Problem) -> Status {
    let code = code_of(&problem);
    to_status(problem, code, None)
}

fn code_of(problem: &Problem) -> Code {
    match problem.reason {
        Reason::Unverified => Code::DataLoss,
        Reason::Wire(ErrorReason::OutcomeUnknown) => Code::Unknown,
        _ => problem.code,
    }
}

fn to_status(problem: Problem, code: Code, call: Option<&KnownCall>) -> Status {
    let info = pb::ErrorInfo {
        reason: problem.reason.name().into(),
        domain: DOMAIN.into(),
        metadata: call.map(summary_of).unwrap_or_default(),
    };
    let mut details = vec![packed("google.rpc.ErrorInfo", &info)];
    if let Some(error) = &problem.error {
        if let Some(retry_delay) = error.retry_delay {
            details.push(packed("google.rpc.RetryInfo", &pb::RetryInfo { retry_delay: Some(retry_delay) }));
        }
        if !error.violations.is_empty() {
            let field_violations = error.violations.iter().map(violation_of).collect();
            details.push(packed("google.rpc.BadRequest", &pb::BadRequest { field_violations }));
        }
        // A detail of the tool must not be taken for one of the server.
        let is_own = |any: &&Any| any.type_url != ERROR_INFO && !any.type_url.ends_with("/sealwire.v1.Error");
        details.extend(error.details.iter().filter(is_own).cloned());
        details.push(packed("sealwire.v1.Error", &**error));
    }
    let encoded = pb::Status { code: code.into(), message: problem.message.clone(), details }.encode_to_vec();
    let mut ids = http::HeaderMap::new();
    if let Some(call) = call {
        call.write_ids(&mut ids);
    }
    let is_unverified = problem.reason == Reason::Unverified;
    let source = is_unverified.then(|| Unverified::saying(&problem.message));
    let metadata = MetadataMap::from_headers(ids);
    let mut status = Status::with_details_and_metadata(code, problem.message, Bytes::from(encoded), metadata);
    if let Some(source) = source {
        status.set_source(Arc::new(source));
    }
    status
}

fn summary_of(call: &KnownCall) -> std::collections::HashMap<String, String> {
    let mut summary = std::collections::HashMap::new();
    summary.insert("tool".into(), call.tool.clone());
    summary.insert("request_id".into(), call.request_id.clone());
    if let Some(job_id) = &call.job_id {
        summary.insert("job_id".into(), job_id.clone());
    }
    summary
}

fn violation_of(violation: &v1::FieldViolation) -> pb::bad_request::FieldViolation {
    pb::bad_request::FieldViolation {
        field: violation.field.clone(),
        description: violation.message.clone(),
        reason: violation.rule_id.clone(),
        ..Default::default()
    }
}

fn packed(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("{PREFIX}{name}"), value: message.encode_to_vec() }
}
