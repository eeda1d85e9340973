//! The body of an answer that a job gives.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::stream::{self, Stream};
use http_body::Frame;
use prost::Message;
use tonic::Status;

use super::abandon::CancelOnDrop;
use super::body::trailers;
use crate::attempt::{message_with, prefixed};
use crate::problem::Problem;
use crate::status::KnownCall;
use crate::typed::wrong_type;
use crate::v1::{Job, JobState};
use crate::watch::answer::{JobAnswer, error_of_job};
use crate::watch::follow::Follow;
use crate::watch::one_job::WatchedJob;

/// Watches a job and gives its output; of a streaming method also messages with its progress.
pub(super) struct JobBody {
    pub(super) call: KnownCall,
    pub(super) follow: Follow<WatchedJob>,
    pub(super) cancel: CancelOnDrop,
    /// The type URL of the output.
    pub(super) output: std::sync::Arc<str>,
    /// The field that reports progress in the messages of a streaming method.
    pub(super) progress: Option<u32>,
    /// The serialized progress that was sent last.
    pub(super) sent: Vec<u8>,
    pub(super) frames: VecDeque<Frame<Bytes>>,
    pub(super) is_over: bool,
}

impl JobBody {
    /// The frames of the body, to the trailers or a failure.
    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Frame<Bytes>, Status>> + Send {
        stream::unfold(self, |mut body| async move { body.next().await.map(|frame| (frame, body)) })
    }

    async fn next(&mut self) -> Option<Result<Frame<Bytes>, Status>> {
        loop {
            if let Some(frame) = self.frames.pop_front() {
                return Some(Ok(frame));
            }
            if self.is_over {
                return None;
            }
            let failure = match self.follow.next().await {
                Ok(Some(answer)) => match self.report(answer) {
                    Ok(()) => continue,
                    Err(failure) => failure,
                },
                Ok(None) => self.call.failure_of_call(Problem::invalid("The watch ended without an outcome.")),
                Err(problem) if problem.is_time_up => {
                    // A caller whose time is up has abandoned the call.
                    self.cancel.fire();
                    self.is_over = true;
                    return Some(Err(self.call.failure_in_time(problem)));
                }
                Err(problem) => self.call.failure_of_call(problem),
            };
            self.cancel.disarm();
            self.is_over = true;
            return Some(Err(failure));
        }
    }

    /// Adds what a state of the job gives to the frames.
    fn report(&mut self, JobAnswer { job, output }: JobAnswer) -> Result<(), Status> {
        if let Some(output) = output {
            self.cancel.disarm();
            self.is_over = true;
            if output.type_url != *self.output {
                return Err(self.call.failure_of_call(wrong_type(&output, &self.output)));
            }
            self.frames.push_back(Frame::data(prefixed(&output.value)));
            self.frames.push_back(Frame::trailers(trailers(&self.call)));
            return Ok(());
        }
        if let Some(problem) = error_of_job(&job) {
            return Err(self.call.failure_of_tool(problem));
        }
        self.report_progress(&job);
        Ok(())
    }

    /// Adds the progress if there is any, and it differs from the last one.
    fn report_progress(&mut self, job: &Job) {
        let (Some(field), Some(progress), JobState::Running) = (self.progress, &job.progress, job.state()) else {
            return;
        };
        let encoded = progress.encode_to_vec();
        if encoded != self.sent {
            self.frames.push_back(Frame::data(prefixed(&message_with(field, &encoded))));
            self.sent = encoded;
        }
    }
}
