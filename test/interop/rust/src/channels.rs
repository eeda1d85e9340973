//! The channels that are open, by name.

use std::collections::HashMap;
use std::fs;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use serde_json::json;
use tonic::Status;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tower_service::Service;

use crate::commands::{Answer, Command, Failure};

/// A channel of the package, or an ordinary one.
#[derive(Clone)]
pub enum AnyChannel {
    Sealwire(sealwire::Channel),
    Plain(tonic::transport::Channel),
}

#[derive(Default)]
pub struct Channels {
    open: Mutex<HashMap<String, AnyChannel>>,
}

impl Channels {
    pub fn open(&self, command: &Command) -> Answer {
        let channel = make(command)?;
        self.lock().insert(command.text("channel")?.to_owned(), channel);
        Ok(json!({}))
    }

    pub fn close(&self, command: &Command) -> Answer {
        self.lock().remove(command.text("channel")?);
        Ok(json!({}))
    }

    /// The channel that a command names.
    pub fn of(&self, command: &Command) -> Result<AnyChannel, Failure> {
        let name = command.text("channel")?;
        self.lock().get(name).cloned().ok_or_else(|| format!("there is no channel {name}").into())
    }

    /// The client of the channel that a command names.
    pub fn client_of(&self, command: &Command) -> Result<sealwire::Client, Failure> {
        match self.of(command)? {
            AnyChannel::Sealwire(channel) => Ok(sealwire::Client::new(channel)),
            AnyChannel::Plain(_) => Err("a plain channel has no client".into()),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, AnyChannel>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn make(command: &Command) -> Result<AnyChannel, Failure> {
    if let Some(address) = command.optional("plain") {
        let uri = if address.starts_with("unix:") { address.to_owned() } else { format!("http://{address}") };
        return Ok(AnyChannel::Plain(Endpoint::from_shared(uri)?.connect_lazy()));
    }
    let builder = sealwire::Channel::builder();
    let builder = match (command.optional("credentials"), command.field("inline")) {
        (Some(path), _) => builder.credentials_file(path),
        (None, inline) if inline.is_object() => {
            builder.credentials(sealwire::Credentials::from_json(inline.to_string().as_bytes())?)
        }
        _ => builder.credentials_from_env(),
    };
    let builder = match command.number("timeoutMs") {
        Some(ms) => builder.timeout(Duration::from_millis(ms)),
        None => builder,
    };
    let pins = command.field("pins").as_object().into_iter().flatten();
    let builder = builder.pins(pins.filter_map(|(tool, digest)| Some((tool, digest.as_str()?))));
    let builder = match (command.optional("ca"), command.optional("cert"), command.optional("key")) {
        (Some(ca), Some(cert), Some(key)) => {
            builder.tls(sealwire::Tls::authority(fs::read(ca)?).identity(fs::read(cert)?, fs::read(key)?))
        }
        (Some(ca), ..) => builder.tls(sealwire::Tls::authority(fs::read(ca)?)),
        _ => builder,
    };
    Ok(AnyChannel::Sealwire(builder.build()?))
}

impl Service<Request<Body>> for AnyChannel {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        match self {
            Self::Sealwire(channel) => channel.poll_ready(context),
            Self::Plain(channel) => channel.poll_ready(context).map_err(|error| Status::from_error(error.into())),
        }
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self {
            Self::Sealwire(channel) => Box::pin(channel.call(request)),
            Self::Plain(channel) => {
                let answer = channel.call(request);
                Box::pin(async move { answer.await.map_err(|error| Status::from_error(error.into())) })
            }
        }
    }
}
