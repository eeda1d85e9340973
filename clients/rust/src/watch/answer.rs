//! Verified answers about a job.

use prost::{Message, Name};
use prost_types::Any;

use crate::problem::Problem;
use crate::system::v1::{CancelJobResponse, PollJobResponse, WatchJobResponse};
use crate::typed::decoded;
use crate::v1::{self, ErrorReason, Job, JobState, Response, Status};

/// A job, and its output if it has succeeded.
#[derive(Clone, Debug)]
pub(crate) struct JobAnswer {
    pub(crate) job: Job,
    pub(crate) output: Option<Any>,
}

/// The answers of the system tools that answer with a job.
pub(crate) trait AboutJob: Message + Name + Default {
    fn parts(self) -> (Option<Job>, Option<Any>);
}

impl AboutJob for PollJobResponse {
    fn parts(self) -> (Option<Job>, Option<Any>) {
        (self.job, self.output)
    }
}

impl AboutJob for WatchJobResponse {
    fn parts(self) -> (Option<Job>, Option<Any>) {
        (self.job, self.output)
    }
}

impl AboutJob for CancelJobResponse {
    fn parts(self) -> (Option<Job>, Option<Any>) {
        (self.job, self.output)
    }
}

/// Reads a verified answer about the job that was asked for. Fails if it is about another, or contradicts itself.
pub(crate) fn read_job_answer<M: AboutJob>(job_id: &str, response: Response) -> Result<JobAnswer, Problem> {
    let status = response.status();
    let result = match response {
        Response { result: Some(result), .. } => result,
        Response { error: Some(error), .. } => return Err(Problem::signed(error)),
        Response { .. } => return Err(Problem::invalid(format!("The answer about job {job_id} holds no result."))),
    };
    let (job, output) = decoded::<M>(&result)?.parts();
    let job = job.filter(|job| job.job_id == job_id);
    let job = job.ok_or_else(|| Problem::invalid(format!("Asked for job {job_id}, the answer is about another.")))?;
    check_state(&job)?;
    let state = job.state();
    if status_of(state) != status || (state == JobState::Succeeded) != output.is_some() {
        return Err(Problem::invalid(format!("The answer about job {job_id} in state {state:?} contradicts itself.")));
    }
    Ok(JobAnswer { job, output })
}

/// Fails for a state that this package does not know.
pub(crate) fn check_state(job: &Job) -> Result<(), Problem> {
    match JobState::try_from(job.state) {
        Ok(JobState::Unspecified) | Err(_) => {
            Err(Problem::invalid(format!("Job {} is in state {}, which is not known here.", job.job_id, job.state)))
        }
        Ok(_) => Ok(()),
    }
}

/// Fails if `next` cannot follow `known`: revisions never fall and terminal states never change.
pub(crate) fn check_succession(known: Option<(i64, i32)>, next: &Job) -> Result<(), Problem> {
    let Some((revision, state)) = known else { return Ok(()) };
    let id = &next.job_id;
    if next.revision < revision {
        return Err(Problem::invalid(format!("Job {id} falls from revision {revision} to {}.", next.revision)));
    }
    if next.revision == revision && next.state != state {
        return Err(Problem::invalid(format!("Job {id} changes its state without a new revision.")));
    }
    if next.revision > revision && is_terminal(JobState::try_from(state).unwrap_or_default()) {
        return Err(Problem::invalid(format!("Job {id} goes on to revision {} after its end.", next.revision)));
    }
    Ok(())
}

pub(crate) fn is_terminal(state: JobState) -> bool {
    matches!(state, JobState::Succeeded | JobState::Failed | JobState::Cancelled)
}

/// The error of a failed or cancelled job; `None` while it runs and after success.
pub(crate) fn error_of_job(job: &Job) -> Option<Problem> {
    let state = job.state();
    let (reason, code, what) = match state {
        JobState::Cancelled => (ErrorReason::Cancelled, tonic::Code::Cancelled, "was cancelled"),
        JobState::Failed => (ErrorReason::Internal, tonic::Code::Internal, "failed and the server does not say why"),
        _ => return None,
    };
    Some(match &job.error {
        Some(error) => Problem::signed(v1::Error::clone(error)),
        None => Problem::wire(reason, code, format!("Job {} {what}.", job.job_id)),
    })
}

fn status_of(state: JobState) -> Status {
    match state {
        JobState::Unspecified => Status::Unspecified,
        JobState::Queued => Status::Accepted,
        JobState::Running => Status::Running,
        JobState::Succeeded => Status::Done,
        JobState::Failed => Status::Error,
        JobState::Cancelled => Status::Cancelled,
    }
}
