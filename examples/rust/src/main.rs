//! Calls the demo tools of a server through ordinary stubs: `sealwire-example CREDENTIALS`.
use prost_types::{Struct, Value, value::Kind};
use sealwire::demo::v1::demo_tool_service_client::DemoToolServiceClient;
use sealwire::demo::v1::{BatchSumRequest, StartLongTaskRequest, StartLongTaskResponse};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let channel = sealwire::connect(std::env::args().nth(1).ok_or("usage: sealwire-example CREDENTIALS")?).await?;
    let (mut tools, client) = (DemoToolServiceClient::new(channel.clone()), sealwire::Client::new(channel));
    println!("server {}, fingerprint as in the credentials", client.identity().await?.server_id);

    let sum = tools.batch_sum(BatchSumRequest { numbers: vec![1.0, 2.0, 3.5] }).await?.into_inner();
    println!("{} numbers, {} in all", sum.count, sum.total);
    let refused = tools.batch_sum(BatchSumRequest { numbers: vec![1.0, f64::NAN, f64::INFINITY] }).await;
    let status = refused.err().ok_or("numbers without a sum were added up")?;
    let Some(error) = sealwire::error_of(&status) else { return Err(status.into()) };
    println!("refused: {}", error.reason().as_str_name().trim_start_matches("ERROR_REASON_"));
    error.violations.iter().for_each(|violation| println!("  {}: {}", violation.field, violation.rule_id));

    let greeting = Value { kind: Some(Kind::StringValue("süß 🦭".into())) };
    let payload = Some(Struct { fields: [("greeting".into(), greeting)].into() });
    let job = client.start("start_long_task", &StartLongTaskRequest { seconds: 3, payload }).await?;
    let mut watch = job.watch();
    while let Some(state) = watch.next().await.transpose()? {
        println!("job {}, revision {}", &state.state().as_str_name()["JOB_STATE_".len()..], state.revision);
    }
    let output: StartLongTaskResponse = job.result().await?;
    match output.payload.unwrap_or_default().fields.remove("greeting") {
        Some(Value { kind: Some(Kind::StringValue(text)) }) => println!("greeting: {text}"),
        _ => return Err("the payload did not come back".into()),
    }

    let second = client.start("start_long_task", &StartLongTaskRequest { seconds: 20, payload: None }).await?;
    second.cancel().await?;
    let ended = second.result::<StartLongTaskResponse>().await;
    println!(
        "second job {}",
        ended.err().map_or("SUCCEEDED".into(), |status| format!("{:?}", status.code()).to_uppercase())
    );
    Ok(())
}
