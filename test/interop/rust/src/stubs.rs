//! Calls of ordinary generated stubs.

use std::time::Duration;

use prost::Message;
use sealwire::demo::v1::demo_tool_service_client::DemoToolServiceClient;
use sealwire::system::v1::system_tool_service_client::SystemToolServiceClient;
use serde_json::{Value, json};
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::{Request, Response, Status, Streaming};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

use crate::commands::{Answer, Command, Failure};
use crate::interop::absent_tool_service_client::AbsentToolServiceClient;
use crate::interop::interop_tool_service_client::InteropToolServiceClient;
use crate::json;

/// Calls a method of an ordinary generated stub.
pub async fn call(command: &Command) -> Answer {
    let channel = command.channels.of(command)?;
    let method = command.text("method")?;
    let given = command.field("request");
    macro_rules! unary {
        ($client:ident, $method:ident, $message:literal) => {{
            let request = request(command, json::read(concat!($message, "Request"), given)?)?;
            unary(concat!($message, "Response"), $client::new(channel).$method(request).await)
        }};
    }
    macro_rules! stream {
        ($client:ident, $method:ident, $message:literal) => {{
            let request = request(command, json::read(concat!($message, "Request"), given)?)?;
            stream(command, concat!($message, "Response"), $client::new(channel).$method(request).await).await
        }};
    }
    match method {
        "sealwire.demo.v1.DemoToolService/BatchSum" => {
            unary!(DemoToolServiceClient, batch_sum, "sealwire.demo.v1.BatchSum")
        }
        "sealwire.demo.v1.DemoToolService/StartLongTask" => {
            unary!(DemoToolServiceClient, start_long_task, "sealwire.demo.v1.StartLongTask")
        }
        "sealwire.system.v1.SystemToolService/ServerIdentity" => {
            unary!(SystemToolServiceClient, server_identity, "sealwire.system.v1.ServerIdentity")
        }
        "sealwire.system.v1.SystemToolService/ListTools" => {
            unary!(SystemToolServiceClient, list_tools, "sealwire.system.v1.ListTools")
        }
        "sealwire.system.v1.SystemToolService/PollJob" => {
            unary!(SystemToolServiceClient, poll_job, "sealwire.system.v1.PollJob")
        }
        "sealwire.system.v1.SystemToolService/ListJobs" => {
            unary!(SystemToolServiceClient, list_jobs, "sealwire.system.v1.ListJobs")
        }
        "sealwire.system.v1.SystemToolService/CancelJob" => {
            unary!(SystemToolServiceClient, cancel_job, "sealwire.system.v1.CancelJob")
        }
        "sealwire.system.v1.SystemToolService/WatchJob" => {
            stream!(SystemToolServiceClient, watch_job, "sealwire.system.v1.WatchJob")
        }
        "sealwire.system.v1.SystemToolService/WatchJobs" => {
            stream!(SystemToolServiceClient, watch_jobs, "sealwire.system.v1.WatchJobs")
        }
        "interop.v1.InteropToolService/Echo" => unary!(InteropToolServiceClient, echo, "interop.v1.Echo"),
        "interop.v1.InteropToolService/Sleep" => unary!(InteropToolServiceClient, sleep, "interop.v1.Sleep"),
        "interop.v1.InteropToolService/Refuse" => unary!(InteropToolServiceClient, refuse, "interop.v1.Refuse"),
        "interop.v1.InteropToolService/Trace" => unary!(InteropToolServiceClient, trace, "interop.v1.Trace"),
        "interop.v1.InteropToolService/Record" => unary!(InteropToolServiceClient, record, "interop.v1.Record"),
        "interop.v1.InteropToolService/Climb" => stream!(InteropToolServiceClient, climb, "interop.v1.Climb"),
        "interop.v1.AbsentToolService/Vanish" => unary!(AbsentToolServiceClient, vanish, "interop.v1.Vanish"),
        "grpc.health.v1.Health/Check" => {
            let service = given["service"].as_str().unwrap_or_default().to_owned();
            let request = request(command, HealthCheckRequest { service })?;
            Ok(match HealthClient::new(channel).check(request).await {
                Ok(response) => {
                    let status = ServingStatus::try_from(response.get_ref().status).unwrap_or_default();
                    let answer = json!({"status": status.as_str_name()});
                    json::success(Some(answer), json::metadata(response.metadata()))
                }
                Err(status) => json::failure(&status),
            })
        }
        _ => Err(format!("there is no stub of {method}").into()),
    }
}

fn request<M>(command: &Command, message: M) -> Result<Request<M>, Failure> {
    let mut request = Request::new(message);
    if let Some(metadata) = command.field("metadata").as_object() {
        for (key, value) in metadata {
            let key: AsciiMetadataKey = key.parse()?;
            let value: AsciiMetadataValue = value.as_str().unwrap_or_default().parse()?;
            request.metadata_mut().insert(key, value);
        }
    }
    if let Some(ms) = command.number("timeoutMs") {
        request.set_timeout(Duration::from_millis(ms));
    }
    Ok(request)
}

fn unary<M: Message>(name: &str, answer: Result<Response<M>, Status>) -> Answer {
    match answer {
        Ok(response) => {
            Ok(json::success(Some(json::write(name, response.get_ref())?), json::metadata(response.metadata())))
        }
        Err(status) => Ok(json::failure(&status)),
    }
}

async fn stream<M: Message>(command: &Command, name: &str, answer: Result<Response<Streaming<M>>, Status>) -> Answer {
    let response = match answer {
        Ok(response) => response,
        Err(status) => return Ok(json::failure(&status)),
    };
    let mut metadata = json::metadata(response.metadata());
    command.event("metadata", metadata.clone());
    let mut messages = response.into_inner();
    loop {
        match messages.message().await {
            Ok(Some(message)) => command.event("message", json::write(name, &message)?),
            Ok(None) => break,
            Err(status) => return Ok(json::failure(&status)),
        }
    }
    if let (Ok(Some(trailers)), Value::Object(known)) = (messages.trailers().await, &mut metadata)
        && let Value::Object(more) = json::metadata(&trailers)
    {
        known.extend(more);
    }
    Ok(json::success(None, metadata))
}
