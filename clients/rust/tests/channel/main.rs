//! Calls of ordinary stubs through the channel, against a peer that a test commands.

mod peer;
mod pins;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use prost::Message;
use sealwire::demo::v1::demo_tool_service_client::DemoToolServiceClient;
use sealwire::demo::v1::{BatchSumRequest, BatchSumResponse, StartLongTaskRequest, StartLongTaskResponse};
use sealwire::signing::sign_request;
use sealwire::system::v1::system_tool_service_client::SystemToolServiceClient;
use sealwire::system::v1::{CancelJobResponse, ServerIdentityRequest, ServerIdentityResponse, WatchJobResponse};
use sealwire::v1::{ErrorReason, Job, JobProgress, JobState, Response as Answer, Status as AnswerStatus};
use sealwire::{Channel, Credentials, error_of, is_unverified, reason_of};
use tonic::{Code, Request, Status};

use peer::{Peer, Received, Reply, any, error, key, ok, refusal, sign};

const SUM: BatchSumResponse = BatchSumResponse { count: 3, total: 6.5 };

fn channel(credentials: Credentials) -> Channel {
    Channel::builder().credentials(credentials).build().unwrap()
}

async fn sum(credentials: Credentials) -> Result<BatchSumResponse, Status> {
    let mut stub = DemoToolServiceClient::new(channel(credentials));
    stub.batch_sum(BatchSumRequest { numbers: vec![1.0, 2.0, 3.5] }).await.map(tonic::Response::into_inner)
}

#[tokio::test]
async fn a_call_is_signed_and_its_answer_verified() {
    let (peer, credentials) = Peer::start(|_, _| Reply::Answers(vec![ok(&SUM)])).await;
    let mut stub = DemoToolServiceClient::new(channel(credentials));
    let mut request = Request::new(BatchSumRequest { numbers: vec![1.0, 2.0, 3.5] });
    request.metadata_mut().insert("sealwire-request-id", "mine".parse().unwrap());
    let answer = stub.batch_sum(request).await.unwrap();
    assert_eq!(answer.metadata().get("sealwire-request-id").unwrap(), "mine");
    assert_eq!(answer.into_inner(), SUM);
    let [Received { envelope, signature }] = &peer.received()[..] else { panic!("one call") };
    assert_eq!((envelope.tool.as_str(), envelope.request_id.as_str()), ("batch_sum", "mine"));
    let expected = sign_request(&key(), sealwire::signing::CALL, "k1", &envelope.encode_to_vec());
    assert_eq!(signature[..], expected);
}

#[tokio::test]
async fn what_is_not_signed_for_the_request_is_not_believed_and_not_repeated() {
    type Lie = fn(&Received) -> Reply;
    let lies: [(&str, Lie); 6] = [
        ("a flipped bit", |to| {
            let mut frame = sign(to, ok(&SUM)).encode_to_vec();
            let middle = frame.len() / 2;
            frame[middle] ^= 1;
            Reply::Frame(frame)
        }),
        ("another request's answer", |to| {
            let other = Received { signature: vec![7; 32], ..to.clone() };
            Reply::Frame(sign(&other, ok(&SUM)).encode_to_vec())
        }),
        ("another tool's result", |_| Reply::Answers(vec![ok(&ServerIdentityResponse::default())])),
        ("a message of a watch", |_| Reply::Answers(vec![Answer { sequence: 1, ..ok(&SUM) }])),
        ("a refusal with another status", |to| {
            let told = refusal(to, error(ErrorReason::ArgsInvalid, Code::InvalidArgument));
            Reply::Unsigned(Status::with_details(Code::Unavailable, "", told.details().to_vec().into()))
        }),
        ("an unsigned refusal", |_| Reply::Unsigned(Status::invalid_argument("believe me"))),
    ];
    for (name, lie) in lies {
        let (peer, credentials) = Peer::start(move |to, _| lie(to)).await;
        let status = sum(credentials).await.unwrap_err();
        assert_eq!(status.code(), Code::DataLoss, "{name}");
        assert!(is_unverified(&status), "{name}");
        assert_eq!(peer.received().len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_refusal_has_the_servers_error() {
    let refused = || error(ErrorReason::ArgsInvalid, Code::InvalidArgument);
    let (_, credentials) = Peer::start(move |_, _| Reply::Refusal(refused())).await;
    let status = sum(credentials).await.unwrap_err();
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(error_of(&status), Some(refused()));
    assert_eq!(reason_of(&status).as_deref(), Some("ARGS_INVALID"));
    assert!(!is_unverified(&status));
}

#[tokio::test]
async fn a_retry_has_the_same_request_id_and_another_nonce() {
    let (peer, credentials) = Peer::start(|_, number| match number {
        0 => Reply::Refusal(sealwire::v1::Error { retryable: true, ..error(ErrorReason::Draining, Code::Unavailable) }),
        1 => Reply::Unsigned(Status::internal("reset")),
        _ => Reply::Answers(vec![ok(&SUM)]),
    })
    .await;
    assert_eq!(sum(credentials).await.unwrap(), SUM);
    let [first, second, third] = &peer.received()[..] else { panic!("three attempts") };
    assert_eq!(first.envelope.request_id, third.envelope.request_id);
    assert_ne!(first.envelope.nonce, second.envelope.nonce);
    assert_ne!(second.envelope.nonce, third.envelope.nonce);
}

#[tokio::test]
async fn a_verified_clock_skew_corrects_the_clock_once() {
    let skew = || Reply::Refusal(error(ErrorReason::ClockSkew, Code::FailedPrecondition));
    let (peer, credentials) =
        Peer::start(move |_, number| if number == 0 { skew() } else { Reply::Answers(vec![ok(&SUM)]) }).await;
    assert_eq!(sum(credentials).await.unwrap(), SUM);
    let [first, second] = &peer.received()[..] else { panic!("two attempts") };
    assert!((second.envelope.ts_ms - first.envelope.ts_ms - 600_000).abs() < 5_000);
    let (peer, credentials) = Peer::start(move |_, _| skew()).await;
    assert_eq!(sum(credentials).await.unwrap_err().code(), Code::FailedPrecondition);
    assert_eq!(peer.received().len(), 2);
}

#[tokio::test]
async fn a_stream_that_was_refused_may_have_begun() {
    let (_, credentials) = Peer::start(|_, _| Reply::Refused).await;
    let policy = sealwire::RetryPolicy::default().max_attempts(1);
    let channel = Channel::builder().credentials(credentials).retry(policy).build().unwrap();
    let status =
        DemoToolServiceClient::new(channel).start_long_task(StartLongTaskRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unknown, "{status}");
}

#[tokio::test]
async fn a_side_effect_with_an_open_outcome_is_unknown() {
    let (_, credentials) = Peer::start(|_, _| Reply::Unsigned(Status::unavailable("lost"))).await;
    let channel = Channel::builder()
        .credentials(credentials)
        .retry(sealwire::RetryPolicy::default().max_attempts(1))
        .build()
        .unwrap();
    let mut stub = DemoToolServiceClient::new(channel.clone());
    let status = stub.batch_sum(BatchSumRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), reason_of(&status).as_deref()), (Code::Unknown, Some("OUTCOME_UNKNOWN")));
    let id = status.metadata().get("sealwire-request-id").unwrap().to_str().unwrap();
    assert!(status.message().contains(id));
    // A tool without side effects may be called again by anybody.
    let status = SystemToolServiceClient::new(channel).server_identity(ServerIdentityRequest {}).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let (_, credentials) = Peer::start(|_, _| Reply::Silence).await;
    let mut stub = DemoToolServiceClient::new(
        Channel::builder()
            .credentials(credentials)
            .address("127.0.0.1:1")
            .timeout(Duration::from_millis(300))
            .build()
            .unwrap(),
    );
    let status = stub.batch_sum(BatchSumRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), reason_of(&status).as_deref()), (Code::Unavailable, Some("UNREACHABLE")));
}

#[tokio::test]
async fn the_deadline_of_a_call_is_kept() {
    let (_, credentials) = Peer::start(|_, _| Reply::Silence).await;
    let mut stub = DemoToolServiceClient::new(channel(credentials));
    let mut request = Request::new(BatchSumRequest::default());
    request.set_timeout(Duration::from_millis(200));
    let began = Instant::now();
    assert_eq!(stub.batch_sum(request).await.unwrap_err().code(), Code::DeadlineExceeded);
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn what_is_no_tool_or_too_much_is_refused_before_it_is_sent() {
    let (peer, credentials) = Peer::start(|_, _| Reply::Silence).await;
    let channel = channel(credentials);
    let status = call_raw(channel.clone(), "/sealwire.demo.v1.DemoToolService/Vanish").await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("DemoToolService/BatchSum"));
    let mut stub = DemoToolServiceClient::new(channel.clone());
    let status = stub.batch_sum(BatchSumRequest { numbers: vec![0.5; 131_072] }).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    let mut request = Request::new(BatchSumRequest::default());
    request.metadata_mut().insert("sealwire-request-id", "a b".parse().unwrap());
    assert_eq!(stub.batch_sum(request).await.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(peer.received().len(), 0);
}

/// A job that is running, or has ended with an output.
fn job_answer(state: JobState, revision: i64, progress: i64) -> Answer {
    let is_over = state == JobState::Succeeded;
    let progress = JobProgress { completed: progress, total: 9, message: String::new() };
    let (job_id, progress) = ("j1".to_owned(), Some(progress));
    let job = Job { job_id, state: state.into(), revision, progress, ..Job::default() };
    let output = is_over.then(|| any(&StartLongTaskResponse::default()));
    let status = if is_over { AnswerStatus::Done } else { AnswerStatus::Running };
    Answer { status: status.into(), ..ok(&WatchJobResponse { job: Some(job), output }) }
}

fn accepted() -> Reply {
    let job = Job { job_id: "j1".into(), state: JobState::Queued.into(), revision: 1, ..Job::default() };
    Reply::Answers(vec![Answer {
        ok: true,
        status: AnswerStatus::Accepted.into(),
        job: Some(job),
        ..Answer::default()
    }])
}

fn numbered(answers: Vec<Answer>) -> Reply {
    Reply::Answers((1..).zip(answers).map(|(sequence, answer)| Answer { sequence, ..answer }).collect())
}

#[tokio::test]
async fn a_job_is_watched_over_broken_streams_to_its_output() {
    let (peer, credentials) = Peer::start(|to, number| match (to.envelope.tool.as_str(), number) {
        ("start_long_task", _) => accepted(),
        (_, 1) => numbered(vec![job_answer(JobState::Running, 2, 1)]),
        (_, 2) => Reply::Unsigned(Status::unavailable("restarting")),
        _ => numbered(vec![job_answer(JobState::Running, 3, 2), job_answer(JobState::Succeeded, 4, 2)]),
    })
    .await;
    let mut stub = DemoToolServiceClient::new(channel(credentials));
    let answer = stub.start_long_task(StartLongTaskRequest::default()).await.unwrap();
    assert_eq!(answer.metadata().get("sealwire-job-id").unwrap(), "j1");
    assert_eq!(answer.into_inner(), StartLongTaskResponse::default());
    assert_eq!(peer.received().len(), 4);
}

#[tokio::test]
async fn a_revision_that_falls_is_not_accepted() {
    let (_, credentials) = Peer::start(|to, _| match to.envelope.tool.as_str() {
        "start_long_task" => accepted(),
        _ => numbered(vec![job_answer(JobState::Running, 3, 1), job_answer(JobState::Running, 2, 1)]),
    })
    .await;
    let mut stub = DemoToolServiceClient::new(channel(credentials));
    let status = stub.start_long_task(StartLongTaskRequest::default()).await.unwrap_err();
    assert_eq!(reason_of(&status).as_deref(), Some("RESPONSE_INVALID"));
}

/// The messages of a streaming job method: progress in field 7, or the output.
#[derive(Clone, PartialEq, Message)]
struct ClimbResponse {
    #[prost(message, optional, tag = "7")]
    progress: Option<JobProgress>,
    #[prost(int64, tag = "2")]
    height: i64,
}

impl prost::Name for ClimbResponse {
    const NAME: &'static str = "ClimbResponse";
    const PACKAGE: &'static str = "sealwire.demo.v1";

    fn type_url() -> String {
        "type.googleapis.com/sealwire.demo.v1.ClimbResponse".into()
    }
}

async fn call_raw(channel: Channel, path: &'static str) -> Result<Vec<ClimbResponse>, Status> {
    let mut grpc = tonic::client::Grpc::new(channel);
    let codec = tonic_prost::ProstCodec::<BatchSumRequest, ClimbResponse>::default();
    let path = http::uri::PathAndQuery::from_static(path);
    let answer = grpc.server_streaming(Request::new(BatchSumRequest::default()), path, codec).await?;
    let mut messages = answer.into_inner();
    let mut all = Vec::new();
    while let Some(message) = messages.message().await? {
        all.push(message);
    }
    Ok(all)
}

#[tokio::test]
async fn a_streaming_job_method_gives_its_progress_and_then_the_output() {
    let (_, credentials) = Peer::start(|to, _| {
        if to.envelope.tool.as_str() == "climb" {
            accepted()
        } else {
            let output = Some(any(&ClimbResponse { progress: None, height: 9 }));
            let job = Job { job_id: "j1".into(), state: JobState::Succeeded.into(), revision: 9, ..Job::default() };
            let done = ok(&WatchJobResponse { job: Some(job), output });
            let done = Answer { status: AnswerStatus::Done.into(), ..done };
            let states = [(2, 1), (3, 1), (4, 2)];
            let states = states.map(|(revision, progress)| job_answer(JobState::Running, revision, progress));
            numbered(states.into_iter().chain([done]).collect())
        }
    })
    .await;
    let messages = call_raw(channel(credentials), "/sealwire.demo.v1.DemoToolService/Climb").await.unwrap();
    let progress: Vec<_> = messages.iter().filter_map(|message| message.progress.as_ref()).collect();
    assert_eq!(progress.iter().map(|progress| progress.completed).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(messages.last().unwrap().height, 9);
}

#[tokio::test]
async fn an_abandoned_call_cancels_its_job_if_that_was_asked_for() {
    for is_asked in [true, false] {
        let cancelled = Arc::new(AtomicBool::new(false));
        let seen = cancelled.clone();
        let (_, credentials) = Peer::start(move |to, _| match to.envelope.tool.as_str() {
            "start_long_task" => accepted(),
            "cancel_job" => {
                seen.store(true, Ordering::Release);
                let job = Job { job_id: "j1".into(), state: JobState::Cancelled.into(), revision: 2, ..Job::default() };
                let answer = ok(&CancelJobResponse { job: Some(job), output: None });
                Reply::Answers(vec![Answer { ok: false, status: AnswerStatus::Cancelled.into(), ..answer }])
            }
            _ => Reply::Silence,
        })
        .await;
        let mut stub = DemoToolServiceClient::new(channel(credentials));
        let mut request = Request::new(StartLongTaskRequest::default());
        if is_asked {
            request.metadata_mut().insert("sealwire-cancel-on-abandon", "true".parse().unwrap());
        }
        let call = stub.start_long_task(request);
        assert!(tokio::time::timeout(Duration::from_millis(300), call).await.is_err());
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(cancelled.load(Ordering::Acquire), is_asked);
    }
}

#[tokio::test]
async fn a_failure_of_a_tool_is_its_outcome_in_whichever_way_it_came() {
    let failed = || sealwire::v1::Error { retryable: true, ..error(ErrorReason::ToolFailed, Code::NotFound) };
    let (peer, credentials) = Peer::start(move |_, _| Reply::Refusal(failed())).await;
    let status = sum(credentials).await.unwrap_err();
    assert_eq!((status.code(), reason_of(&status).as_deref()), (Code::NotFound, Some("TOOL_FAILED")));
    assert_eq!(peer.received().len(), 1);
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn a_call_whose_connection_is_not_made_in_time_has_not_begun() {
    // Accepts connections, and never speaks TLS.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (_, credentials) = Peer::start(|_, _| Reply::Silence).await;
    let channel = Channel::builder()
        .credentials(credentials)
        .address(listener.local_addr().unwrap().to_string())
        .tls(sealwire::Tls::system())
        .timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let mut stub = DemoToolServiceClient::new(channel);
    let status = stub.batch_sum(BatchSumRequest::default()).await.unwrap_err();
    assert_eq!((status.code(), reason_of(&status).as_deref()), (Code::Unavailable, Some("UNREACHABLE")));
    let mut request = Request::new(BatchSumRequest::default());
    request.set_timeout(Duration::from_millis(200));
    assert_eq!(stub.batch_sum(request).await.unwrap_err().code(), Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_job_is_cancelled_with_its_call_wherever_that_is_dropped() {
    let cancelled = Arc::new(AtomicBool::new(false));
    let seen = cancelled.clone();
    let (_, credentials) = Peer::start(move |to, _| match to.envelope.tool.as_str() {
        "climb" => accepted(),
        "cancel_job" => {
            seen.store(true, Ordering::Release);
            Reply::Unsigned(Status::unavailable("enough"))
        }
        _ => numbered(vec![job_answer(JobState::Running, 2, 1)]),
    })
    .await;
    let mut grpc = tonic::client::Grpc::new(channel(credentials));
    let codec = tonic_prost::ProstCodec::<BatchSumRequest, ClimbResponse>::default();
    let path = http::uri::PathAndQuery::from_static("/sealwire.demo.v1.DemoToolService/Climb");
    let mut request = Request::new(BatchSumRequest::default());
    request.metadata_mut().insert("sealwire-cancel-on-abandon", "true".parse().unwrap());
    let messages = grpc.server_streaming(request, path, codec).await.unwrap().into_inner();
    // Not a thread of the runtime.
    std::thread::spawn(move || drop(messages)).join().unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(cancelled.load(Ordering::Acquire));
}

#[tokio::test]
async fn waiting_for_a_result_ends_in_time_whatever_is_slow() {
    // The job's tool is not listed, so the contract is asked for, which this peer does not answer.
    let (peer, credentials) = Peer::start(|_, _| {
        let job = Job { tool: "gone".into(), ..job_answer_of(9) };
        let output = Some(any(&StartLongTaskResponse::default()));
        let done = ok(&WatchJobResponse { job: Some(job), output });
        numbered(vec![Answer { status: AnswerStatus::Done.into(), ..done }])
    })
    .await;
    peer.hide_the_contract();
    let job = sealwire::Client::new(channel(credentials)).job("j1");
    let began = Instant::now();
    let result = job.result_within::<StartLongTaskResponse>(Some(Duration::from_millis(300))).await;
    assert!(began.elapsed() < Duration::from_secs(2));
    assert_eq!(result.unwrap_err().code(), Code::DeadlineExceeded);
}

fn job_answer_of(revision: i64) -> Job {
    Job { job_id: "j1".into(), state: JobState::Succeeded.into(), revision, ..Job::default() }
}

#[tokio::test]
async fn a_watch_whose_request_names_no_heartbeat_asks_for_one_that_is_not_too_rare() {
    use sealwire::system::v1::WatchJobRequest;
    let (peer, credentials) = Peer::start(|_, _| numbered(vec![job_answer(JobState::Succeeded, 2, 1)])).await;
    let channel =
        Channel::builder().credentials(credentials).heartbeat_interval(Duration::from_secs(2)).build().unwrap();
    let request = WatchJobRequest { job_id: "j1".into(), ..WatchJobRequest::default() };
    let mut messages = SystemToolServiceClient::new(channel).watch_job(request).await.unwrap().into_inner();
    assert!(messages.message().await.unwrap().is_some());
    let [Received { envelope, .. }] = &peer.received()[..] else { panic!("one stream") };
    let sent = WatchJobRequest::decode(&*envelope.args.as_ref().unwrap().value).unwrap();
    assert_eq!(sent.heartbeat_interval_ms, 2_000);
}

#[cfg(unix)]
#[tokio::test]
async fn a_call_that_was_refused_unsigned_may_have_begun() {
    use std::os::unix::fs::OpenOptionsExt;
    let path = std::env::temp_dir().join(format!("sealwire-renewed-{}.json", std::process::id()));
    let write = move |path: &std::path::Path, address: &str, key: &str| {
        let json = format!(
            r#"{{"address": "{address}", "server_id": "peer", "server_fingerprint": "0123456789abcdef0123456789abcdef",
                "client_id": "test", "key_id": "k1", "request_key": "sws_{key}", "response_key": "swr_{zeros}"}}"#,
            zeros = "A".repeat(43)
        );
        let mut options = std::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
        std::io::Write::write_all(&mut file.unwrap(), json.as_bytes()).unwrap();
    };
    let changed = path.clone();
    let (peer, credentials) = Peer::start(move |_, number| {
        if number > 0 {
            return Reply::Refusal(error(ErrorReason::QuotaExceeded, Code::ResourceExhausted));
        }
        write(&changed, "127.0.0.1:1", &"B".repeat(42).chars().chain(['A']).collect::<String>());
        // Anyone on the way can say this after the server has carried the call out.
        Reply::Unsigned(Status::unauthenticated("who are you"))
    })
    .await;
    write(&path, credentials.address(), &"A".repeat(43));
    let mut stub = DemoToolServiceClient::new(sealwire::connect(&path).await.unwrap());
    let status = stub.batch_sum(BatchSumRequest::default()).await.unwrap_err();
    std::fs::remove_file(path).unwrap();
    assert_eq!(peer.received().len(), 2);
    assert_eq!(reason_of(&status).as_deref(), Some("OUTCOME_UNKNOWN"), "{status:?}");
}
