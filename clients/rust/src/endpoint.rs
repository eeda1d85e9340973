//! One server. Carries bytes without parsing, verifying or repeating them.

use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, Uri, Version};
use http_body::Frame;
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, ConnectError, Status};
use tower_service::Service;

use crate::messages::{Messages, Unreadable};
use crate::trace_context::TraceContext;

/// The largest message of an answer: a result with room for the frame and the job.
const ANSWER_MOST: usize = 4 * 1024 * 1024;
/// The caller's own timer ends a call before the server's does.
const DEADLINE_SLACK: Duration = Duration::from_millis(50);
/// The longest time that gRPC's header can hold in milliseconds.
const TIMEOUT_MOST_MS: u128 = 99_999_999;

/// One request.
pub(crate) struct RawRequest<'a> {
    /// The path, such as `/sealwire.v1.ToolService/Call`.
    pub(crate) path: &'static str,
    /// gRPC's prefix and the message.
    pub(crate) body: Bytes,
    pub(crate) ends_at: Option<Instant>,
    pub(crate) trace: Option<&'a TraceContext>,
}

/// A gRPC status, received or made by the transport. It is not verified.
#[derive(Clone, Debug)]
pub(crate) struct RawStatus {
    pub(crate) code: Code,
    pub(crate) message: String,
    pub(crate) details: Bytes,
    /// The server has certainly not started the request.
    pub(crate) unsent: bool,
    /// No connection could be established, for a reason that may pass.
    pub(crate) away: bool,
}

impl RawStatus {
    fn local(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), details: Bytes::new(), unsent: false, away: false }
    }

    /// True if the connection failed or could not be made.
    pub(crate) fn is_connection_failure(&self) -> bool {
        self.away || (self.code == Code::Unavailable && self.details.is_empty())
    }
}

/// Sends one message and waits for the answer. `Ok(None)`: the peer says OK and sent no message.
pub(crate) async fn unary(
    channel: &Channel,
    request: RawRequest<'_>,
    taken: &Taken,
) -> Result<Option<Bytes>, RawStatus> {
    let mut incoming = open(channel, request, taken).await?;
    let message = incoming.next().await?;
    if message.is_some() && incoming.next().await?.is_some() {
        return Err(RawStatus::local(Code::Unimplemented, "the peer sent more than one answer"));
    }
    Ok(message)
}

/// Sends one message and gives the stream of the answers.
pub(crate) async fn open(channel: &Channel, request: RawRequest<'_>, taken: &Taken) -> Result<Incoming, RawStatus> {
    let outgoing = outgoing(request, taken.clone());
    match send(channel.clone(), outgoing).await {
        Ok(response) => Incoming::new(response),
        Err(error) => Err(failure_of(&error, taken.is_set())),
    }
}

async fn send(mut channel: Channel, request: Request<Body>) -> Result<Response<Body>, tonic::transport::Error> {
    poll_fn(|context| channel.poll_ready(context)).await?;
    channel.call(request).await
}

fn outgoing(request: RawRequest<'_>, taken: Taken) -> Request<Body> {
    let mut outgoing = Request::new(Body::new(OneMessage { message: Some(request.body), taken }));
    *outgoing.method_mut() = Method::POST;
    *outgoing.version_mut() = Version::HTTP_2;
    *outgoing.uri_mut() = Uri::from_static(request.path);
    let headers = outgoing.headers_mut();
    headers.reserve(6);
    headers.insert(http::header::TE, HeaderValue::from_static("trailers"));
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    if let Some(end) = request.ends_at {
        let left = end.saturating_duration_since(Instant::now()) + DEADLINE_SLACK;
        let timeout = HeaderValue::try_from(format!("{}m", left.as_millis().min(TIMEOUT_MOST_MS)));
        headers.insert(GRPC_TIMEOUT, timeout.unwrap_or_else(|_| unreachable!("digits are a header value")));
    }
    if let Some(trace) = request.trace {
        trace.write(headers);
    }
    outgoing
}

pub(crate) const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Whether a connection has taken the message of a request. A server cannot have started a call whose message was not
/// taken.
#[derive(Clone, Default)]
pub(crate) struct Taken(Arc<AtomicBool>);

impl Taken {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// A body of one message.
struct OneMessage {
    message: Option<Bytes>,
    taken: Taken,
}

impl http_body::Body for OneMessage {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        this.taken.0.store(true, Ordering::Release);
        Poll::Ready(this.message.take().map(|message| Ok(Frame::data(message))))
    }

    fn is_end_stream(&self) -> bool {
        self.message.is_none()
    }
}

/// The messages of an answer, and the status at its end.
pub(crate) struct Incoming {
    messages: Option<Messages>,
    /// A status that came in the place of messages.
    status: Option<Status>,
}

impl Incoming {
    fn new(response: Response<Body>) -> Result<Self, RawStatus> {
        let (parts, body) = response.into_parts();
        if parts.status != http::StatusCode::OK {
            return Err(RawStatus::local(code_of_http(parts.status), format!("HTTP status {}", parts.status)));
        }
        match parts.headers.contains_key("grpc-status").then(|| Status::from_header_map(&parts.headers)).flatten() {
            Some(status) => Ok(Self { messages: None, status: Some(status) }),
            None => Ok(Self { messages: Some(Messages::new(body, ANSWER_MOST)), status: None }),
        }
    }

    /// The next message; `Ok(None)` at an end with OK, otherwise the status.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, RawStatus> {
        let Some(messages) = &mut self.messages else {
            return self.status.take().map_or(Ok(None), |status| told(&status));
        };
        match messages.next().await {
            Ok(Some(message)) => return Ok(Some(message)),
            Ok(None) => {}
            Err(Unreadable::Compressed) => {
                return Err(RawStatus::local(Code::Unimplemented, "the peer sent a compressed answer"));
            }
            Err(Unreadable::TooLarge(bytes)) => {
                let text = format!("the answer has {bytes} bytes, larger than max {ANSWER_MOST}");
                return Err(RawStatus::local(Code::ResourceExhausted, text));
            }
            Err(Unreadable::Cut) => return Err(RawStatus::local(Code::Unavailable, "the answer was cut off")),
            Err(Unreadable::Broken(status)) => return Err(failure_of(&status, true)),
        }
        let trailers = self.messages.take().and_then(Messages::trailers).unwrap_or_default();
        match Status::from_header_map(&trailers) {
            Some(status) => told(&status),
            None => Err(RawStatus::local(Code::Unavailable, "the answer ended without a status")),
        }
    }
}

/// The status that a peer sent.
fn told(status: &Status) -> Result<Option<Bytes>, RawStatus> {
    if status.code() == Code::Ok {
        return Ok(None);
    }
    let details = Bytes::copy_from_slice(status.details());
    Err(RawStatus { details, ..RawStatus::local(status.code(), status.message()) })
}

fn code_of_http(status: http::StatusCode) -> Code {
    match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502..=504 => Code::Unavailable,
        _ => Code::Unknown,
    }
}

/// The failure of a connection or of a stream. A stream that is refused may have been carried out: anybody on the way can
/// refuse it.
fn failure_of(error: &(dyn Error + 'static), taken: bool) -> RawStatus {
    let (mut away, mut deepest) = (false, error);
    let mut next = Some(error);
    while let Some(each) = next {
        if each.is::<ConnectError>() {
            away = true;
        }
        // A certificate that is not accepted does not become acceptable by waiting.
        if each.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::InvalidData) {
            away = false;
        }
        deepest = each;
        next = each.source();
    }
    let message = if away { format!("no connection: {deepest}") } else { deepest.to_string() };
    RawStatus { unsent: !taken || away, away, ..RawStatus::local(Code::Unavailable, message) }
}
