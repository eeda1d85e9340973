//! The time limit of an operation.

use std::future::Future;
use std::time::{Duration, Instant};

/// When an operation has to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) ends_at: Option<Instant>,
    /// The whole time, for messages.
    pub(crate) limit: Duration,
}

impl Deadline {
    /// `None`: no limit.
    pub(crate) fn after(limit: Option<Duration>) -> Self {
        let ends_at = limit.and_then(|limit| Instant::now().checked_add(limit));
        Self { ends_at, limit: limit.unwrap_or_default() }
    }

    /// The earlier of two.
    pub(crate) fn or_earlier(self, other: Self) -> Self {
        match (self.ends_at, other.ends_at) {
            (Some(own), Some(others)) if others < own => other,
            (None, _) => other,
            _ => self,
        }
    }

    pub(crate) fn has_passed(&self) -> bool {
        self.ends_at.is_some_and(|end| Instant::now() >= end)
    }

    /// True if so much time is left.
    pub(crate) fn allows(&self, delay: Duration) -> bool {
        self.ends_at.is_none_or(|end| delay < end.saturating_duration_since(Instant::now()))
    }

    /// The output of a future; `None` if the time is up before.
    pub(crate) async fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        match self.ends_at {
            Some(end) => tokio::time::timeout_at(end.into(), future).await.ok(),
            None => Some(future.await),
        }
    }
}
