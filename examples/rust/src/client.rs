//! Calls tools over gRPC. Returns verified responses only.

use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Name;
use prost_types::Any;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::attempt::{Attempt, result_of};
use crate::contract::sealwire::system::v1::{WatchJobRequest, WatchJobResponse};
use crate::contract::sealwire::v1::{Job, Response};
use crate::credentials::Credentials;
use crate::failure::Failure;
use crate::sealwire::{Frame, Unverified, random_bytes};

const CALL: &str = "/sealwire.v1.ToolService/Call";
const WATCH_JOB: &str = "/sealwire.v1.ToolService/WatchJob";
const ATTEMPTS: u32 = 5;
const TIMEOUT: Duration = Duration::from_secs(60);
/// A stream counts as broken after 2.5 heartbeat intervals of 15 s.
const SILENCE: Duration = Duration::from_millis(37_500);

/// Calls one server. tonic does not retry calls, so no nonce is sent twice.
pub struct Client {
    credentials: Credentials,
    channel: Channel,
}

impl Client {
    /// Makes a client. It connects on the first call.
    pub fn new(credentials: Credentials) -> Result<Self, tonic::transport::Error> {
        let address = &credentials.address;
        let target = if address.starts_with("unix:") { address.clone() } else { format!("http://{address}") };
        let channel = Endpoint::from_shared(target)?.connect_timeout(TIMEOUT).connect_lazy();
        Ok(Self { credentials, channel })
    }

    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Calls a tool with the response message `R`.
    pub async fn call<R: Name + Default>(&self, tool: &str, args: &impl Name) -> Result<R, Failure> {
        result_of(self.send(tool, args).await?)
    }

    /// Starts a job.
    pub async fn start(&self, tool: &str, args: &impl Name) -> Result<Job, Failure> {
        let response = self.send(tool, args).await?;
        match (response.job, response.error) {
            (Some(job), _) if response.ok => Ok(job),
            (_, Some(error)) if !response.ok => Err(Failure::Refused(error)),
            _ => Err(Unverified("it has neither job nor error").into()),
        }
    }

    /// Opens a stream of the job's states that are newer than the known one.
    pub async fn watch(&self, known: &Job) -> Result<Watch<'_>, Failure> {
        let args =
            WatchJobRequest { job_id: known.job_id.clone(), after_revision: known.revision, heartbeat_interval_ms: 0 };
        let attempt = self.attempt(WATCH_JOB, "watch_job", &args, &new_request_id());
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(unreachable)?;
        let (path, codec) = (PathAndQuery::from_static(WATCH_JOB), ProstCodec::<Frame, Frame>::default());
        let opening = grpc.server_streaming(Request::new(attempt.frame.clone()), path, codec);
        match tokio::time::timeout(SILENCE, opening).await.unwrap_or_else(|_| Err(silent())) {
            Ok(reply) => Ok(Watch { attempt, messages: reply.into_inner(), sequence: 1, known: known.clone() }),
            Err(status) => Err(attempt.read_refusal(status, 1)),
        }
    }

    /// Calls a tool. Retries temporary errors up to the maximum number of attempts.
    async fn send(&self, tool: &str, args: &impl Name) -> Result<Response, Failure> {
        let request_id = new_request_id();
        let mut attempts = 1;
        loop {
            match self.send_once(tool, args, &request_id).await {
                Err(failure) if attempts < ATTEMPTS && failure.may_pass() => {
                    tokio::time::sleep(failure.delay(attempts)).await;
                    attempts += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn send_once(&self, tool: &str, args: &impl Name, request_id: &str) -> Result<Response, Failure> {
        let attempt = self.attempt(CALL, tool, args, request_id);
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(unreachable)?;
        let mut request = Request::new(attempt.frame.clone());
        request.set_timeout(TIMEOUT);
        let (path, codec) = (PathAndQuery::from_static(CALL), ProstCodec::<Frame, Frame>::default());
        match grpc.unary(request, path, codec).await {
            Ok(reply) => Ok(attempt.read(&reply.into_inner(), 0)?),
            Err(status) => Err(attempt.read_refusal(status, 0)),
        }
    }

    fn attempt(&self, method: &str, tool: &str, args: &impl Name, request_id: &str) -> Attempt<'_> {
        let args = Any::from_msg(args).expect("a vector takes any message");
        let frame = self.credentials.seal(method, tool, args, request_id);
        Attempt { credentials: &self.credentials, request_id: request_id.into(), frame }
    }
}

/// One stream of a job's states.
pub struct Watch<'a> {
    attempt: Attempt<'a>,
    messages: Streaming<Frame>,
    /// Sequence number of the next message.
    sequence: i64,
    known: Job,
}

impl Watch<'_> {
    /// Waits for the next state. A heartbeat repeats the last one. Must not be called after a terminal state.
    pub async fn next(&mut self) -> Result<WatchJobResponse, Failure> {
        let message = tokio::time::timeout(SILENCE, self.messages.message()).await;
        let frame = match message.unwrap_or_else(|_| Err(silent())) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(Failure::Unanswered(Status::unavailable("the watch was cut off"))),
            Err(status) => return Err(self.attempt.read_refusal(status, self.sequence)),
        };
        let update: WatchJobResponse = result_of(self.attempt.read(&frame, self.sequence)?)?;
        self.sequence += 1;
        let job = update.job.as_ref().ok_or(Unverified("it has no job"))?;
        let is_same = job.revision == self.known.revision && job.state == self.known.state;
        if job.job_id != self.known.job_id || !(job.revision > self.known.revision || is_same) {
            return Err(Unverified("it does not follow the state before").into());
        }
        self.known = job.clone();
        Ok(update)
    }
}

fn silent() -> Status {
    Status::unavailable("the watch fell silent")
}

fn new_request_id() -> String {
    format!("{:032x}", u128::from_be_bytes(random_bytes()))
}

fn unreachable(error: tonic::transport::Error) -> Failure {
    Failure::Unanswered(Status::from_error(error.into()))
}
