//! The channel that ordinary stubs take.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;
use tower_service::Service;

use crate::builder::Builder;
use crate::native::serve::Native;
use crate::setup_error::SetupError;

/// Makes a channel from a credentials file, such as the `client.json` of `sealwire serve --dev`. It follows the file when
/// that is replaced, and connects on the first call.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use sealwire::demo::v1::{BatchSumRequest, demo_tool_service_client::DemoToolServiceClient};
///
/// let mut tools = DemoToolServiceClient::new(sealwire::connect("client.json").await?);
/// let sum = tools.batch_sum(BatchSumRequest { numbers: vec![1.0, 2.0, 3.5] }).await?.into_inner();
/// assert_eq!(sum.total, 6.5);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If the file cannot be used. The message names the field and what to do, and never shows a key.
pub async fn connect(path: impl AsRef<Path>) -> Result<Channel, SetupError> {
    let builder = Channel::builder().credentials_file(path.as_ref());
    // Reads files, which may block.
    let built = tokio::task::spawn_blocking(move || builder.build()).await;
    built.unwrap_or_else(|_| Err(SetupError::new("The runtime is shutting down.")))
}

/// A channel to one Sealwire server, or to several replicas of it. Stubs that tonic generated take it in place of tonic's
/// own channel, and need no other change. Each call is signed, sent and repeated as far as that is safe; what comes back
/// has been verified. A clone shares the connections.
///
/// - A method that is a tool gives the tool's answer; one that is a job starts the job, watches it and gives its output.
///   A streaming job method gives messages with the progress, then the output.
/// - The deadline is that of [`tonic::Request::set_timeout`].
/// - Dropping the future or the stream of a call ends it. A job goes on, unless the metadata
///   `sealwire-cancel-on-abandon: true` was sent.
/// - The metadata `sealwire-request-id` names the intent. It and `sealwire-job-id` come back in the initial metadata, as
///   soon as the server has signed that the job is accepted, and in the trailers.
/// - `sealwire.v1`, `grpc.health.v1` and gRPC reflection are called as they are, unsigned.
/// - Messages are not compressed.
#[derive(Clone)]
pub struct Channel {
    pub(crate) native: Arc<Native>,
}

impl Channel {
    /// Begins a channel with options.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::new()
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Channel").field("credentials", &*self.native.connection.source.current()).finish()
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> ResponseFuture {
        let native = self.native.clone();
        ResponseFuture { future: Box::pin(async move { native.serve(request).await }) }
    }
}

/// The answer to a call. Dropping it ends the call.
pub struct ResponseFuture {
    future: Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>,
}

impl Future for ResponseFuture {
    type Output = Result<Response<Body>, Status>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.future.as_mut().poll(context)
    }
}

impl fmt::Debug for ResponseFuture {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("ResponseFuture").finish_non_exhaustive()
    }
}
