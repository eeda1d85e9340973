#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod address;
mod attempt;
mod builder;
mod channel;
mod client;
mod connection;
mod contract;
mod contract_cache;
mod credentials;
mod deadline;
mod declarations;
mod definition;
mod endpoint;
mod job;
mod messages;
mod native;
mod outcome;
mod pins;
mod problem;
mod random;
mod replicas;
mod retry;
mod setup_error;
pub mod signing;
mod source;
mod status;
#[cfg(feature = "tls")]
mod tls;
mod tool_call;
mod trace_context;
mod typed;
mod watch;
mod wire_field;

pub use builder::Builder;
pub use channel::{Channel, ResponseFuture, connect};
pub use client::{CallOptions, Client};
pub use credentials::{Credentials, read_key};
pub use definition::{DescriptorError, definition_digest};
pub use job::{Job, JobWatch};
pub use retry::RetryPolicy;
pub use setup_error::SetupError;
pub use signing::Unverified;
pub use status::{error_of, is_unverified, reason_of};
#[cfg(feature = "tls")]
pub use tls::Tls;

/// The protocol: frames, Envelope, Response, Job, Error.
#[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
pub mod v1 {
    include!("gen/sealwire.v1.rs");
}

/// The tools that every server has.
pub mod system {
    /// Package `sealwire.system.v1`.
    #[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
    pub mod v1 {
        include!("gen/sealwire.system.v1.rs");
    }
}

/// The tools of operators, for keys of the role operator or viewer.
pub mod operator {
    /// Package `sealwire.operator.v1`.
    #[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
    pub mod v1 {
        include!("gen/sealwire.operator.v1.rs");
    }
}

/// Arguments and results of the tools of MCP servers.
pub mod mcp {
    /// Package `sealwire.mcp.v1`.
    #[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
    pub mod v1 {
        include!("gen/sealwire.mcp.v1.rs");
    }
}

/// Two tools to try a server with.
pub mod demo {
    /// Package `sealwire.demo.v1`.
    #[allow(missing_docs, clippy::all, clippy::pedantic, rustdoc::all)]
    pub mod v1 {
        include!("gen/sealwire.demo.v1.rs");
    }
}
