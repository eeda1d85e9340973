//! A server that knows the keys, and says with them whatever a test wants: well, badly or not at all.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request, Response};
use http_body::Frame as BodyFrame;
use http_body_util::{BodyExt, StreamBody};
use prost::{Message, Name};
use prost_types::field_descriptor_proto::Type;
use prost_types::{
    Any, DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodDescriptorProto,
    ServiceDescriptorProto,
};
use sealwire::Credentials;
use sealwire::signing::{Frame, Key, VERSION, pae};
use sealwire::system::v1::{ListToolsResponse, ToolDescription};
use sealwire::v1::{Envelope, Error, ErrorReason, JobPolicy, Response as Answer, Status as AnswerStatus};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Code, Status};
use tower_service::Service;

/// What the peer does with a request.
pub enum Reply {
    /// Signed messages; a call has one.
    Answers(Vec<Answer>),
    /// One frame, as it is.
    Frame(Vec<u8>),
    /// A refusal: the signed error in the details of its status.
    Refusal(Error),
    /// An unsigned status.
    Unsigned(Status),
    /// The reset of a stream that the peer says it has not read.
    Refused,
    Silence,
}

/// One request.
#[derive(Clone, Debug)]
pub struct Received {
    pub envelope: Envelope,
    pub signature: Vec<u8>,
}

type Behaviour = Arc<dyn Fn(&Received, usize) -> Reply + Send + Sync>;

/// A running peer. It answers `list_tools` itself.
#[derive(Clone)]
pub struct Peer {
    behaviour: Behaviour,
    received: Arc<Mutex<Vec<Received>>>,
    hides_contract: Arc<AtomicBool>,
    listed: Arc<Mutex<ListToolsResponse>>,
}

impl Peer {
    /// Starts a peer; `behaviour` gets each other request and its number, from 0.
    pub async fn start(behaviour: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> (Self, Credentials) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let peer = Self {
            behaviour: Arc::new(behaviour),
            received: Arc::default(),
            hides_contract: Arc::default(),
            listed: Arc::new(Mutex::new(contract())),
        };
        let server = tonic::transport::Server::builder().add_service(peer.clone());
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        let json = format!(
            r#"{{"address": "{address}", "server_id": "peer", "server_fingerprint": "0123456789abcdef0123456789abcdef",
                "client_id": "test", "key_id": "k1", "request_key": "sws_{zeros}", "response_key": "swr_{zeros}"}}"#,
            zeros = "A".repeat(43)
        );
        (peer, Credentials::from_json(json.as_bytes()).unwrap())
    }

    /// The requests so far, without those for the contract.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Leaves requests for the contract without an answer from now on.
    pub fn hide_the_contract(&self) {
        self.hides_contract.store(true, Ordering::Release);
    }

    /// Lists these tools from now on.
    pub fn list(&self, tools: ListToolsResponse) {
        *self.listed.lock().unwrap() = tools;
    }

    fn reply(&self, received: &Received) -> Reply {
        if received.envelope.tool == "list_tools" && self.hides_contract.load(Ordering::Acquire) {
            return Reply::Silence;
        }
        if received.envelope.tool == "list_tools" {
            return Reply::Answers(vec![ok(&*self.listed.lock().unwrap())]);
        }
        let mut all = self.received.lock().unwrap();
        all.push(received.clone());
        let number = all.len() - 1;
        drop(all);
        (self.behaviour)(received, number)
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        let frame = Frame::decode(body.slice(5..)).unwrap();
        let envelope = Envelope::decode(frame.content).unwrap();
        let received = Received { envelope, signature: frame.signature.to_vec() };
        let (frames, status) = match self.reply(&received) {
            Reply::Answers(answers) => {
                let sign = |answer| sign(&received, answer).encode_to_vec();
                (answers.into_iter().map(sign).collect(), Status::new(Code::Ok, ""))
            }
            Reply::Frame(frame) => (vec![frame], Status::new(Code::Ok, "")),
            Reply::Refusal(error) => (Vec::new(), refusal(&received, error)),
            Reply::Unsigned(status) => (Vec::new(), status),
            Reply::Refused => return refused_stream(),
            Reply::Silence => std::future::pending().await,
        };
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers).unwrap();
        let frames = frames.into_iter().map(|frame: Vec<u8>| BodyFrame::data(prefixed(&frame)));
        let frames: Vec<_> = frames.chain([BodyFrame::trailers(trailers)]).map(Ok::<_, Infallible>).collect();
        let mut response = Response::new(Body::new(StreamBody::new(tokio_stream::iter(frames))));
        response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc"));
        response
    }
}

fn refused_stream() -> Response<Body> {
    let reset = Err::<BodyFrame<Bytes>, _>(h2::Error::from(h2::Reason::REFUSED_STREAM));
    let mut response = Response::new(Body::new(StreamBody::new(tokio_stream::once(reset))));
    response.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc"));
    response
}

impl NamedService for Peer {
    const NAME: &'static str = "sealwire.v1.ToolService";
}

impl Service<Request<Body>> for Peer {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let peer = self.clone();
        Box::pin(async move { Ok(peer.answer(request).await) })
    }
}

/// An answer with a result.
pub fn ok(result: &impl Name) -> Answer {
    Answer { ok: true, status: AnswerStatus::Ok.into(), result: Some(any(result)), ..Answer::default() }
}

pub fn any(message: &impl Name) -> Any {
    Any::from_msg(message).unwrap()
}

pub fn error(reason: ErrorReason, code: Code) -> Error {
    Error { code: code.into(), reason: reason.into(), message: "as the test wants".into(), ..Error::default() }
}

/// Signs an answer to the request. Members that are not set get the right values.
pub fn sign(to: &Received, answer: Answer) -> Frame {
    let ts_ms = if answer.ts_ms == 0 { 1 } else { answer.ts_ms };
    let (v, server_id) = (VERSION.to_owned(), "peer".to_owned());
    let content = Answer { v, server_id, ts_ms, request_id: to.envelope.request_id.clone(), ..answer }.encode_to_vec();
    let signature = hmac(&pae(&[b"response", &to.signature, &content]));
    Frame { content: content.into(), key_id: "k1".into(), signature: signature.into() }
}

fn hmac(input: &[u8]) -> Vec<u8> {
    use hmac::{KeyInit, Mac};
    hmac::Hmac::<sha2::Sha256>::new_from_slice(&[0; 32]).unwrap().chain_update(input).finalize().into_bytes().to_vec()
}

/// The keys of the peer: 32 zeros.
pub fn key() -> Key {
    Key::new(&[0; 32])
}

/// The status of a refusal, with the signed frame in its details.
pub fn refusal(to: &Received, error: Error) -> Status {
    let code = Code::from(error.code);
    let status = AnswerStatus::Error.into();
    let sequence = i64::from(to.envelope.tool.starts_with("watch"));
    let ts_ms = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis()).unwrap();
    let frame = sign(to, Answer { status, error: Some(error), sequence, ts_ms: ts_ms + 600_000, ..Answer::default() });
    let value = frame.encode_to_vec();
    let details = vec![Any { type_url: "type.googleapis.com/sealwire.v1.CallResponse".into(), value }];
    let told = tonic_types::pb::Status { code: code.into(), message: String::new(), details };
    Status::with_details(code, "refused", told.encode_to_vec().into())
}

fn prefixed(message: &[u8]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_u8(0);
    out.put_u32(u32::try_from(message.len()).unwrap());
    out.put_slice(message);
    out.freeze()
}

/// `batch_sum` with side effects, `start_long_task`, and a streaming job method.
pub fn contract() -> ListToolsResponse {
    let tool = |name: &str, method: &str, job: Option<JobPolicy>| ToolDescription {
        name: name.into(),
        method: format!("sealwire.demo.v1.DemoToolService.{method}"),
        request_type: format!("sealwire.demo.v1.{method}Request"),
        response_type: format!("sealwire.demo.v1.{method}Response"),
        job,
        ..ToolDescription::default()
    };
    let tools = vec![
        tool("batch_sum", "BatchSum", None),
        tool("start_long_task", "StartLongTask", Some(JobPolicy::default())),
        tool("climb", "Climb", Some(JobPolicy::default())),
    ];
    let method = |name: &str| MethodDescriptorProto {
        name: Some(name.into()),
        server_streaming: Some(name == "Climb"),
        ..MethodDescriptorProto::default()
    };
    let service = ServiceDescriptorProto {
        name: Some("DemoToolService".into()),
        method: vec![method("BatchSum"), method("StartLongTask"), method("Climb")],
        ..ServiceDescriptorProto::default()
    };
    let progress = FieldDescriptorProto {
        name: Some("progress".into()),
        number: Some(7),
        r#type: Some(Type::Message.into()),
        type_name: Some(".sealwire.v1.JobProgress".into()),
        ..FieldDescriptorProto::default()
    };
    let message =
        DescriptorProto { name: Some("ClimbResponse".into()), field: vec![progress], ..DescriptorProto::default() };
    let file = FileDescriptorProto {
        package: Some("sealwire.demo.v1".into()),
        service: vec![service],
        message_type: vec![message],
        ..FileDescriptorProto::default()
    };
    ListToolsResponse { tools, descriptor_set: FileDescriptorSet { file: vec![file] }.encode_to_vec() }
}
