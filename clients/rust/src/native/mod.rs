//! Calls of ordinary stubs, carried out as signed calls.

mod abandon;
mod body;
mod intent;
mod job_body;
pub(crate) mod serve;
