//! A watch over one or more streams. One that breaks, becomes silent or is truncated is resumed with a new signature.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use crate::attempt::{Attempt, Intent};
use crate::connection::{Connection, RENEWALS_MOST};
use crate::deadline::Deadline;
use crate::problem::Problem;
use crate::random;
use crate::retry::Retries;
use crate::trace_context::TraceContext;
use crate::v1::Response;
use crate::watch::stream::{End, WatchStream};

/// The request of one stream: tool, type URL and bytes of the arguments.
pub(crate) struct WatchRequest {
    pub(crate) tool: &'static str,
    pub(crate) input: Arc<str>,
    pub(crate) args: Bytes,
}

/// The content of one verified message.
pub(crate) struct Update<Item> {
    /// What is given to the caller.
    pub(crate) items: Vec<Item>,
    /// False for a heartbeat.
    pub(crate) is_news: bool,
    /// True of the last message.
    pub(crate) is_over: bool,
}

/// What is watched. Keeps its position, so that the next stream resumes there.
pub(crate) trait Watched {
    type Item;

    /// True if the server has confirmed the target before the watch.
    fn is_known(&self) -> bool;

    /// The request for the next stream. `is_truncated`: the stream before ended with OK, too early.
    fn request(&mut self, is_first: bool, is_truncated: bool) -> WatchRequest;

    /// Reads a verified message. Fails if it contradicts an earlier one.
    fn read(&mut self, response: Response) -> Result<Update<Self::Item>, Problem>;

    /// The failure when the time of the watch is over.
    fn time_up(&self, deadline: &Deadline) -> Problem {
        let ms = deadline.limit.as_millis();
        Problem::time_up(format!("The {ms} ms of this watch are over; the jobs go on."))
    }
}

/// A running watch. Dropping it ends it.
pub(crate) struct Follow<W: Watched> {
    connection: Arc<Connection>,
    pub(crate) watched: W,
    deadline: Deadline,
    request_id: String,
    trace: Option<TraceContext>,
    items: VecDeque<W::Item>,
    stream: Option<WatchStream>,
    is_first: bool,
    is_truncated: bool,
    is_over: bool,
    verified_at: Option<Instant>,
    renewals: u32,
    retries: Retries,
}

impl<W: Watched> Follow<W> {
    pub(crate) fn new(
        connection: Arc<Connection>,
        watched: W,
        deadline: Deadline,
        trace: Option<TraceContext>,
    ) -> Self {
        let verified_at = watched.is_known().then(Instant::now);
        let retries = Retries::new(&connection.options.retry);
        Self {
            connection,
            watched,
            deadline,
            request_id: random::uuid(),
            trace,
            items: VecDeque::new(),
            stream: None,
            is_first: true,
            is_truncated: false,
            is_over: false,
            verified_at,
            renewals: 0,
            retries,
        }
    }

    /// The next item; `Ok(None)` after the last. Nothing comes after a failure.
    pub(crate) async fn next(&mut self) -> Result<Option<W::Item>, Problem> {
        if let Some(item) = self.items.pop_front() {
            return Ok(Some(item));
        }
        if self.is_over {
            return Ok(None);
        }
        let deadline = self.deadline;
        let next = deadline.run(self.advance()).await.unwrap_or_else(|| Err(self.watched.time_up(&deadline)));
        if next.is_err() || self.is_over {
            self.is_over = true;
            self.stream = None;
        }
        next.map(|()| self.items.pop_front())
    }

    /// Receives messages until there is an item, or the watch is over.
    async fn advance(&mut self) -> Result<(), Problem> {
        let connection = self.connection.clone();
        while self.items.is_empty() && !self.is_over {
            let mut stream = match self.stream.take() {
                Some(stream) => stream,
                None => self.open()?,
            };
            match stream.next(&connection, &self.deadline).await {
                Ok(response) => {
                    let Update { items, is_news, is_over } = self.watched.read(response)?;
                    self.verified_at = Some(Instant::now());
                    self.renewals = 0;
                    if is_news {
                        self.retries.reset();
                    }
                    self.items.extend(items);
                    self.is_over = is_over;
                    self.stream = Some(stream);
                }
                // Drops the stream, which ends it.
                Err(end) => self.pause(end, stream.attempt).await?,
            }
        }
        Ok(())
    }

    fn open(&mut self) -> Result<WatchStream, Problem> {
        let WatchRequest { tool, input, args } = self.watched.request(self.is_first, self.is_truncated);
        self.is_first = false;
        let (request_id, trace) = (self.request_id.clone(), self.trace.clone());
        WatchStream::new(&self.connection, &Intent { trace, ..Intent::of_system(tool, input, args, request_id) })
    }

    /// Waits before the next stream. Fails if the watch is not resumed.
    async fn pause(&mut self, end: End, attempt: Attempt) -> Result<(), Problem> {
        self.is_truncated = matches!(end, End::Truncated);
        let (connection, retries, failure) = (&self.connection, &mut self.retries, end.into_failure());
        if self.renewals < RENEWALS_MOST && connection.renew(&attempt.credentials, &failure) {
            self.renewals += 1;
            return Ok(());
        }
        let correct_clock = || connection.adopt_clock(&attempt, &failure);
        let alternatives = connection.replicas.alternatives();
        let delay = retries.delay_after(&failure, alternatives, self.deadline.ends_at, correct_clock);
        // Before the first verified message the limits of a call apply.
        let may_resume = failure.tells_delay()
            || self.verified_at.map_or(retries.attempts_left(), |at| at.elapsed() < connection.options.resume_for);
        let delay = delay.filter(|&delay| may_resume && self.deadline.allows(delay));
        let Some(delay) = delay else { return Err(retries.final_problem(failure)) };
        tokio::time::sleep(delay).await;
        Ok(())
    }
}
