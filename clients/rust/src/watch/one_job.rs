//! One job as the target of a watch.

use crate::deadline::Deadline;
use crate::problem::Problem;
use crate::system::v1::{WatchJobRequest, WatchJobResponse};
use crate::typed::encoded;
use crate::v1::Response;
use crate::watch::answer::{JobAnswer, check_succession, is_terminal, read_job_answer};
use crate::watch::follow::{Update, WatchRequest, Watched};

/// Yields the current state, then each newer revision. Progress may be merged. The terminal state is the last.
pub(crate) struct WatchedJob {
    job_id: String,
    is_known: bool,
    after_revision: i64,
    heartbeat_interval_ms: i32,
    known: Option<(i64, i32)>,
    yielded: i64,
}

impl WatchedJob {
    /// `is_known`: the server has confirmed the job before. `after_revision`: the newest one that the caller knows.
    pub(crate) fn new(job_id: String, is_known: bool, after_revision: i64, heartbeat_interval_ms: i32) -> Self {
        Self { job_id, is_known, after_revision, heartbeat_interval_ms, known: None, yielded: after_revision }
    }
}

impl Watched for WatchedJob {
    type Item = JobAnswer;

    fn is_known(&self) -> bool {
        self.is_known
    }

    fn request(&mut self, _is_first: bool, is_truncated: bool) -> WatchRequest {
        // A stream that was cut off may have left out the terminal state: asks for the state again.
        let after_revision = if is_truncated { (self.yielded - 1).max(0) } else { self.yielded };
        let heartbeat_interval_ms = self.heartbeat_interval_ms;
        let request = WatchJobRequest { job_id: self.job_id.clone(), after_revision, heartbeat_interval_ms };
        let (input, args) = encoded(&request);
        WatchRequest { tool: "watch_job", input, args }
    }

    fn read(&mut self, response: Response) -> Result<Update<JobAnswer>, Problem> {
        let answer = read_job_answer::<WatchJobResponse>(&self.job_id, response)?;
        let job = &answer.job;
        check_succession(self.known, job)?;
        if job.revision < self.after_revision {
            let (id, known) = (&self.job_id, self.after_revision);
            return Err(Problem::invalid(format!("Job {id} is at revision {}, below {known}.", job.revision)));
        }
        let is_news = self.known.is_none_or(|(revision, _)| job.revision > revision);
        let is_over = is_terminal(job.state());
        let is_yielded = job.revision > self.yielded || is_over;
        self.known = Some((job.revision, job.state));
        if is_yielded {
            self.yielded = job.revision;
        }
        Ok(Update { items: is_yielded.then_some(answer).into_iter().collect(), is_news, is_over })
    }

    fn time_up(&self, deadline: &Deadline) -> Problem {
        let (id, ms) = (&self.job_id, deadline.limit.as_millis());
        Problem::time_up(format!("Job {id} did not end within the {ms} ms of this watch; it goes on."))
    }
}
