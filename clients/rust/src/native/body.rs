//! Bodies of answers to ordinary stubs.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response};
use http_body::Frame;
use tonic::body::Body;

use crate::attempt::prefixed;
use crate::status::KnownCall;

/// The headers of an answer, with the ids of the call.
pub(super) fn answer(call: &KnownCall, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.version_mut() = http::Version::HTTP_2;
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    call.write_ids(headers);
    response
}

/// The trailers of a successful call, with its ids.
pub(super) fn trailers(call: &KnownCall) -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(4);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    call.write_ids(&mut trailers);
    trailers
}

/// One message and the trailers.
pub(super) struct OneAnswer {
    message: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl OneAnswer {
    pub(super) fn new(call: &KnownCall, message: &[u8]) -> Self {
        Self { message: Some(prefixed(message)), trailers: Some(trailers(call)) }
    }
}

impl http_body::Body for OneAnswer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let this = self.get_mut();
        let message = this.message.take().map(Frame::data);
        Poll::Ready(message.or_else(|| this.trailers.take().map(Frame::trailers)).map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.trailers.is_none()
    }
}
