//! One stream of a watch.

use std::time::Duration;

use crate::attempt::{Attempt, Intent};
use crate::connection::Connection;
use crate::deadline::Deadline;
use crate::endpoint::{self, Incoming, RawRequest, RawStatus, Taken};
use crate::outcome::{Failure, read_end};
use crate::problem::Problem;
use crate::signing::WATCH_JOB;
use crate::trace_context::TraceContext;
use crate::v1::Response;

/// Why a stream ended before the watch did.
pub(crate) enum End {
    /// The peer ended it with OK before the watch was complete.
    Truncated,
    /// No message came for 2.5 heartbeat intervals.
    Silent,
    Failed(Failure),
}

impl End {
    /// Counts like a failed attempt.
    pub(crate) fn into_failure(self) -> Failure {
        let broken = |message| Failure::Unverified {
            problem: Problem::unreachable(message),
            forged: false,
            unsent: true,
            away: false,
        };
        match self {
            Self::Failed(failure) => failure.of_watch(),
            Self::Silent => broken("The watch received no message or heartbeat in time."),
            Self::Truncated => broken("The stream of the watch ended early."),
        }
    }
}

/// An open stream. Dropping it cancels it.
pub(crate) struct WatchStream {
    pub(crate) attempt: Attempt,
    incoming: Option<Incoming>,
    body: Option<bytes::Bytes>,
    replica: usize,
    sequence: i64,
    silence: Duration,
    trace: Option<TraceContext>,
}

impl WatchStream {
    /// Signs the request. It is sent by the first [`next`](Self::next).
    pub(crate) fn new(connection: &Connection, intent: &Intent) -> Result<Self, Problem> {
        let (attempt, body) = connection.sign(intent, WATCH_JOB)?;
        let silence = connection.options.heartbeat_interval.mul_f64(2.5);
        let (replica, trace) = (connection.replicas.next_index(), intent.trace.clone());
        Ok(Self { attempt, incoming: None, body: Some(body), replica, sequence: 0, silence, trace })
    }

    /// The next verified message, without gaps in the sequence.
    pub(crate) async fn next(&mut self, connection: &Connection, deadline: &Deadline) -> Result<Response, End> {
        let silence = self.silence;
        let received = tokio::time::timeout(silence, self.receive(connection, deadline)).await;
        let is_up = match &received {
            Ok(Ok(_)) => true,
            Ok(Err(status)) => !status.is_connection_failure(),
            Err(_) => false,
        };
        connection.replicas.note(connection.replicas.at(self.replica), is_up);
        self.sequence += 1;
        match received {
            Err(_) => Err(End::Silent),
            Ok(Ok(None)) => Err(End::Truncated),
            Ok(Ok(Some(message))) => {
                let verified = self.attempt.verify(message, self.sequence);
                verified.map_err(|unverified| End::Failed(Failure::forged(&unverified)))
            }
            Ok(Err(status)) => Err(End::Failed(read_end(&status, &self.attempt, self.sequence))),
        }
    }

    async fn receive(
        &mut self,
        connection: &Connection,
        deadline: &Deadline,
    ) -> Result<Option<bytes::Bytes>, RawStatus> {
        if let Some(body) = self.body.take() {
            let trace = self.trace.as_ref();
            let request = RawRequest { path: WATCH_JOB, body, ends_at: deadline.ends_at, trace };
            let channel = &connection.replicas.at(self.replica).channel;
            self.incoming = Some(endpoint::open(channel, request, &Taken::default()).await?);
        }
        match &mut self.incoming {
            Some(incoming) => incoming.next().await,
            None => Ok(None),
        }
    }
}
