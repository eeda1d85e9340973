//! Decides whether and when an intent is tried again (docs/protocol.md of the repository, Intents and retries).
//!
//! All attempts have the same request id, and a server executes an intent once, or the tool may run twice by its
//! declaration. So an attempt with an unknown outcome may be repeated for any tool. After a verified refusal it is
//! repeated only if the refusal is retryable.

use std::time::{Duration, Instant};

use tonic::Code;

use crate::outcome::Failure;
use crate::problem::{Problem, Reason};
use crate::random;
use crate::v1::ErrorReason;

/// Minimum delay after the connection was lost during a call, unless the longest delay is less than twice this.
const LOSS_DELAY: Duration = Duration::from_millis(500);
/// A call that cannot reach a server is given up if less time than this is left.
const LEAST_LEFT: Duration = Duration::from_millis(50);
/// Stands for "no limit".
const FOREVER: Duration = Duration::from_secs(u32::MAX as u64);

/// How calls are repeated inside. Each attempt is signed anew and has the same request id.
#[derive(Clone, Debug)]
pub struct RetryPolicy {
    pub(crate) max_attempts: u32,
    pub(crate) initial_delay: Duration,
    pub(crate) max_delay: Duration,
}

impl Default for RetryPolicy {
    /// 5 attempts; a random delay of up to 200 ms, doubled with each attempt, of up to 5 s.
    fn default() -> Self {
        Self { max_attempts: 5, initial_delay: Duration::from_millis(200), max_delay: Duration::from_secs(5) }
    }
}

impl RetryPolicy {
    /// Sets the maximum number of attempts, 1 to 100. Attempts that certainly reached no server, and those that were told
    /// a delay, are not counted. Default 5; 1 switches retries off.
    #[must_use]
    pub fn max_attempts(self, max_attempts: u32) -> Self {
        Self { max_attempts: max_attempts.clamp(1, 100), ..self }
    }

    /// Sets the upper limits of the random delay: of the first one, which doubles with each attempt, and of all. Default
    /// 200 ms and 5 s.
    #[must_use]
    pub fn delays(self, initial: Duration, max: Duration) -> Self {
        let least = Duration::from_millis(1);
        Self { initial_delay: initial.max(least), max_delay: max.max(least), ..self }
    }
}

/// The retries of one call, or of one watch.
pub(crate) struct Retries {
    policy: RetryPolicy,
    failures: u32,
    counted: u32,
    losses: u32,
    told: u32,
    clock_corrected: bool,
    may_have_run: bool,
}

impl Retries {
    pub(crate) fn new(policy: &RetryPolicy) -> Self {
        let policy = policy.clone();
        Self { policy, failures: 0, counted: 0, losses: 0, told: 0, clock_corrected: false, may_have_run: false }
    }

    /// False while it is certain that no attempt was executed.
    pub(crate) fn may_have_run(&self) -> bool {
        self.may_have_run
    }

    /// Remembers whether a failed attempt may have been executed: an unsigned refusal of a key proves nothing.
    pub(crate) fn note(&mut self, failure: &Failure) {
        self.may_have_run |= failure.may_have_run();
    }

    /// True while the number of attempts allows another.
    pub(crate) fn attempts_left(&self) -> bool {
        self.counted < self.policy.max_attempts
    }

    /// True if another attempt may follow this failure.
    pub(crate) fn allows(&self, failure: &Failure) -> bool {
        self.attempts_left() || (self.policy.max_attempts > 1 && failure.tells_delay())
    }

    /// Resets all counts, after a message has shown that the server works.
    pub(crate) fn reset(&mut self) {
        *self = Self { may_have_run: self.may_have_run, ..Self::new(&self.policy) };
    }

    /// How long to wait before the next attempt; `None` if there is none. If a server is out of service, up to
    /// `alternatives` others are tried without a delay, unless the connection was lost during the call.
    pub(crate) fn delay_after(
        &mut self,
        failure: &Failure,
        alternatives: usize,
        ends_at: Option<Instant>,
        correct_clock: impl FnOnce() -> bool,
    ) -> Option<Duration> {
        let remaining = ends_at.map_or(FOREVER, |end| end.saturating_duration_since(Instant::now()));
        self.failures += 1;
        self.note(failure);
        // A server that drains is about to go; it is waited for like one that is down.
        let is_away = failure.is_away() || failure.is_draining();
        if !is_away || self.policy.max_attempts == 1 {
            self.counted += 1;
        }
        if is_away && remaining < LEAST_LEFT {
            return None;
        }
        if failure.is_lost_in_mid_call() {
            return Some(self.delay_after_loss());
        }
        if failure.is_out_of_service() && self.failures as usize <= alternatives {
            return Some(Duration::ZERO);
        }
        let problem = match failure {
            Failure::Unverified { problem, forged, .. } => {
                return (!forged && is_passing(problem)).then(|| self.backoff(remaining));
            }
            Failure::Refusal { problem, .. } => problem,
        };
        match problem.reason {
            Reason::Wire(ErrorReason::ClockSkew) => self.correct_once(correct_clock).then_some(Duration::ZERO),
            // The nonce is unique, so the frame was delivered twice. Another attempt with the request id gets the outcome.
            Reason::Wire(ErrorReason::Replayed) => Some(self.backoff(remaining)),
            _ if !problem.is_retryable() => None,
            _ => Some(match problem.retry_delay() {
                Some(delay) => self.delay_as_told(delay, remaining),
                None => self.backoff(remaining),
            }),
        }
    }

    /// The error for the caller after the last attempt. Says whether the call may have been executed.
    pub(crate) fn final_problem(&self, failure: Failure) -> Problem {
        let is_open = self.may_have_run || failure.may_have_run();
        let mut problem = failure.into_problem();
        if problem.reason == Reason::Unreachable {
            let advice = "Check the address and that the server runs.";
            problem.message = format!("{} {advice}", problem.message);
        }
        problem.not_begun = !is_open;
        problem
    }

    /// A random delay between 0 and a limit that doubles with each failure, and at most half of the remaining time.
    fn backoff(&self, remaining: Duration) -> Duration {
        let limit = doubled(self.policy.initial_delay, self.failures.saturating_sub(1));
        limit.min(self.policy.max_delay).min(remaining / 2).mul_f64(random::fraction())
    }

    /// The call itself may have crashed the server, so it is delayed: at least half a second, doubled each time.
    fn delay_after_loss(&mut self) -> Duration {
        self.losses += 1;
        let base = doubled(LOSS_DELAY, self.losses - 1).min(self.policy.max_delay / 2);
        base.mul_f64(1.0 + random::fraction())
    }

    /// The delay that the server requested, plus a random part that grows with each repetition. It spreads clients that
    /// got the same delay, because the server could not serve all of them at the same time.
    fn delay_as_told(&mut self, delay: Duration, remaining: Duration) -> Duration {
        self.told += 1;
        let again = if self.told == 1 { Duration::ZERO } else { doubled(self.policy.initial_delay, self.told - 2) };
        let spread = delay / 4 + Duration::from_millis(10) + again;
        let spread = spread.min(self.policy.max_delay).min(remaining.saturating_sub(delay) / 2);
        delay + spread.mul_f64(random::fraction())
    }

    fn correct_once(&mut self, correct_clock: impl FnOnce() -> bool) -> bool {
        !std::mem::replace(&mut self.clock_corrected, true) && correct_clock()
    }
}

fn doubled(delay: Duration, times: u32) -> Duration {
    delay.saturating_mul(1 << times.min(16))
}

/// Unsigned statuses after which another attempt may succeed: a lost or reset connection, an overloaded or restarting
/// peer, the time limit of a gateway.
fn is_passing(problem: &Problem) -> bool {
    use Code::{Cancelled, DeadlineExceeded, Internal, ResourceExhausted, Unavailable};
    let is_too_large = problem.message.to_ascii_lowercase().contains("larger than max");
    let may_pass = matches!(problem.code, Unavailable | Internal | Cancelled | ResourceExhausted | DeadlineExceeded);
    may_pass && !is_too_large
}
