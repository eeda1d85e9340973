//! What is in use now.

use std::fs;

use serde_json::json;

use crate::commands::Answer;

const PAGE_BYTES: u64 = 4096;
/// Clock ticks in a second, as Linux reports times.
const TICKS: f64 = 100.0;

pub fn read() -> Answer {
    let pages = fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = pages.split(' ').nth(1).unwrap_or_default().parse()?;
    Ok(json!({
        "memoryBytes": pages * PAGE_BYTES,
        "tasks": tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        "threads": fs::read_dir("/proc/self/task")?.count(),
        "files": fs::read_dir("/proc/self/fd")?.count(),
    }))
}

/// The processor time of this process so far, in seconds.
pub fn cpu_seconds() -> Result<f64, crate::commands::Failure> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<_> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |index: usize| -> Result<f64, crate::commands::Failure> {
        Ok(fields.get(index).copied().unwrap_or_default().parse::<f64>()?)
    };
    Ok((ticks(11)? + ticks(12)?) / TICKS)
}
