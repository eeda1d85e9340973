//! Calls tools by name, and jobs by id.

use std::sync::Arc;
use std::time::Duration;

use prost::{Message, Name};
use prost_types::{Any, Timestamp};
use tonic::Status;
use tonic::metadata::MetadataMap;

use crate::attempt::Intent;
use crate::channel::Channel;
use crate::connection::Connection;
use crate::contract::ToolMethod;
use crate::credentials::is_identifier;
use crate::deadline::Deadline;
use crate::job::{Job, JobWatch};
use crate::native::serve::{Native, heartbeat_ms};
use crate::pins::is_digest;
use crate::problem::Problem;
use crate::random;
use crate::signing::Unverified;
use crate::status::{KnownCall, failure_before};
use crate::system::v1::{
    ListJobsRequest, ListJobsResponse, ListToolsRequest, ListToolsResponse, ServerIdentityRequest,
    ServerIdentityResponse,
};
use crate::tool_call::call_tool;
use crate::typed::{decode, decoded, encoded, wrong_type};
use crate::v1::Response;
use crate::watch::all_jobs::WatchedJobs;
use crate::watch::follow::Follow;

/// Calls tools by name, starts jobs and watches them. Made of a [`Channel`], whose connections it shares.
///
/// The types of arguments and results are those of the server's signed `list_tools`; the messages given here must be
/// generated from the same contract.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use sealwire::demo::v1::{StartLongTaskRequest, StartLongTaskResponse};
///
/// let client = sealwire::Client::new(sealwire::connect("client.json").await?);
/// let job = client.start("start_long_task", &StartLongTaskRequest { seconds: 3, payload: None }).await?;
/// let mut watch = job.watch();
/// while let Some(state) = watch.next().await {
///     println!("revision {}", state?.revision);
/// }
/// let output: StartLongTaskResponse = job.result().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
}

/// How one call is made.
#[derive(Clone, Debug, Default)]
pub struct CallOptions {
    request_id: Option<String>,
    timeout: Option<Duration>,
    definition_digest: Option<String>,
}

impl CallOptions {
    /// Names the intent, 1 to 128 printable ASCII characters without spaces: calls with the same id are carried out once
    /// and get the same outcome. Default: a new UUID.
    #[must_use]
    pub fn request_id(self, request_id: impl Into<String>) -> Self {
        Self { request_id: Some(request_id.into()), ..self }
    }

    /// The longest time of the call with all its attempts. Default: that of the channel until the answer or the acceptance
    /// of the job, and no limit for the job.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// Accepts one definition of the tool only: what [`definition_digest`](crate::definition_digest) returns. It is for one
    /// call what [`Builder::pins`](crate::Builder::pins) is for a channel, and replaces it.
    #[must_use]
    pub fn definition_digest(self, digest: impl Into<String>) -> Self {
        Self { definition_digest: Some(digest.into()), ..self }
    }
}

impl Client {
    /// Makes a client that shares the connections of the channel.
    #[must_use]
    pub fn new(channel: Channel) -> Self {
        Self { channel }
    }

    /// Calls a tool and returns its output. Of a job tool it starts the job and waits for its output.
    ///
    /// # Errors
    ///
    /// A status as that of an ordinary stub; [`error_of`](crate::error_of) has the error of the server.
    pub async fn call<Q: Message, R: Message + Default>(&self, tool: &str, request: &Q) -> Result<R, Status> {
        self.call_with(tool, request, CallOptions::default()).await.map(tonic::Response::into_inner)
    }

    /// Like [`call`](Self::call), with options. The ids of the call are in the metadata of the answer, as with a stub.
    ///
    /// # Errors
    ///
    /// As of [`call`](Self::call); `INVALID_ARGUMENT` for a request id or a definition digest that cannot be used.
    pub async fn call_with<Q: Message, R: Message + Default>(
        &self,
        tool: &str,
        request: &Q,
        options: CallOptions,
    ) -> Result<tonic::Response<R>, Status> {
        let deadline = Deadline::after(options.timeout);
        let Answer { method, known, response } = self.send(tool, request, &options, &deadline).await?;
        let (known, output) = if let Some(result) = response.result {
            let output = check_type(&result, &method).and_then(|()| decode(&result.value));
            let output = output.map_err(|problem| known.failure_of_call(problem))?;
            (known, output)
        } else {
            let job = self.job_in(known.clone(), response)?;
            let left = deadline.ends_at.map(|end| end.saturating_duration_since(std::time::Instant::now()));
            let output = job.result_within(left).await?;
            (KnownCall { job_id: Some(job.id().to_owned()), ..known }, output)
        };
        let mut ids = http::HeaderMap::new();
        known.write_ids(&mut ids);
        let (metadata, extensions) = (MetadataMap::from_headers(ids), tonic::Extensions::default());
        Ok(tonic::Response::from_parts(metadata, output, extensions))
    }

    /// Starts a job.
    ///
    /// # Errors
    ///
    /// As of [`call`](Self::call).
    pub async fn start<Q: Message>(&self, tool: &str, request: &Q) -> Result<Job, Status> {
        self.start_with(tool, request, CallOptions::default()).await
    }

    /// Like [`start`](Self::start), with options. The time bounds the start alone.
    ///
    /// # Errors
    ///
    /// As of [`call_with`](Self::call_with).
    pub async fn start_with<Q: Message>(&self, tool: &str, request: &Q, options: CallOptions) -> Result<Job, Status> {
        let deadline = Deadline::after(options.timeout);
        let Answer { known, response, .. } = self.send(tool, request, &options, &deadline).await?;
        self.job_in(known, response)
    }

    /// A job by its id. Sends no request.
    #[must_use]
    pub fn job(&self, id: impl Into<String>) -> Job {
        let Native { connection, contracts } = &*self.channel.native;
        Job::new(connection.clone(), contracts.clone(), id.into())
    }

    /// One page of this client's jobs, newest first. `page_size` is 0 (50) to 500; give `next_page_token` back as
    /// `page_token` until it is empty.
    ///
    /// # Errors
    ///
    /// As of [`call`](Self::call).
    pub async fn list_jobs(&self, request: ListJobsRequest) -> Result<ListJobsResponse, Status> {
        self.call_system("list_jobs", &request).await
    }

    /// Watches all jobs of this client in one stream: each open job, then every newer state of these and of new jobs, until
    /// it is dropped. `tool`: jobs of this tool alone. `ended_since`: also jobs that ended then or later, by the server's
    /// clock. From the first state on no end of a job is missed. The watch resumes by itself.
    #[must_use]
    pub fn watch_jobs(&self, tool: Option<&str>, ended_since: Option<Timestamp>) -> JobWatch {
        let connection = self.connection();
        let watched = WatchedJobs::new(tool.unwrap_or_default().to_owned(), ended_since, heartbeat_ms(connection));
        let follow = Follow::new(connection.clone(), watched, Deadline::after(None), None);
        JobWatch::new(follow, repeatable("watch_jobs"), |job| job)
    }

    /// The tools that this client may call; with descriptors also their contract.
    ///
    /// # Errors
    ///
    /// As of [`call`](Self::call).
    pub async fn list_tools(&self, include_descriptors: bool) -> Result<ListToolsResponse, Status> {
        self.call_system("list_tools", &ListToolsRequest { include_descriptors }).await
    }

    /// Asks the server who it is, and compares its id and the fingerprint of its secret with the credentials.
    ///
    /// # Errors
    ///
    /// `DATA_LOSS` if they differ; otherwise as of [`call`](Self::call).
    pub async fn identity(&self) -> Result<ServerIdentityResponse, Status> {
        let before = self.connection().source.current();
        let identity: ServerIdentityResponse = self.call_system("server_identity", &ServerIdentityRequest {}).await?;
        // The credentials may have been replaced meanwhile; the server names the secret of those that signed.
        let now = self.connection().source.current();
        let fingerprints = [&before.server_fingerprint, &now.server_fingerprint];
        if identity.server_id == now.server_id && fingerprints.contains(&&identity.fingerprint) {
            return Ok(identity);
        }
        let (id, fingerprint, wanted) = (&identity.server_id, &identity.fingerprint, &now.server_fingerprint);
        let text = format!("the server is {id} with fingerprint {fingerprint}, the credentials name {wanted}");
        Err(repeatable("server_identity").failure_of_call(Problem::unverified(&Unverified::new(text))))
    }

    async fn send(
        &self,
        tool: &str,
        request: &impl Message,
        options: &CallOptions,
        deadline: &Deadline,
    ) -> Result<Answer, Status> {
        let request_id = options.request_id.clone().unwrap_or_else(random::uuid);
        if !is_identifier(&request_id) {
            let message = "The request id must be 1 to 128 printable ASCII characters without spaces.";
            return Err(failure_before(Problem::bad_call(tonic::Code::InvalidArgument, message)));
        }
        let pin = options.definition_digest.as_deref();
        if pin.is_some_and(|pin| !is_digest(pin)) {
            let message = "The definition digest must be 64 lower-case hex digits, as definition_digest returns.";
            return Err(failure_before(Problem::bad_call(tonic::Code::InvalidArgument, message)));
        }
        let connection = self.connection();
        let found = deadline.run(self.channel.native.contracts.by_tool(tool, pin)).await;
        let not_found_in_time = || Err(Problem::time_up("The time was up before the call began.").not_begun());
        let (method, definition_digest) = found.unwrap_or_else(not_found_in_time).map_err(failure_before)?;
        let known = KnownCall {
            tool: tool.into(),
            repeatable: method.repeatable,
            request_id: request_id.clone(),
            job_id: None,
        };
        let (tool, input) = (method.tool.clone(), method.input.clone());
        let args = request.encode_to_vec().into();
        let intent = Intent { tool, input, args, request_id, trace: None, definition_digest };
        let overall = deadline.or_earlier(Deadline::after(Some(connection.options.timeout)));
        match call_tool(connection, &intent, &overall).await {
            Ok(Response { ok: false, result: None, error: Some(error), .. }) => {
                Err(known.failure_of_tool(Problem::signed(error)))
            }
            Ok(response) => Ok(Answer { method, known, response }),
            Err(problem) if problem.is_time_up && deadline.has_passed() => Err(known.failure_in_time(problem)),
            Err(problem) => Err(known.failure_of_call(problem)),
        }
    }

    fn job_in(&self, known: KnownCall, response: Response) -> Result<Job, Status> {
        if let Some(job) = response.job {
            Ok(self.job(job.job_id.clone()).started(known.request_id, job))
        } else {
            let message = format!("The answer of {} holds neither a result nor a job.", known.tool);
            Err(known.failure_of_call(Problem::invalid(message)))
        }
    }

    async fn call_system<Q: Message + Name, R: Message + Name + Default>(
        &self,
        tool: &str,
        request: &Q,
    ) -> Result<R, Status> {
        let known = repeatable(tool);
        let (input, args) = encoded(request);
        let intent = Intent::of_system(tool, input, args, known.request_id.clone());
        let deadline = Deadline::after(Some(self.connection().options.timeout));
        let answer = call_tool(self.connection(), &intent, &deadline).await;
        let result = answer.and_then(|response| crate::typed::result_of(tool, response));
        result.and_then(|result| decoded(&result)).map_err(|problem| known.failure_of_call(problem))
    }

    fn connection(&self) -> &Arc<Connection> {
        &self.channel.native.connection
    }
}

/// A verified answer, ok or with a result.
struct Answer {
    method: Arc<ToolMethod>,
    known: KnownCall,
    response: Response,
}

fn check_type(result: &Any, method: &ToolMethod) -> Result<(), Problem> {
    if result.type_url == *method.output { Ok(()) } else { Err(wrong_type(result, &method.output)) }
}

/// A call that does no harm when it is executed twice.
fn repeatable(tool: &str) -> KnownCall {
    KnownCall { tool: tool.into(), repeatable: true, request_id: random::uuid(), job_id: None }
}
