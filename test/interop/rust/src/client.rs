//! Commands for the explicit client.

use std::time::Duration;

use prost::Message;
use prost_reflect::DynamicMessage;
use sealwire::system::v1::{ListJobsRequest, ListJobsResponse};
use sealwire::v1::{Job, JobState};
use sealwire::{CallOptions, JobWatch};
use serde_json::{Value, json};
use tonic::{Response, Status};

use crate::commands::{Answer, Command, Failure};
use crate::json;

/// The bytes of a message: the client takes any type that prost knows.
#[derive(Clone, Debug, Default)]
struct Bytes(Vec<u8>);

impl Message for Bytes {
    fn encode_raw(&self, buffer: &mut impl prost::bytes::BufMut) {
        buffer.put_slice(&self.0);
    }

    fn merge_field(
        &mut self,
        tag: u32,
        wire_type: prost::encoding::WireType,
        buffer: &mut impl prost::bytes::Buf,
        context: prost::encoding::DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        use prost::encoding::{WireType, decode_varint, encode_key, encode_varint, skip_field};
        encode_key(tag, wire_type, &mut self.0);
        let length = match wire_type {
            WireType::Varint => {
                encode_varint(decode_varint(buffer)?, &mut self.0);
                return Ok(());
            }
            WireType::LengthDelimited => {
                let length = decode_varint(buffer)?;
                encode_varint(length, &mut self.0);
                usize::try_from(length).unwrap_or(usize::MAX)
            }
            WireType::SixtyFourBit => 8,
            WireType::ThirtyTwoBit => 4,
            other => return skip_field(other, tag, buffer, context),
        };
        // Verified bytes are whole; fewer than that fail when they are read.
        self.0.extend_from_slice(&buffer.copy_to_bytes(length.min(buffer.remaining())));
        Ok(())
    }

    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

pub async fn tool(command: &Command) -> Answer {
    let client = command.channels.client_of(command)?;
    let answer = client.call_with(command.text("tool")?, &request(command)?, options(command)).await;
    output(command, answer)
}

pub async fn start(command: &Command) -> Answer {
    let client = command.channels.client_of(command)?;
    Ok(match client.start_with(command.text("tool")?, &request(command)?, options(command)).await {
        Ok(job) => json!({"jobId": job.id(), "requestId": job.request_id()}),
        Err(status) => json::failure(&status),
    })
}

pub async fn watch(command: &Command) -> Answer {
    let watch = job(command)?.watch_after(revision(command));
    let last = follow(command, watch).await?;
    Ok(match last {
        Ok(state) => json!({"state": state.unwrap_or_default()}),
        Err(status) => json::failure(&status),
    })
}

pub async fn result(command: &Command) -> Answer {
    let answer: Result<Bytes, Status> = job(command)?.result().await;
    output(command, answer.map(Response::new))
}

pub async fn state(command: &Command) -> Answer {
    of_job(job(command)?.state().await)
}

pub async fn cancel_job(command: &Command) -> Answer {
    of_job(job(command)?.cancel().await)
}

pub async fn list_jobs(command: &Command) -> Answer {
    let client = command.channels.client_of(command)?;
    let names = command.field("states").as_array().cloned().unwrap_or_default();
    let state_of = |name: &Value| {
        let name = format!("JOB_STATE_{}", name.as_str().unwrap_or_default());
        JobState::from_str_name(&name).map(i32::from).ok_or_else(|| Failure::from(format!("no state {name}")))
    };
    let mut request = ListJobsRequest {
        states: names.iter().map(state_of).collect::<Result<_, _>>()?,
        tool: command.optional("tool").unwrap_or_default().into(),
        page_size: command.number("pageSize").unwrap_or_default().try_into()?,
        page_token: String::new(),
    };
    let mut jobs = Vec::new();
    loop {
        let ListJobsResponse { jobs: page, next_page_token } = match client.list_jobs(request.clone()).await {
            Ok(page) => page,
            Err(status) => return Ok(json::failure(&status)),
        };
        for job in &page {
            jobs.push(json::write("sealwire.v1.Job", job)?);
        }
        if next_page_token.is_empty() {
            return Ok(json!({"jobs": jobs}));
        }
        request.page_token = next_page_token;
    }
}

pub async fn watch_jobs(command: &Command) -> Answer {
    let watch = command.channels.client_of(command)?.watch_jobs(command.optional("tool"), None);
    Ok(match follow(command, watch).await? {
        Ok(_) => json!({}),
        Err(status) => json::failure(&status),
    })
}

/// Writes each state as an event; gives the last one.
async fn follow(command: &Command, mut watch: JobWatch) -> Result<Result<Option<&'static str>, Status>, Failure> {
    let mut last = None;
    while let Some(state) = watch.next().await {
        match state {
            Ok(job) => {
                command.event("job", json::write("sealwire.v1.Job", &job)?);
                last = Some(job.state().as_str_name().trim_start_matches("JOB_STATE_"));
            }
            Err(status) => return Ok(Err(status)),
        }
    }
    Ok(Ok(last))
}

fn job(command: &Command) -> Result<sealwire::Job, Failure> {
    Ok(command.channels.client_of(command)?.job(command.text("jobId")?))
}

fn request(command: &Command) -> Result<DynamicMessage, Failure> {
    json::dynamic(command.text("requestType")?, command.field("request"))
}

fn options(command: &Command) -> CallOptions {
    let mut options = CallOptions::default();
    if let Some(id) = command.optional("requestId") {
        options = options.request_id(id);
    }
    if let Some(ms) = command.number("timeoutMs") {
        options = options.timeout(Duration::from_millis(ms));
    }
    options
}

fn revision(command: &Command) -> i64 {
    let given = command.field("afterRevision");
    given.as_i64().or_else(|| given.as_str()?.parse().ok()).unwrap_or_default()
}

fn output(command: &Command, answer: Result<Response<Bytes>, Status>) -> Answer {
    match answer {
        Ok(response) => {
            let metadata = json::metadata(response.metadata());
            let bytes = response.into_inner();
            let mut message = json::empty(command.text("responseType")?)?;
            message.merge(&*bytes.0)?;
            Ok(json::success(Some(json::of_dynamic(&message)?), metadata))
        }
        Err(status) => Ok(json::failure(&status)),
    }
}

fn of_job(answer: Result<Job, Status>) -> Answer {
    match answer {
        Ok(job) => Ok(json!({"job": json::write("sealwire.v1.Job", &job)?})),
        Err(status) => Ok(json::failure(&status)),
    }
}
