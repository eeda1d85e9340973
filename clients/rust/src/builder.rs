//! Makes channels.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tonic::transport::Endpoint;

use crate::address::{self, Address};
use crate::channel::Channel;
use crate::connection::{Connection, Options};
use crate::contract_cache::ContractCache;
use crate::credentials::{Credentials, path_in_env, variable};
use crate::native::serve::Native;
use crate::pins::{Pins, is_digest};
use crate::replicas::Replicas;
use crate::retry::RetryPolicy;
use crate::setup_error::SetupError;
use crate::source::{FileSource, Source};
#[cfg(feature = "tls")]
use crate::tls::Tls;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(8);
/// What a server accepts as the interval of heartbeats.
const HEARTBEATS: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(60));

/// Makes a [`Channel`] with options. Begin with [`Channel::builder`].
///
/// ```no_run
/// # fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let channel = sealwire::Channel::builder()
///     .credentials_file("client.json")
///     .tls(sealwire::Tls::authority(std::fs::read("ca.pem")?))
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    given: Given,
    address: Option<String>,
    #[cfg(feature = "tls")]
    tls: Option<Tls>,
    allows_remote_plaintext: bool,
    options: Options,
}

#[derive(Clone, Debug)]
enum Given {
    Environment,
    File(PathBuf),
    Fixed(Box<Credentials>),
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            given: Given::Environment,
            address: None,
            #[cfg(feature = "tls")]
            tls: None,
            allows_remote_plaintext: false,
            options: Options {
                timeout: Duration::from_secs(60),
                retry: RetryPolicy::default(),
                heartbeat_interval: Duration::from_secs(15),
                resume_for: Duration::from_secs(300),
                pins: Pins::new(),
            },
        }
    }

    /// Takes credentials that are in memory. They do not change.
    #[must_use]
    pub fn credentials(self, credentials: Credentials) -> Self {
        Self { given: Given::Fixed(Box::new(credentials)), ..self }
    }

    /// Takes a credentials file. It is read again when it has changed, within a second of use, and before a call fails
    /// because its key is refused. So a rotated key reaches a running program by its file alone. While a server does not
    /// know a new key yet, the previous one is used. A file that cannot be used leaves the credentials as they are. A
    /// changed address takes effect with the next channel.
    #[must_use]
    pub fn credentials_file(self, path: impl Into<PathBuf>) -> Self {
        Self { given: Given::File(path.into()), ..self }
    }

    /// Takes the credentials that the environment names, as [`Credentials::from_env`] does, and follows the file in
    /// `SEALWIRE_CREDENTIALS`. This is the default.
    #[must_use]
    pub fn credentials_from_env(self) -> Self {
        Self { given: Given::Environment, ..self }
    }

    /// The address, in place of that in the credentials: `host:port`, `unix:/path` or `dns:///host:port`; several, separated
    /// by commas, are replicas of one server.
    #[must_use]
    pub fn address(self, address: impl Into<String>) -> Self {
        Self { address: Some(address.into()), ..self }
    }

    /// Connects with TLS. Without it the connection is plain text, which is allowed only to loopback and unix sockets.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(self, tls: Tls) -> Self {
        Self { tls: Some(tls), ..self }
    }

    /// Allows plain text to another machine. Anyone on the way can then read arguments and results.
    #[must_use]
    pub fn allow_remote_plaintext_that_anyone_can_read(self) -> Self {
        Self { allows_remote_plaintext: true, ..self }
    }

    /// The longest time until a call is answered or its job accepted, with all attempts, 1 ms to a day. Default 60 s. The
    /// deadline of a caller may be shorter; it alone bounds the time of a job.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        let timeout = timeout.clamp(Duration::from_millis(1), Duration::from_secs(86_400));
        Self { options: Options { timeout, ..self.options }, ..self }
    }

    /// How calls are repeated inside.
    #[must_use]
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { options: Options { retry, ..self.options }, ..self }
    }

    /// The interval of the heartbeats that watches ask for, 100 ms to 60 s. Default 15 s. A watch that is silent for 2.5
    /// intervals is resumed.
    #[must_use]
    pub fn heartbeat_interval(self, interval: Duration) -> Self {
        let heartbeat_interval = interval.clamp(HEARTBEATS.0, HEARTBEATS.1);
        Self { options: Options { heartbeat_interval, ..self.options }, ..self }
    }

    /// How long a watch is resumed without a verified message. Default 300 s.
    #[must_use]
    pub fn resume_for(self, resume_for: Duration) -> Self {
        Self { options: Options { resume_for, ..self.options }, ..self }
    }

    /// Accepts one definition only of each of these tools: what [`definition_digest`](crate::definition_digest) returns, by
    /// the name of the tool. A call of a tool that has another one fails with `FAILED_PRECONDITION` (`TOOL_CHANGED`) and is
    /// not sent, and the server refuses a call if the definition has changed since. Other tools and system tools are not
    /// checked. Default: every definition is accepted.
    #[must_use]
    pub fn pins<T: Into<String>, D: Into<String>>(self, digests: impl IntoIterator<Item = (T, D)>) -> Self {
        let pins = digests.into_iter().map(|(tool, digest)| (tool.into(), digest.into())).collect();
        Self { options: Options { pins, ..self.options }, ..self }
    }

    /// Reads the credentials and makes the channel. It connects on the first call. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// If credentials, address, TLS or a pin cannot be used. The message says what to do, and never shows a key.
    pub fn build(self) -> Result<Channel, SetupError> {
        let (source, address_in_env) = match &self.given {
            Given::Fixed(credentials) => (Source::Fixed(Arc::new(Credentials::clone(credentials))), None),
            Given::File(path) => (file(path.clone())?, None),
            Given::Environment => match path_in_env() {
                Some(path) => (file(path)?, variable("SEALWIRE_ADDRESS")),
                None => (Source::Fixed(Arc::new(Credentials::from_env()?)), None),
            },
        };
        if let Some((tool, digest)) = self.options.pins.iter().find(|(_, digest)| !is_digest(digest)) {
            let what = format!("The pin of {tool:?} is {digest:?}; it must be 64 lower-case hex digits");
            return Err(SetupError::new(format!("{what}, as sealwire::definition_digest returns.")));
        }
        let own = source.current().address.clone();
        let address = self.address.clone().or(address_in_env).unwrap_or(own);
        let addresses = address::parse(&address).map_err(|error| SetupError::new(format!("{error}.")))?;
        let channels = addresses.iter().map(|address| self.connect(address)).collect::<Result<_, _>>()?;
        let connection = Arc::new(Connection::new(source, Replicas::new(channels), self.options));
        let contracts = ContractCache::new(connection.clone());
        Ok(Channel { native: Arc::new(Native { connection, contracts }) })
    }

    fn connect(&self, address: &Address) -> Result<tonic::transport::Channel, SetupError> {
        let uses_tls = self.uses_tls();
        if !uses_tls && !address.is_local() && !self.allows_remote_plaintext {
            let uri = address.uri("");
            let what = format!("Plain text to {} is refused", uri.trim_start_matches("://"));
            return Err(SetupError::new(format!("{what}: give TLS to the builder, .tls(sealwire::Tls::system()).")));
        }
        let uri = address.uri(if uses_tls { "https" } else { "http" });
        let refused = |error: tonic::transport::Error| {
            let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            SetupError::new(format!("No connection can be made to {uri}: {error}{cause}."))
        };
        let endpoint = Endpoint::from_shared(uri.clone()).map_err(refused)?;
        let endpoint = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES * 4)
            .tcp_nodelay(true);
        #[cfg(feature = "tls")]
        let endpoint = self.with_tls(endpoint, address).map_err(|error| match error {
            Ok(error) => refused(error),
            Err(error) => error,
        })?;
        Ok(endpoint.connect_lazy())
    }

    #[cfg(not(feature = "tls"))]
    fn uses_tls(&self) -> bool {
        false
    }

    #[cfg(feature = "tls")]
    fn uses_tls(&self) -> bool {
        self.tls.is_some()
    }

    #[cfg(feature = "tls")]
    fn with_tls(
        &self,
        endpoint: Endpoint,
        address: &Address,
    ) -> Result<Endpoint, Result<tonic::transport::Error, SetupError>> {
        use tonic::transport::{Certificate, ClientTlsConfig, Identity};
        let Some(tls) = &self.tls else { return Ok(endpoint) };
        if matches!(address, Address::Unix(_)) {
            return Err(Err(SetupError::new("A unix socket is used without TLS: leave .tls(…) out.")));
        }
        for (what, pem) in tls.certificates() {
            if !pem.windows(CERTIFICATE.len()).any(|part| part == CERTIFICATE) {
                return Err(Err(SetupError::new(format!("{what} holds no certificate in PEM format."))));
            }
        }
        let config = ClientTlsConfig::new();
        let config = match &tls.authority {
            Some(authority) => config.ca_certificate(Certificate::from_pem(authority)),
            None => config.with_native_roots(),
        };
        let config = match &tls.identity {
            Some((certificate, key)) => config.identity(Identity::from_pem(certificate, key)),
            None => config,
        };
        let config = match &tls.server_name {
            Some(name) => config.domain_name(name),
            None => config,
        };
        endpoint.tls_config(config).map_err(Ok)
    }
}

#[cfg(feature = "tls")]
const CERTIFICATE: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// So much of an answer may be on its way. Results have up to 3 MiB.
const WINDOW_BYTES: u32 = 1024 * 1024;

fn file(path: PathBuf) -> Result<Source, SetupError> {
    let credentials = Credentials::read(&path)?;
    Ok(Source::File(FileSource::new(path, credentials)))
}
