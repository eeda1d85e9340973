//! Signed calls of tools.

use crate::attempt::{Attempt, Intent};
use crate::connection::{Connection, RENEWALS_MOST};
use crate::deadline::Deadline;
use crate::endpoint::{self, RawRequest, Taken};
use crate::outcome::{Failure, read_answer, read_failure};
use crate::pins::explain_refused_envelope;
use crate::problem::Problem;
use crate::retry::Retries;
use crate::signing::CALL;
use crate::v1::Response;

/// Calls a tool and returns the verified answer, whether ok or not. Signs and sends as often as [`Retries`] allows.
pub(crate) async fn call_tool(
    connection: &Connection,
    intent: &Intent,
    deadline: &Deadline,
) -> Result<Response, Problem> {
    let mut retries = Retries::new(&connection.options.retry);
    let mut renewals = 0;
    loop {
        let (attempt, body) = connection.sign(intent, CALL)?;
        let taken = Taken::default();
        let Some(answer) = deadline.run(send(connection, intent, &attempt, body, deadline, &taken)).await else {
            let may_have_run = retries.may_have_run() || taken.is_set();
            return Err(if may_have_run { time_up(intent, deadline) } else { never_sent(deadline) });
        };
        let failure = match answer {
            Ok(response) => return Ok(response),
            Err(failure) => failure,
        };
        if renewals < RENEWALS_MOST && connection.renew(&attempt.credentials, &failure) {
            renewals += 1;
            retries.note(&failure);
            continue;
        }
        let alternatives = connection.replicas.alternatives();
        let correct_clock = || connection.adopt_clock(&attempt, &failure);
        let delay = retries.delay_after(&failure, alternatives, deadline.ends_at, correct_clock);
        let delay = delay.filter(|&delay| retries.allows(&failure) && deadline.allows(delay));
        let Some(delay) = delay else {
            return Err(explain_refused_envelope(retries.final_problem(failure), intent));
        };
        if !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
}

async fn send(
    connection: &Connection,
    intent: &Intent,
    attempt: &Attempt,
    body: bytes::Bytes,
    deadline: &Deadline,
    taken: &Taken,
) -> Result<Response, Failure> {
    let replica = connection.replicas.next();
    let trace = intent.trace.as_ref();
    let request = RawRequest { path: CALL, body, ends_at: deadline.ends_at, trace };
    let answer = match endpoint::unary(&replica.channel, request, taken).await {
        Ok(message) => read_answer(message, attempt),
        Err(status) => read_failure(&status, attempt, 0),
    };
    connection.replicas.note(replica, !answer.as_ref().is_err_and(Failure::is_out_of_service));
    answer
}

fn time_up(intent: &Intent, deadline: &Deadline) -> Problem {
    let (tool, ms, id) = (&intent.tool, deadline.limit.as_millis(), &intent.request_id);
    let what = format!("No verified answer from {tool} within {ms} ms");
    Problem::time_up(format!("{what}; its outcome is unknown, repeat it under the same request id {id}."))
}

/// The time was up before any attempt reached a server.
fn never_sent(deadline: &Deadline) -> Problem {
    let ms = deadline.limit.as_millis();
    let message = format!("No connection to a server within {ms} ms; the call has not begun.");
    Problem { is_time_up: true, ..Problem::unreachable(message) }.not_begun()
}
