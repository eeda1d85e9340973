//! Serves the calls of ordinary stubs.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use tonic::body::Body;
use tonic::{Code, Status};
use tower_service::Service as _;

use super::abandon::{BoundStart, CancelOnDrop};
use super::body::{OneAnswer, answer, trailers};
use super::intent::CallIntent;
use super::job_body::JobBody;
use crate::attempt::Intent;
use crate::connection::{Connection, REQUEST_MOST, too_large};
use crate::contract::ToolMethod;
use crate::contract_cache::ContractCache;
use crate::deadline::Deadline;
use crate::messages::{Messages, Unreadable};
use crate::problem::Problem;
use crate::status::{KnownCall, failure_before};
use crate::tool_call::call_tool;
use crate::typed::wrong_type;
use crate::v1;
use crate::watch::encoded::EncodedWatch;
use crate::watch::follow::Follow;
use crate::watch::one_job::WatchedJob;

/// Services that are called as they are, unsigned.
const PASSED_THROUGH: [&str; 3] = ["/sealwire.v1.", "/grpc.health.v1.", "/grpc.reflection."];

/// What the calls of a channel share.
pub(crate) struct Native {
    pub(crate) connection: Arc<Connection>,
    pub(crate) contracts: Arc<ContractCache>,
}

/// A native call with everything that is known of it.
struct NativeCall {
    method: Arc<ToolMethod>,
    intent: Intent,
    deadline: Deadline,
    cancel_on_abandon: bool,
}

impl Native {
    /// Carries out a call of a stub.
    pub(crate) async fn serve(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let path = request.uri().path();
        if PASSED_THROUGH.iter().any(|prefix| path.starts_with(prefix)) {
            return self.pass_through(request).await;
        }
        let said = CallIntent::read(request.headers()).map_err(failure_before)?;
        let deadline = Deadline::after(said.timeout);
        let read = deadline.run(self.read(request)).await;
        let (method, args, definition_digest) =
            read.unwrap_or_else(|| Err(not_begun_in_time(&deadline))).map_err(failure_before)?;
        let CallIntent { request_id, cancel_on_abandon, trace, .. } = said;
        let (tool, input) = (method.tool.clone(), method.input.clone());
        let intent = Intent { tool, input, args, request_id, trace, definition_digest };
        let call = NativeCall { method, intent, deadline, cancel_on_abandon };
        if matches!(&*call.method.tool, "watch_job" | "watch_jobs") { self.watch(call) } else { self.call(call).await }
    }

    /// Sends a call on as it is.
    async fn pass_through(&self, request: Request<Body>) -> Result<Response<Body>, Status> {
        let replica = self.connection.replicas.next();
        let mut channel = replica.channel.clone();
        let sent = async {
            std::future::poll_fn(|context| channel.poll_ready(context)).await?;
            channel.call(request).await
        };
        let answer = sent.await.map_err(|error: tonic::transport::Error| Status::from_error(error.into()));
        let is_up = !answer.as_ref().is_err_and(|status| status.code() == Code::Unavailable);
        self.connection.replicas.note(replica, is_up);
        answer
    }

    async fn read(&self, request: Request<Body>) -> Result<(Arc<ToolMethod>, Bytes, String), Problem> {
        let (parts, body) = request.into_parts();
        let (method, definition_digest) = self.contracts.by_path(parts.uri.path()).await?;
        Ok((method, read_request(body).await?, definition_digest))
    }

    /// Calls a tool. The answer of a job is watched by the body.
    async fn call(&self, call: NativeCall) -> Result<Response<Body>, Status> {
        let mut known = known_of(&call);
        let (own, overall) = (call.deadline, self.default_deadline());
        let is_bound = call.cancel_on_abandon && call.method.is_job;
        let sent = if is_bound {
            let start = BoundStart::new(self.connection.clone(), call.intent);
            own.run(start.finish()).await
        } else {
            Some(call_tool(&self.connection, &call.intent, &own.or_earlier(overall)).await)
        };
        let response = match sent {
            Some(Ok(response)) => response,
            Some(Err(problem)) if problem.is_time_up && own.has_passed() => return Err(known.failure_in_time(problem)),
            Some(Err(problem)) => return Err(known.failure_of_call(problem)),
            None => {
                return Err(
                    known.failure_in_time(Problem::time_up("The time of the call is up; its job is cancelled."))
                );
            }
        };
        if let Some(result) = response.result {
            if result.type_url != *call.method.output {
                return Err(known.failure_of_call(wrong_type(&result, &call.method.output)));
            }
            let body = OneAnswer::new(&known, &result.value);
            return Ok(answer(&known, Body::new(body)));
        }
        if let Some(error) = response.error.filter(|_| !response.ok) {
            return Err(known.failure_of_tool(Problem::signed(error)));
        }
        let Some(job) = response.job else {
            let problem = Problem::invalid(format!("The answer of {} holds no result.", call.method.tool));
            return Err(known.failure_of_call(problem));
        };
        known.job_id = Some(job.job_id.clone());
        Ok(self.follow(&call.method, known, &job, own, is_bound))
    }

    fn follow(
        &self,
        method: &ToolMethod,
        call: KnownCall,
        job: &v1::Job,
        deadline: Deadline,
        is_bound: bool,
    ) -> Response<Body> {
        let heartbeat_ms = self.heartbeat_ms();
        let watched = WatchedJob::new(job.job_id.clone(), true, 0, heartbeat_ms);
        let headers = answer(&call, Body::empty());
        let body = JobBody {
            follow: Follow::new(self.connection.clone(), watched, deadline, None),
            cancel: CancelOnDrop::new(self.connection.clone(), &job.job_id, is_bound),
            output: method.output.clone(),
            progress: method.progress,
            sent: Vec::new(),
            frames: VecDeque::new(),
            is_over: false,
            call,
        };
        headers.map(|_| Body::new(StreamBody::new(Box::pin(body.into_stream()))))
    }

    /// The messages of a watch, resumed inside.
    fn watch(&self, call: NativeCall) -> Result<Response<Body>, Status> {
        let known = known_of(&call);
        let Intent { tool, input, args, trace, .. } = call.intent;
        let watched = EncodedWatch::new(&tool, input, args, self.heartbeat_ms());
        let watched = watched.map_err(|problem| known.failure_of_call(problem))?;
        let follow = Follow::new(self.connection.clone(), watched, call.deadline, trace);
        let headers = answer(&known, Body::empty());
        let messages = stream::unfold(Some((follow, known)), |state| async move {
            let (mut follow, known) = state?;
            let (frame, is_over) = match follow.next().await {
                Ok(Some(message)) => (Ok(Frame::data(crate::attempt::prefixed(&message))), false),
                Ok(None) => (Ok(Frame::trailers(trailers(&known))), true),
                Err(problem) if problem.is_time_up => (Err(known.failure_in_time(problem)), true),
                Err(problem) => (Err(known.failure_of_call(problem)), true),
            };
            Some((frame, (!is_over).then_some((follow, known))))
        });
        Ok(headers.map(|_| Body::new(StreamBody::new(Box::pin(messages)))))
    }

    fn default_deadline(&self) -> Deadline {
        Deadline::after(Some(self.connection.options.timeout))
    }

    fn heartbeat_ms(&self) -> i32 {
        heartbeat_ms(&self.connection)
    }
}

/// The interval of heartbeats that watches ask for.
pub(crate) fn heartbeat_ms(connection: &Connection) -> i32 {
    i32::try_from(Duration::as_millis(&connection.options.heartbeat_interval)).unwrap_or(i32::MAX)
}

fn known_of(call: &NativeCall) -> KnownCall {
    KnownCall {
        tool: call.method.tool.to_string(),
        repeatable: call.method.repeatable,
        request_id: call.intent.request_id.clone(),
        job_id: None,
    }
}

fn not_begun_in_time(deadline: &Deadline) -> Problem {
    let ms = deadline.limit.as_millis();
    Problem::time_up(format!("The call has not begun within its {ms} ms.")).not_begun()
}

/// The one message of a request.
async fn read_request(body: Body) -> Result<Bytes, Problem> {
    let refused = |what: &str| Problem::bad_call(Code::Unimplemented, format!("A tool takes {what}."));
    let mut messages = Messages::new(body, REQUEST_MOST);
    let unreadable = |problem| match problem {
        Unreadable::Compressed => refused("a message that is not compressed: do not call send_compressed"),
        Unreadable::TooLarge(bytes) => too_large(bytes),
        Unreadable::Cut => refused("one whole request message"),
        Unreadable::Broken(status) => Problem::bad_call(status.code(), status.message()),
    };
    let message = messages.next().await.map_err(unreadable)?;
    let message = message.ok_or_else(|| refused("one request message, and this call sends none"))?;
    match messages.next().await.map_err(unreadable)? {
        None => Ok(message),
        Some(_) => Err(refused("one request message, and this call sends more")),
    }
}
