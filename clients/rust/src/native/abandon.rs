//! Cancels the job of a call that its caller abandons.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::attempt::Intent;
use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::job::cancel_job;
use crate::problem::Problem;
use crate::tool_call::call_tool;
use crate::v1::Response;

/// Cancels the job when it is dropped, unless it was disarmed.
pub(super) struct CancelOnDrop {
    job: Option<(Arc<Connection>, String)>,
    /// That of the call. What is dropped may be on a thread without one.
    runtime: Option<Handle>,
}

impl CancelOnDrop {
    /// `is_armed` false: never cancels.
    pub(super) fn new(connection: Arc<Connection>, job_id: &str, is_armed: bool) -> Self {
        Self { job: is_armed.then(|| (connection, job_id.to_owned())), runtime: Handle::try_current().ok() }
    }

    pub(super) fn disarm(&mut self) {
        self.job = None;
    }

    /// Cancels the job now, unless it was disarmed.
    pub(super) fn fire(&mut self) {
        let Some((connection, job_id)) = self.job.take() else { return };
        if let Some(runtime) = &self.runtime {
            runtime.spawn(async move { cancel_job(&connection, &job_id, None).await });
        }
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.fire();
    }
}

/// The start of a job that is to be cancelled with its call. It goes on when the call is dropped, so that the id of the
/// job is known.
pub(super) struct BoundStart {
    connection: Arc<Connection>,
    runtime: Handle,
    task: Option<JoinHandle<Result<Response, Problem>>>,
}

impl BoundStart {
    pub(super) fn new(connection: Arc<Connection>, intent: Intent) -> Self {
        let own = connection.clone();
        let task = tokio::spawn(async move {
            let deadline = Deadline::after(Some(own.options.timeout));
            call_tool(&own, &intent, &deadline).await
        });
        Self { connection, runtime: Handle::current(), task: Some(task) }
    }

    /// The answer to the start.
    pub(super) async fn finish(mut self) -> Result<Response, Problem> {
        let Some(task) = &mut self.task else { return Err(Problem::invalid("The start was awaited twice.")) };
        let answer = task.await;
        self.task = None;
        answer.unwrap_or_else(|_| Err(Problem::unreachable("The runtime has stopped the call.")))
    }
}

impl Drop for BoundStart {
    fn drop(&mut self) {
        let Some(task) = self.task.take() else { return };
        let connection = self.connection.clone();
        self.runtime.spawn(async move {
            if let Ok(Ok(Response { job: Some(job), .. })) = task.await {
                let _ = cancel_job(&connection, &job.job_id, None).await;
            }
        });
    }
}
