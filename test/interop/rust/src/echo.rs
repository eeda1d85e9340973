//! Sends random requests to `echo` and compares what comes back.

use std::{error::Error, process::ExitCode, sync::Arc};

use prost::Message;
use sealwire_example::{client::Client, credentials::Credentials};
use tokio::task::JoinSet;

use crate::random::Random;

include!(concat!(env!("OUT_DIR"), "/interop.v1.rs"));

const AT_A_TIME: u64 = 16;

/// Prints how many requests were accepted, and how many of those came back equal.
pub async fn check(credentials: &str, count: u64, seed: u64) -> Result<ExitCode, Box<dyn Error>> {
    let client = Arc::new(Client::new(Credentials::read(credentials)?)?);
    let mut workers = JoinSet::new();
    for worker in 0..AT_A_TIME {
        let share = count / AT_A_TIME + u64::from(worker < count % AT_A_TIME);
        workers.spawn(send(client.clone(), share, Random(seed.wrapping_mul(AT_A_TIME) + worker)));
    }
    let (mut accepted, mut equal) = (0, 0);
    while let Some(worker) = workers.join_next().await {
        let (more_accepted, more_equal) = worker?;
        accepted += more_accepted;
        equal += more_equal;
    }
    println!("{accepted} accepted, {equal} equal");
    Ok(if equal == count { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn send(client: Arc<Client>, count: u64, mut random: Random) -> (u64, u64) {
    let (mut accepted, mut equal) = (0, 0);
    for _ in 0..count {
        let request = random.request();
        match client.call::<EchoResponse>("echo", &request).await {
            Ok(response) => {
                accepted += 1;
                // Bytes tell -0 from 0 and find NaN equal to itself.
                if response.encode_to_vec() == request.encode_to_vec() {
                    equal += 1;
                } else {
                    eprintln!("sent {request:?}, got {response:?}");
                }
            }
            Err(failure) => eprintln!("{failure}"),
        }
    }
    (accepted, equal)
}
