//! A watch by the serialized request of a native caller.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;

use crate::problem::Problem;
use crate::system::v1::{WatchJobRequest, WatchJobsRequest};
use crate::v1::{ErrorReason, Response};
use crate::watch::all_jobs::WatchedJobs;
use crate::watch::follow::{Update, WatchRequest, Watched};
use crate::watch::one_job::WatchedJob;

/// The longest interval of heartbeats that a server accepts.
const HEARTBEAT_MOST_MS: i32 = 60_000;
/// The interval of a server that was asked for none.
const HEARTBEAT_DEFAULT_MS: i32 = 15_000;

/// The first stream sends the request as it is. Yields the serialized message of every verified answer, heartbeats
/// included; a resumed stream may repeat a state.
pub(crate) struct EncodedWatch {
    tool: &'static str,
    input: Arc<str>,
    args: Bytes,
    /// True if the request asks for heartbeats that are too rare for this client, which then asks for its own.
    is_silent: bool,
    target: Target,
}

enum Target {
    One(WatchedJob),
    All(WatchedJobs),
}

impl EncodedWatch {
    /// Fails if the request does not decode.
    pub(crate) fn new(tool: &str, input: Arc<str>, args: Bytes, own_ms: i32) -> Result<Self, Problem> {
        let (tool, target, requested_ms) = if tool == "watch_job" {
            let request: WatchJobRequest = decode(tool, &args)?;
            let target = WatchedJob::new(request.job_id, false, request.after_revision.max(0), own_ms);
            ("watch_job", Target::One(target), request.heartbeat_interval_ms)
        } else {
            let request: WatchJobsRequest = decode(tool, &args)?;
            let target = WatchedJobs::new(request.tool, request.ended_since, own_ms);
            ("watch_jobs", Target::All(target), request.heartbeat_interval_ms)
        };
        let requested_ms = if requested_ms == 0 { HEARTBEAT_DEFAULT_MS } else { requested_ms };
        let is_silent = requested_ms > own_ms && requested_ms <= HEARTBEAT_MOST_MS;
        Ok(Self { tool, input, args, is_silent, target })
    }
}

impl Watched for EncodedWatch {
    type Item = Bytes;

    fn is_known(&self) -> bool {
        false
    }

    fn request(&mut self, is_first: bool, is_truncated: bool) -> WatchRequest {
        if is_first && !self.is_silent {
            return WatchRequest { tool: self.tool, input: self.input.clone(), args: self.args.clone() };
        }
        match &mut self.target {
            Target::One(job) => job.request(is_first, is_truncated),
            Target::All(jobs) => jobs.request(is_first, is_truncated),
        }
    }

    fn read(&mut self, response: Response) -> Result<Update<Bytes>, Problem> {
        let value = response.result.as_ref().map(|result| Bytes::copy_from_slice(&result.value));
        let (is_news, is_over) = match &mut self.target {
            Target::One(job) => job.read(response).map(|update| (update.is_news, update.is_over)),
            Target::All(jobs) => jobs.read(response).map(|update| (update.is_news, update.is_over)),
        }?;
        Ok(Update { items: value.into_iter().collect(), is_news, is_over })
    }
}

fn decode<M: Message + Default>(tool: &str, args: &Bytes) -> Result<M, Problem> {
    M::decode(args.clone()).map_err(|_| {
        let message = format!("The request of {tool} does not decode; encode it by its contract.");
        Problem::wire(ErrorReason::ArgsInvalid, tonic::Code::InvalidArgument, message).not_begun()
    })
}
