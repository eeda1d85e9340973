//! Calls tools over gRPC. Whatever it returns was verified.

use std::{error::Error, fmt, time::Duration};

use http::uri::PathAndQuery;
use prost::{Message, Name};
use prost_types::Any;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_prost::ProstCodec;
use tonic_types::pb;

use crate::contract::sealwire::system::v1::{WatchJobRequest, WatchJobResponse};
use crate::contract::sealwire::v1::{self as contract, Job, Response};
use crate::sealwire::{Credentials, Frame, Unverified};

const CALL: &str = "/sealwire.v1.ToolService/Call";
const WATCH_JOB: &str = "/sealwire.v1.ToolService/WatchJob";
const TIMEOUT: Duration = Duration::from_secs(60);
/// A stream is taken for dead after 2.5 heartbeat intervals of 15 s.
const SILENCE: Duration = Duration::from_millis(37_500);

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
    /// True if a watch that ended so goes on over a new stream.
    pub fn is_resumable(&self) -> bool {
        match self {
            Self::Refused(error) => error.retryable,
            // A status with a source was made here, of a connection that failed; its code is often UNKNOWN.
            Self::Unanswered(status) => {
                status.source().is_some()
                    || matches!(status.code(), Code::Unavailable | Code::Internal | Code::Cancelled)
            }
            Self::Unverified(_) => false,
        }
    }
}

/// Calls one server. tonic repeats no call by itself, so each attempt has the nonce it was signed with.
pub struct Client {
    credentials: Credentials,
    channel: Channel,
}

impl Client {
    /// Prepares a client; the first call connects.
    pub fn new(credentials: Credentials) -> Result<Self, tonic::transport::Error> {
        let address = &credentials.address;
        let target = if address.starts_with("unix:") { address.clone() } else { format!("http://{address}") };
        let channel = Endpoint::from_shared(target)?.connect_lazy();
        Ok(Self { credentials, channel })
    }

    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// Calls a tool that answers with an `R`.
    pub async fn call<R: Message + Name + Default>(
        &self,
        tool: &str,
        args: &(impl Message + Name),
    ) -> Result<R, Failure> {
        result_of(self.send(tool, args).await?)
    }

    /// Starts a job.
    pub async fn start(&self, tool: &str, args: &(impl Message + Name)) -> Result<Job, Failure> {
        let response = self.send(tool, args).await?;
        match (response.job, response.error) {
            (Some(job), _) if response.ok => Ok(job),
            (_, Some(error)) if !response.ok => Err(Failure::Refused(error)),
            _ => Err(Unverified("it has neither job nor error").into()),
        }
    }

    /// Opens one stream of a job's states that are newer than the known one.
    pub async fn watch(&self, known: &Job) -> Result<Watch<'_>, Failure> {
        let args =
            WatchJobRequest { job_id: known.job_id.clone(), after_revision: known.revision, heartbeat_interval_ms: 0 };
        let attempt = self.attempt(WATCH_JOB, "watch_job", &args, 1);
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(unreachable)?;
        let (path, codec) = (PathAndQuery::from_static(WATCH_JOB), ProstCodec::<Frame, Frame>::default());
        match grpc.server_streaming(Request::new(attempt.frame.clone()), path, codec).await {
            Ok(reply) => Ok(Watch { attempt, messages: reply.into_inner(), known: known.clone() }),
            Err(status) => Err(attempt.read_refusal(status)),
        }
    }

    async fn send(&self, tool: &str, args: &(impl Message + Name)) -> Result<Response, Failure> {
        let attempt = self.attempt(CALL, tool, args, 0);
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.map_err(unreachable)?;
        let mut request = Request::new(attempt.frame.clone());
        request.set_timeout(TIMEOUT);
        let (path, codec) = (PathAndQuery::from_static(CALL), ProstCodec::<Frame, Frame>::default());
        match grpc.unary(request, path, codec).await {
            Ok(reply) => Ok(attempt.read(&reply.into_inner())?),
            Err(status) => Err(attempt.read_refusal(status)),
        }
    }

    fn attempt(&self, method: &'static str, tool: &str, args: &(impl Message + Name), sequence: i64) -> Attempt<'_> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).expect("the system gives random bytes");
        let request_id = format!("{:032x}", u128::from_be_bytes(id));
        let args = Any::from_msg(args).expect("a vector takes any message");
        let frame = self.credentials.seal(method, tool, args, &request_id);
        Attempt { credentials: &self.credentials, request_id, frame, sequence }
    }
}

/// One stream of a job's states.
pub struct Watch<'a> {
    attempt: Attempt<'a>,
    messages: Streaming<Frame>,
    known: Job,
}

impl Watch<'_> {
    /// Waits for the next state, which may be the last one again as a sign of life. After a terminal state stop asking.
    pub async fn next(&mut self) -> Result<WatchJobResponse, Failure> {
        let message = tokio::time::timeout(SILENCE, self.messages.message()).await;
        let frame = match message.unwrap_or_else(|_| Err(Status::unavailable("the watch fell silent"))) {
            Ok(Some(frame)) => frame,
            Ok(None) => return Err(Failure::Unanswered(Status::unavailable("the watch was cut off"))),
            Err(status) => return Err(self.attempt.read_refusal(status)),
        };
        let update: WatchJobResponse = result_of(self.attempt.read(&frame)?)?;
        self.attempt.sequence += 1;
        let job = update.job.as_ref().ok_or(Unverified("it has no job"))?;
        let is_same = job.revision == self.known.revision && job.state == self.known.state;
        if job.job_id != self.known.job_id || !(job.revision > self.known.revision || is_same) {
            return Err(Unverified("it does not follow the state before").into());
        }
        self.known = job.clone();
        Ok(update)
    }
}

/// One signed request, which alone its answers are verified against.
struct Attempt<'a> {
    credentials: &'a Credentials,
    request_id: String,
    frame: Frame,
    /// The number that the next answer must have.
    sequence: i64,
}

impl Attempt<'_> {
    fn read(&self, answer: &Frame) -> Result<Response, Unverified> {
        self.credentials.verify(answer, &self.frame.signature, &self.request_id, self.sequence)
    }

    fn read_refusal(&self, status: Status) -> Failure {
        match self.signed_error(&status) {
            Ok(Some(error)) => Failure::Refused(error),
            Ok(None) => Failure::Unanswered(status),
            Err(unverified) => Failure::Unverified(unverified),
        }
    }

    /// Takes the error from the signed frame in the details. All else there is a projection of it and must agree.
    fn signed_error(&self, status: &Status) -> Result<Option<contract::Error>, Unverified> {
        let Ok(projection) = pb::Status::decode(status.details()) else { return Ok(None) };
        let detail = |is_wanted: fn(&str) -> bool| projection.details.iter().find(|any| is_wanted(&any.type_url));
        let Some(any) =
            detail(|url| url == contract::CallResponse::type_url() || url == contract::WatchJobResponse::type_url())
        else {
            return Ok(None);
        };
        let frame = Frame::decode(&*any.value).map_err(|_| Unverified("it is no frame"))?;
        let error = self.read(&frame)?.error.ok_or(Unverified("it refuses without an error"))?;
        let info = detail(|url| url == "type.googleapis.com/google.rpc.ErrorInfo");
        let names_reason = info.is_none_or(|any| {
            let reason = pb::ErrorInfo::decode(&*any.value).map(|info| format!("ERROR_REASON_{}", info.reason));
            reason.is_ok_and(|reason| reason == error.reason().as_str_name())
        });
        if error.code != projection.code || error.code != i32::from(status.code()) || !names_reason {
            return Err(Unverified("its status says something else"));
        }
        Ok(Some(error))
    }
}

/// Takes out the result, which must be of the type that the tool answers with.
fn result_of<R: Message + Name + Default>(response: Response) -> Result<R, Failure> {
    match (response.result, response.error) {
        (Some(any), _) if any.type_url == R::type_url() => {
            R::decode(&*any.value).map_err(|_| Unverified("its result is damaged").into())
        }
        (Some(_), _) => Err(Unverified("its result is of another type").into()),
        (None, Some(error)) => Err(Failure::Refused(error)),
        (None, None) => Err(Unverified("it has neither result nor error").into()),
    }
}

fn unreachable(error: tonic::transport::Error) -> Failure {
    Failure::Unanswered(Status::from_error(error.into()))
}
