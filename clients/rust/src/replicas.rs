//! The servers of a channel: one, or several replicas of one.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tonic::transport::Channel;

use crate::random;

/// How long a server that could not be reached is passed over: doubled with each failure, up to the maximum.
const FIRST_PAUSE_MS: u64 = 100;
const LONGEST_PAUSE_MS: u64 = 5_000;

/// Distributes the calls over the servers in turn. One that fails is passed over for a while, unless all have failed.
pub(crate) struct Replicas {
    all: Vec<Replica>,
    turn: AtomicUsize,
    began: Instant,
}

/// One server.
pub(crate) struct Replica {
    pub(crate) channel: Channel,
    /// When it is called again, in milliseconds since `began`.
    resumes_at_ms: AtomicU64,
    failures: AtomicU32,
}

impl Replicas {
    pub(crate) fn new(channels: Vec<Channel>) -> Self {
        let new = |channel| Replica { channel, resumes_at_ms: AtomicU64::new(0), failures: AtomicU32::new(0) };
        // Clients that start together begin at different servers.
        let first = usize::from(u16::from_be_bytes(random::bytes()));
        let all = channels.into_iter().map(new).collect();
        Self { all, turn: AtomicUsize::new(first), began: Instant::now() }
    }

    /// The server for the next request.
    pub(crate) fn next(&self) -> &Replica {
        self.at(self.next_index())
    }

    /// The place of the server for the next request.
    pub(crate) fn next_index(&self) -> usize {
        if self.all.len() == 1 {
            return 0;
        }
        let now_ms = self.now_ms();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut in_turn = (0..self.all.len()).map(|step| first.wrapping_add(step) % self.all.len());
        let is_up = |&index: &usize| self.all[index].resumes_at_ms.load(Ordering::Relaxed) <= now_ms;
        in_turn.find(is_up).unwrap_or(first % self.all.len())
    }

    pub(crate) fn at(&self, index: usize) -> &Replica {
        &self.all[index]
    }

    /// The number of other servers that a failed attempt may try without a delay; 0 while none is in use.
    pub(crate) fn alternatives(&self) -> usize {
        let now_ms = self.now_ms();
        let is_any_up = self.all.iter().any(|replica| replica.resumes_at_ms.load(Ordering::Relaxed) <= now_ms);
        if is_any_up { self.all.len() - 1 } else { 0 }
    }

    /// Notes whether a server could be reached.
    pub(crate) fn note(&self, replica: &Replica, is_up: bool) {
        if is_up {
            if replica.failures.load(Ordering::Relaxed) > 0 {
                replica.failures.store(0, Ordering::Relaxed);
                replica.resumes_at_ms.store(0, Ordering::Relaxed);
            }
            return;
        }
        let failures = replica.failures.fetch_add(1, Ordering::Relaxed);
        let pause_ms = (FIRST_PAUSE_MS << failures.min(10)).min(LONGEST_PAUSE_MS);
        replica.resumes_at_ms.store(self.now_ms() + pause_ms, Ordering::Relaxed);
    }

    fn now_ms(&self) -> u64 {
        Duration::as_millis(&self.began.elapsed()).try_into().unwrap_or(u64::MAX)
    }
}
