//! The log of calls, and their end when the server stops.

use serde::Serialize;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::contract::google::rpc::Code;
use crate::metadata::Call;

/// Surrounds each call of a tool. Clones belong together.
#[derive(Clone, Default)]
pub struct Calls {
    stopping: CancellationToken,
}

impl Calls {
    /// Ends the open calls, and those that still come, with UNAVAILABLE.
    pub fn stop(&self) {
        self.stopping.cancel();
    }

    /// Logs the call and does its work, unless the server stops first. A call that is cancelled drops the future.
    pub async fn surround<T>(&self, call: &Call, work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        let mut logged = LoggedCall::begin(call);
        let outcome = tokio::select! {
            biased;
            () = self.stopping.cancelled() => Err(Status::unavailable("the server is stopping")),
            outcome = work => outcome,
        };
        logged.ended = outcome.as_ref().map_or_else(code_of, |_| Code::Ok);
        outcome
    }
}

/// Prints a line of JSON when it is made, and one when it is dropped.
struct LoggedCall<'a> {
    call: &'a Call,
    ended: Code,
}

#[derive(Serialize)]
struct End<'a> {
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    ended: &'a str,
}

impl<'a> LoggedCall<'a> {
    fn begin(call: &'a Call) -> Self {
        print(call);
        Self { call, ended: Code::Cancelled }
    }
}

impl Drop for LoggedCall<'_> {
    fn drop(&mut self) {
        let Call { method, request, job, attempt, .. } = self.call;
        let (request, job) = (request.as_deref(), job.as_deref());
        print(&End { method, request, job, attempt: *attempt, ended: self.ended.as_str_name() });
    }
}

fn code_of(status: &Status) -> Code {
    Code::try_from(i32::from(status.code())).unwrap_or(Code::Unknown)
}

fn print(line: &impl Serialize) {
    println!("{}", serde_json::to_string(line).expect("the lines have text and numbers only"));
}
