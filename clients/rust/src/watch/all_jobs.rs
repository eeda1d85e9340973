//! All jobs of the client as the target of a watch.

use std::collections::HashMap;

use prost_types::Timestamp;

use crate::problem::Problem;
use crate::system::v1::{WatchJobsRequest, WatchJobsResponse};
use crate::typed::{decoded, encoded};
use crate::v1::{Job, JobState, Response, Status};
use crate::watch::answer::{check_state, check_succession, is_terminal};
use crate::watch::follow::{Update, WatchRequest, Watched};

/// Yields each open job, then every newer state of these and of new jobs. Progress may be merged.
pub(crate) struct WatchedJobs {
    tool: String,
    /// What the caller asked for, until the server says where to resume.
    ended_since: Option<Timestamp>,
    resume_time: Option<Timestamp>,
    heartbeat_interval_ms: i32,
    /// The open jobs, and the ended ones that the next stream may send again.
    known: HashMap<String, Known>,
}

struct Known {
    revision: i64,
    state: i32,
    end_time: Option<Timestamp>,
}

impl WatchedJobs {
    /// `tool`: of this tool alone, unless it is empty. `ended_since`: also jobs that ended then or later.
    pub(crate) fn new(tool: String, ended_since: Option<Timestamp>, heartbeat_interval_ms: i32) -> Self {
        Self { tool, ended_since, resume_time: None, heartbeat_interval_ms, known: HashMap::new() }
    }

    fn is_newer(&mut self, job: &Job) -> Result<bool, Problem> {
        check_state(job)?;
        if !self.tool.is_empty() && job.tool != self.tool {
            let (wanted, id, tool) = (&self.tool, &job.job_id, &job.tool);
            return Err(Problem::invalid(format!("Asked for jobs of {wanted}, watch_jobs gives {id} of {tool}.")));
        }
        let known = self.known.get(&job.job_id).map(|known| (known.revision, known.state));
        check_succession(known, job)?;
        let now = Known { revision: job.revision, state: job.state, end_time: job.end_time };
        self.known.insert(job.job_id.clone(), now);
        Ok(known.is_none_or(|(revision, _)| job.revision > revision))
    }

    /// Sets the time from which the next stream resumes, and forgets jobs that ended before.
    fn resume_from(&mut self, time: Timestamp) {
        if self.resume_time.is_some_and(|known| order(time) <= order(known)) {
            return;
        }
        self.resume_time = Some(time);
        self.known.retain(|_, known| {
            let is_over = is_terminal(JobState::try_from(known.state).unwrap_or_default());
            !is_over || order(known.end_time.unwrap_or_default()) >= order(time)
        });
    }
}

fn order(time: Timestamp) -> (i64, i32) {
    (time.seconds, time.nanos)
}

impl Watched for WatchedJobs {
    type Item = Job;

    fn is_known(&self) -> bool {
        false
    }

    fn request(&mut self, _is_first: bool, _is_truncated: bool) -> WatchRequest {
        let (tool, heartbeat_interval_ms) = (self.tool.clone(), self.heartbeat_interval_ms);
        let ended_since = self.resume_time.or(self.ended_since);
        let (input, args) = encoded(&WatchJobsRequest { tool, ended_since, heartbeat_interval_ms });
        WatchRequest { tool: "watch_jobs", input, args }
    }

    fn read(&mut self, response: Response) -> Result<Update<Job>, Problem> {
        let status = response.status();
        let result = response.result.filter(|_| status == Status::Ok);
        let result = result.ok_or_else(|| Problem::invalid("A message of watch_jobs holds no result."))?;
        let WatchJobsResponse { jobs, resume_time } = decoded(&result)?;
        let mut items = Vec::new();
        for job in jobs {
            if self.is_newer(&job)? {
                items.push(job);
            }
        }
        let time =
            resume_time.ok_or_else(|| Problem::invalid("A message of watch_jobs does not say where to resume."))?;
        self.resume_from(time);
        Ok(Update { is_news: !items.is_empty(), items, is_over: false })
    }
}

#[cfg(test)]
mod tests {
    use prost::Message;
    use prost_types::Any;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp { seconds, nanos: 0 }
    }

    fn message(resume: i64, jobs: Vec<Job>) -> Response {
        let result = Any::from_msg(&WatchJobsResponse { jobs, resume_time: Some(at(resume)) }).ok();
        Response { status: Status::Ok.into(), ok: true, result, ..Response::default() }
    }

    fn resumes_at(watched: &mut WatchedJobs) -> Option<Timestamp> {
        WatchJobsRequest::decode(watched.request(false, false).args).unwrap().ended_since
    }

    #[test]
    fn a_watch_resumes_where_the_server_says_whatever_the_caller_asked_for() {
        // The clock of the caller is ahead.
        let mut watched = WatchedJobs::new(String::new(), Some(at(1_000)), 15_000);
        assert_eq!(resumes_at(&mut watched), Some(at(1_000)));
        watched.read(message(100, Vec::new())).ok().unwrap();
        assert_eq!(resumes_at(&mut watched), Some(at(100)));
        let ended = Job {
            job_id: "j".into(),
            state: JobState::Succeeded.into(),
            revision: 3,
            end_time: Some(at(150)),
            ..Job::default()
        };
        watched.read(message(120, vec![ended])).ok().unwrap();
        assert_eq!(watched.known.len(), 1);
        watched.read(message(110, Vec::new())).ok().unwrap();
        assert_eq!(resumes_at(&mut watched), Some(at(120)));
        watched.read(message(200, Vec::new())).ok().unwrap();
        assert_eq!(watched.known.len(), 0);
    }
}
