//! Jobs by their id.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::stream;
use prost::{Message, Name};
use prost_types::Any;
use tonic::Status;

use crate::attempt::Intent;
use crate::connection::Connection;
use crate::contract_cache::ContractCache;
use crate::deadline::Deadline;
use crate::native::serve::heartbeat_ms;
use crate::problem::Problem;
use crate::random;
use crate::status::KnownCall;
use crate::system::v1::{CancelJobRequest, CancelJobResponse, PollJobRequest, PollJobResponse};
use crate::tool_call::call_tool;
use crate::typed::{decode, encoded, wrong_type};
use crate::v1;
use crate::watch::answer::{AboutJob, JobAnswer, check_succession, error_of_job, is_terminal, read_job_answer};
use crate::watch::follow::{Follow, Watched};
use crate::watch::one_job::WatchedJob;

/// One job of this client. It has no state on the server: it may be dropped, and made again from the id by
/// [`Client::job`](crate::Client::job), also in another process with credentials of the same client.
///
/// Every method fails with `NOT_FOUND` (`JOB_NOT_FOUND`) if this client does not own the job, or it was removed.
#[derive(Clone)]
pub struct Job {
    connection: Arc<Connection>,
    contracts: Arc<ContractCache>,
    id: String,
    request_id: Option<String>,
    latest: Arc<Mutex<Latest>>,
}

/// The newest that is known of a job.
#[derive(Default)]
struct Latest {
    job: Option<v1::Job>,
    output: Option<Any>,
}

impl Job {
    pub(crate) fn new(connection: Arc<Connection>, contracts: Arc<ContractCache>, id: String) -> Self {
        Self { connection, contracts, id, request_id: None, latest: Arc::default() }
    }

    pub(crate) fn started(self, request_id: String, job: v1::Job) -> Self {
        self.note(&JobAnswer { job, output: None });
        Self { request_id: Some(request_id), ..self }
    }

    /// The id of the job.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The request id with which it was started, of a job that this client has started or asked for.
    #[must_use]
    pub fn request_id(&self) -> Option<String> {
        self.request_id.clone().or_else(|| self.latest().map(|job| job.request_id))
    }

    /// The newest state that was received; sends no request.
    #[must_use]
    pub fn latest(&self) -> Option<v1::Job> {
        self.lock().job.clone()
    }

    /// Asks for the state of the job once.
    ///
    /// # Errors
    ///
    /// As of a call: `NOT_FOUND`, `UNAVAILABLE`, `DATA_LOSS` and others.
    pub async fn state(&self) -> Result<v1::Job, Status> {
        let request =
            PollJobRequest { job_id: self.id.clone(), wait_ms: 0, after_revision: 0, include_attempts: false };
        let known = self.latest().map(|job| (job.revision, job.state));
        let answer = ask::<_, PollJobResponse>(&self.connection, "poll_job", &self.id, &request, None).await;
        let answer = answer.and_then(|answer| check_succession(known, &answer.job).map(|()| answer));
        self.noted(answer)
    }

    /// Watches the job: its current state, then each newer revision, to the terminal state. Progress may be merged. The
    /// watch resumes by itself if the connection breaks, the server drains or becomes silent. Dropping it ends it; the job
    /// goes on.
    #[must_use]
    pub fn watch(&self) -> JobWatch {
        self.watch_after(0)
    }

    /// Like [`watch`](Self::watch), with the newest revision that the caller knows: only newer ones, and the terminal one,
    /// are given.
    #[must_use]
    pub fn watch_after(&self, revision: i64) -> JobWatch {
        let watched = self.watched(revision.max(0));
        let follow = Follow::new(self.connection.clone(), watched, Deadline::after(None), None);
        let known = self.known_call("watch_job");
        let job = self.clone();
        JobWatch::new(follow, known, move |answer: JobAnswer| {
            job.note(&answer);
            answer.job
        })
    }

    /// Waits for the end of the job and returns its output. `R` is the response message of the tool's method.
    ///
    /// # Errors
    ///
    /// The job's own error if it has failed or was cancelled. `UNKNOWN` (`OUTCOME_UNKNOWN`) if the watch had to give up
    /// and the job goes on.
    pub async fn result<R: Message + Default>(&self) -> Result<R, Status> {
        self.result_within(None).await
    }

    /// Like [`result`](Self::result), for this time at most; `DEADLINE_EXCEEDED` after it. The job goes on.
    ///
    /// # Errors
    ///
    /// As of [`result`](Self::result).
    pub async fn result_within<R: Message + Default>(&self, limit: Option<Duration>) -> Result<R, Status> {
        let known = self.known_call("watch_job");
        let deadline = Deadline::after(limit);
        let output = match self.wait(deadline).await {
            Ok(Ok(output)) => output,
            Ok(Err(problem)) => return Err(known.failure_of_tool(problem)),
            Err(problem) if problem.is_time_up => return Err(known.failure_in_time(problem)),
            Err(problem) => return Err(known.failure_of_call(problem)),
        };
        let checked = deadline.run(self.check_type(&output)).await;
        let checked = checked.ok_or_else(|| {
            let ms = deadline.limit.as_millis();
            let message = format!("The type of the output of job {} was not known within {ms} ms.", self.id);
            known.failure_in_time(Problem::time_up(message))
        })?;
        checked.map_err(|problem| known.failure_of_call(problem))?;
        decode(&output.value).map_err(|problem| known.failure_of_call(problem))
    }

    /// Asks the job to stop, and returns its state after that: a queued job is cancelled at once, a running one soon, one
    /// that has ended does not change. Asking again changes nothing.
    ///
    /// # Errors
    ///
    /// As of [`state`](Self::state).
    pub async fn cancel(&self) -> Result<v1::Job, Status> {
        let answer = cancel_job(&self.connection, &self.id, None).await;
        self.noted(answer)
    }

    /// The outer error is one of the watch, the inner one that of the job.
    async fn wait(&self, deadline: Deadline) -> Result<Result<Any, Problem>, Problem> {
        if let Some(outcome) = self.outcome() {
            return Ok(outcome);
        }
        let mut follow = Follow::new(self.connection.clone(), self.watched(0), deadline, None);
        while let Some(answer) = follow.next().await? {
            self.note(&answer);
        }
        Ok(self
            .outcome()
            .unwrap_or_else(|| Err(Problem::invalid(format!("Job {} ended without an outcome.", self.id)))))
    }

    fn outcome(&self) -> Option<Result<Any, Problem>> {
        let latest = self.lock();
        let failed = latest.job.as_ref().and_then(error_of_job).map(Err);
        failed.or_else(|| latest.output.clone().map(Ok))
    }

    /// Compares the type of the output with the tool's contract, as far as the server still lists it.
    async fn check_type(&self, output: &Any) -> Result<(), Problem> {
        let Some(tool) = self.latest().map(|job| job.tool) else { return Ok(()) };
        match self.contracts.described(&tool).await {
            Ok(method) if *method.output != output.type_url => Err(wrong_type(output, &method.output)),
            _ => Ok(()),
        }
    }

    fn watched(&self, after_revision: i64) -> WatchedJob {
        let is_known = self.lock().job.is_some();
        WatchedJob::new(self.id.clone(), is_known, after_revision, heartbeat_ms(&self.connection))
    }

    fn known_call(&self, tool: &str) -> KnownCall {
        let request_id = self.request_id().unwrap_or_default();
        KnownCall { tool: tool.into(), repeatable: false, request_id, job_id: Some(self.id.clone()) }
    }

    fn noted(&self, answer: Result<JobAnswer, Problem>) -> Result<v1::Job, Status> {
        let repeatable = KnownCall { repeatable: true, ..self.known_call("poll_job") };
        let answer = answer.map_err(|problem| repeatable.failure_of_call(problem))?;
        self.note(&answer);
        Ok(answer.job)
    }

    /// Keeps the newest state. Answers to concurrent calls may arrive in any order.
    fn note(&self, answer: &JobAnswer) {
        let mut latest = self.lock();
        if latest.job.as_ref().is_none_or(|known| answer.job.revision >= known.revision) {
            latest.job = Some(answer.job.clone());
        }
        if answer.output.is_some() && is_terminal(answer.job.state()) {
            latest.output.clone_from(&answer.output);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Latest> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Job").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A watch of jobs: a [`Stream`] of their states, each verified. Nothing comes after an error. Dropping it ends the watch
/// and leaves nothing behind.
pub struct JobWatch {
    stream: Pin<Box<dyn Stream<Item = Result<v1::Job, Status>> + Send>>,
}

impl JobWatch {
    pub(crate) fn new<W>(
        follow: Follow<W>,
        known: KnownCall,
        job_of: impl Fn(W::Item) -> v1::Job + Send + 'static,
    ) -> Self
    where
        W: Watched + Send + 'static,
        W::Item: Send,
    {
        let stream = stream::unfold(Some((follow, known, job_of)), |state| async move {
            let (mut follow, known, job_of) = state?;
            match follow.next().await {
                Ok(item) => {
                    let job = job_of(item?);
                    Some((Ok(job), Some((follow, known, job_of))))
                }
                Err(problem) => Some((Err(known.failure_of_call(problem)), None)),
            }
        });
        Self { stream: Box::pin(stream) }
    }

    /// The next state; `None` after the last one.
    pub async fn next(&mut self) -> Option<Result<v1::Job, Status>> {
        std::future::poll_fn(|context| self.stream.as_mut().poll_next(context)).await
    }
}

impl Stream for JobWatch {
    type Item = Result<v1::Job, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.stream.as_mut().poll_next(context)
    }
}

impl std::fmt::Debug for JobWatch {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("JobWatch").finish_non_exhaustive()
    }
}

/// Asks a job to stop.
pub(crate) async fn cancel_job(
    connection: &Connection,
    job_id: &str,
    limit: Option<Duration>,
) -> Result<JobAnswer, Problem> {
    let request = CancelJobRequest { job_id: job_id.to_owned() };
    ask::<_, CancelJobResponse>(connection, "cancel_job", job_id, &request, limit).await
}

async fn ask<Q: Message + Name, R: AboutJob>(
    connection: &Connection,
    tool: &str,
    job_id: &str,
    request: &Q,
    limit: Option<Duration>,
) -> Result<JobAnswer, Problem> {
    let (input, args) = encoded(request);
    let intent = Intent::of_system(tool, input, args, random::uuid());
    let deadline = Deadline::after(Some(limit.unwrap_or(connection.options.timeout)));
    read_job_answer::<R>(job_id, call_tool(connection, &intent, &deadline).await?)
}
