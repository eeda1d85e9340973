//! Does what it is told, a command a line: `test/interop/AGENT.md` of the repository describes the commands.

mod channels;
mod client;
mod commands;
mod json;
mod load;
mod random;
mod resources;
mod stubs;

/// Generated from `test/interop/proto`.
#[allow(clippy::all, clippy::pedantic)]
mod interop {
    include!(concat!(env!("OUT_DIR"), "/interop.v1.rs"));
}

use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match commands::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
