//! The messages in the body of a gRPC request or response.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::{Buf, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body as _;
use tonic::Status;
use tonic::body::Body;

use crate::attempt::PREFIX_BYTES;

/// Reads the messages of a body.
pub(crate) struct Messages {
    body: Body,
    /// What has arrived and is not read.
    buffer: BytesMut,
    most: usize,
    trailers: Option<HeaderMap>,
}

/// Why the next message cannot be read.
pub(crate) enum Unreadable {
    Compressed,
    /// It has this number of bytes, above the limit.
    TooLarge(usize),
    /// The body ends inside a message.
    Cut,
    /// The connection or the stream broke.
    Broken(Status),
}

impl Messages {
    /// `most`: the largest message, in bytes.
    pub(crate) fn new(body: Body, most: usize) -> Self {
        Self { body, buffer: BytesMut::new(), most, trailers: None }
    }

    /// The next message; `None` at the end of the body.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Unreadable> {
        loop {
            if let Some(message) = self.take()? {
                return Ok(Some(message));
            }
            match poll_fn(|context| Pin::new(&mut self.body).poll_frame(context)).await {
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Unreadable::Cut),
                Some(Err(status)) => return Err(Unreadable::Broken(status)),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if self.buffer.is_empty() => self.buffer = into_mut(data),
                    Ok(data) => self.buffer.extend_from_slice(&data),
                    Err(frame) => self.trailers = frame.into_trailers().ok(),
                },
            }
        }
    }

    /// The trailers, after the end of the body.
    pub(crate) fn trailers(self) -> Option<HeaderMap> {
        self.trailers
    }

    fn take(&mut self) -> Result<Option<Bytes>, Unreadable> {
        let Some(&[flag, a, b, c, d]) = self.buffer.first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
        if flag != 0 {
            return Err(Unreadable::Compressed);
        }
        let length = u32::from_be_bytes([a, b, c, d]) as usize;
        if length > self.most {
            return Err(Unreadable::TooLarge(length));
        }
        if self.buffer.len() < PREFIX_BYTES + length {
            self.buffer.reserve(PREFIX_BYTES + length - self.buffer.len());
            return Ok(None);
        }
        self.buffer.advance(PREFIX_BYTES);
        Ok(Some(self.buffer.split_to(length).freeze()))
    }
}

/// The same bytes without a copy where nobody else has them.
fn into_mut(data: Bytes) -> BytesMut {
    data.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]))
}
