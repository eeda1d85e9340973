//! Watches of jobs.

pub(crate) mod all_jobs;
pub(crate) mod answer;
pub(crate) mod encoded;
pub(crate) mod follow;
pub(crate) mod one_job;
mod stream;
