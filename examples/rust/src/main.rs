//! Calls the demo tools of a server: `sealwire-example CREDENTIALS`.

use std::{env, error::Error, ops::ControlFlow, process::ExitCode};

use prost::Name;
use prost_types::{Struct, Value, value::Kind};
use sealwire_example::client::Client;
use sealwire_example::contract::sealwire::demo::v1::{
    BatchSumRequest, BatchSumResponse, StartLongTaskRequest, StartLongTaskResponse,
};
use sealwire_example::contract::sealwire::system::v1::{
    CancelJobRequest, CancelJobResponse, ServerIdentityRequest, ServerIdentityResponse, WatchJobResponse,
};
use sealwire_example::contract::sealwire::v1::{Job, JobState};
use sealwire_example::credentials::Credentials;
use sealwire_example::failure::Failure;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(path) = env::args().nth(1) else {
        eprintln!("usage: sealwire-example CREDENTIALS");
        return ExitCode::from(2);
    };
    match run(&path).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(path: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::new(Credentials::read(path)?)?;
    identify(&client).await?;
    add_up(&client).await?;
    follow_a_job(&client).await?;
    cancel_a_job(&client).await
}

async fn identify(client: &Client) -> Result<(), Box<dyn Error>> {
    let identity: ServerIdentityResponse = client.call("server_identity", &ServerIdentityRequest {}).await?;
    if identity.fingerprint != client.credentials().server_fingerprint {
        return Err("the server's fingerprint is not the one in the credentials".into());
    }
    println!("server {}, fingerprint as in the credentials", identity.server_id);
    Ok(())
}

async fn add_up(client: &Client) -> Result<(), Box<dyn Error>> {
    let request = BatchSumRequest { numbers: vec![1.0, 2.0, 3.5] };
    let sum: BatchSumResponse = client.call("batch_sum", &request).await?;
    println!("{} numbers, {} in all", sum.count, sum.total);

    let request = BatchSumRequest { numbers: vec![1.0, f64::NAN, f64::INFINITY] };
    match client.call::<BatchSumResponse>("batch_sum", &request).await {
        Err(Failure::Refused(error)) => {
            println!("refused: {}", error.reason().as_str_name().trim_start_matches("ERROR_REASON_"));
            for violation in &error.violations {
                println!("  {}: {}", violation.field, violation.rule_id);
            }
            for detail in &error.details {
                println!("  {}", detail.type_url);
            }
            Ok(())
        }
        Err(failure) => Err(failure.into()),
        Ok(_) => Err("numbers without a sum were added up".into()),
    }
}

async fn follow_a_job(client: &Client) -> Result<(), Box<dyn Error>> {
    let greeting = Value { kind: Some(Kind::StringValue("süß 🦭".into())) };
    let payload = Struct { fields: [("greeting".into(), greeting)].into() };
    let job = client.start("start_long_task", &StartLongTaskRequest { seconds: 3, payload: Some(payload) }).await?;
    let show = |job: &Job| println!("job {}, revision {}", state_of(job), job.revision);

    let running = follow(client, job, |job| {
        show(job);
        if job.state() == JobState::Running { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    let job = running.await?.job.unwrap_or_default();
    println!("watch resumed after revision {}", job.revision);
    let end = follow(client, job, |job| {
        show(job);
        ControlFlow::Continue(())
    });

    let output = end.await?.output.filter(|any| any.type_url == StartLongTaskResponse::type_url());
    let output: StartLongTaskResponse = output.ok_or("the job has no output")?.to_msg()?;
    match output.payload.unwrap_or_default().fields.remove("greeting") {
        Some(Value { kind: Some(Kind::StringValue(text)) }) => println!("greeting: {text}"),
        _ => return Err("the payload did not come back".into()),
    }
    Ok(())
}

async fn cancel_a_job(client: &Client) -> Result<(), Box<dyn Error>> {
    let job = client.start("start_long_task", &StartLongTaskRequest { seconds: 20, payload: None }).await?;
    let _: CancelJobResponse = client.call("cancel_job", &CancelJobRequest { job_id: job.job_id.clone() }).await?;
    let end = follow(client, job, |_| ControlFlow::Continue(())).await?;
    println!("second job {}", state_of(&end.job.unwrap_or_default()));
    Ok(())
}

/// Watches a job until it ends or `each` breaks. Opens a new stream after each interruption.
async fn follow(
    client: &Client,
    mut known: Job,
    each: impl Fn(&Job) -> ControlFlow<()>,
) -> Result<WatchJobResponse, Failure> {
    const PATIENCE: u32 = 20;
    let mut failures = 0;
    loop {
        let failure = match follow_stream(client, &mut known, &mut failures, &each).await {
            Err(failure) if failures < PATIENCE && failure.may_pass() => failure,
            outcome => return outcome,
        };
        failures += 1;
        tokio::time::sleep(failure.delay(failures)).await;
    }
}

/// Watches a job on one stream. `failures` is the number of previous consecutive streams without a new state.
async fn follow_stream(
    client: &Client,
    known: &mut Job,
    failures: &mut u32,
    each: impl Fn(&Job) -> ControlFlow<()>,
) -> Result<WatchJobResponse, Failure> {
    let mut watch = client.watch(known).await?;
    if *failures > 0 {
        println!("watch resumed after revision {}", known.revision);
    }
    loop {
        let update = watch.next().await?;
        let job = update.job.clone().unwrap_or_default();
        if job.revision > known.revision {
            *failures = 0;
        }
        *known = job;
        if each(known).is_break() || is_terminal(known) {
            return Ok(update);
        }
    }
}

fn is_terminal(job: &Job) -> bool {
    matches!(job.state(), JobState::Succeeded | JobState::Failed | JobState::Cancelled)
}

fn state_of(job: &Job) -> &'static str {
    job.state().as_str_name().trim_start_matches("JOB_STATE_")
}
