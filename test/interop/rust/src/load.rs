//! Many calls at a time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use prost::Message;
use sealwire::demo::v1::BatchSumRequest;
use sealwire::demo::v1::demo_tool_service_client::DemoToolServiceClient;
use serde_json::json;
use tokio::task::JoinSet;

use crate::channels::AnyChannel;
use crate::commands::{Answer, Command};
use crate::interop::interop_tool_service_client::InteropToolServiceClient;
use crate::random::Random;
use crate::resources::cpu_seconds;

const AT_A_TIME: u64 = 16;
const PROBLEMS_MOST: usize = 5;

/// Calls BatchSum with `[i, 1]`.
pub async fn many(command: &Command) -> Answer {
    let channel = command.channels.of(command)?;
    let count = command.number("count").unwrap_or(1);
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..command.number("concurrency").unwrap_or(1).min(count) {
        let (mut stub, next) = (DemoToolServiceClient::new(channel.clone()), next.clone());
        workers.spawn(async move {
            let (mut equal, mut problems) = (0, Vec::new());
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= count {
                    return (equal, problems);
                }
                #[allow(clippy::cast_precision_loss)]
                let number = index as f64;
                match stub.batch_sum(BatchSumRequest { numbers: vec![number, 1.0] }).await {
                    #[allow(clippy::float_cmp)]
                    Ok(sum) if sum.get_ref().count == 2 && sum.get_ref().total == number + 1.0 => equal += 1,
                    Ok(sum) => problems.push(format!("{index}: {:?}", sum.get_ref())),
                    Err(status) => problems.push(format!("{index}: {:?}: {}", status.code(), status.message())),
                }
            }
        });
    }
    tally(command, workers).await
}

/// Sends random requests to `echo`, and compares the bytes that come back, which tell -0 from 0 and find NaN equal.
pub async fn random(command: &Command) -> Answer {
    let channel = command.channels.of(command)?;
    let count = command.number("count").unwrap_or(1);
    let seed = command.number("seed").unwrap_or(0);
    let mut workers = JoinSet::new();
    for worker in 0..AT_A_TIME {
        let share = count / AT_A_TIME + u64::from(worker < count % AT_A_TIME);
        let mut stub = InteropToolServiceClient::new(channel.clone());
        let mut random = Random(seed.wrapping_mul(AT_A_TIME) + worker);
        workers.spawn(async move {
            let (mut equal, mut problems) = (0, Vec::new());
            for _ in 0..share {
                let request = random.request();
                match stub.echo(request.clone()).await {
                    Ok(response) if response.get_ref().encode_to_vec() == request.encode_to_vec() => equal += 1,
                    Ok(response) => problems.push(format!("sent {request:?}, got {:?}", response.get_ref())),
                    Err(status) => problems.push(format!("{:?}: {}", status.code(), status.message())),
                }
            }
            (equal, problems)
        });
    }
    tally(command, workers).await
}

async fn tally(command: &Command, mut workers: JoinSet<(u64, Vec<String>)>) -> Answer {
    let (mut equal, mut told) = (0, 0);
    while let Some(worker) = workers.join_next().await {
        let (more, problems) = worker?;
        equal += more;
        for problem in problems {
            if told < PROBLEMS_MOST {
                command.event("problem", problem.into());
                told += 1;
            }
        }
    }
    Ok(json!({"equal": equal}))
}

/// Opens watches of a job, and leaves each after its first state.
pub async fn watches(command: &Command) -> Answer {
    let client = command.channels.client_of(command)?;
    let count = command.number("count").unwrap_or(1);
    let id = command.text("jobId")?.to_owned();
    let next = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for _ in 0..AT_A_TIME.min(count) {
        let (job, next) = (client.job(id.clone()), next.clone());
        workers.spawn(async move {
            let (mut left, mut problems) = (0, Vec::new());
            while next.fetch_add(1, Ordering::Relaxed) < count {
                match job.watch().next().await {
                    Some(Ok(_)) => left += 1,
                    Some(Err(status)) => problems.push(format!("{:?}: {}", status.code(), status.message())),
                    None => problems.push("a watch ended without a state".into()),
                }
            }
            (left, problems)
        });
    }
    let equal = tally(command, workers).await?;
    Ok(json!({"left": equal["equal"]}))
}

/// Measures calls of BatchSum, one after the other.
pub async fn measure(command: &Command) -> Answer {
    let count = command.number("count").unwrap_or(1);
    macro_rules! calls {
        ($channel:expr) => {{
            let mut stub = DemoToolServiceClient::new($channel);
            for _ in 0..count / 10 {
                stub.batch_sum(BatchSumRequest { numbers: vec![1.0, 2.0, 3.5] }).await?;
            }
            let (cpu, began) = (cpu_seconds()?, Instant::now());
            for _ in 0..count {
                stub.batch_sum(BatchSumRequest { numbers: vec![1.0, 2.0, 3.5] }).await?;
            }
            json!({"cpuSeconds": cpu_seconds()? - cpu, "seconds": began.elapsed().as_secs_f64()})
        }};
    }
    Ok(match command.channels.of(command)? {
        AnyChannel::Sealwire(channel) => calls!(channel),
        AnyChannel::Plain(channel) => calls!(channel),
    })
}
