//! Credentials that may be replaced while a channel uses them.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use crate::credentials::Credentials;

/// Minimum time between two looks at the file, unless the server has refused its credentials.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// Time in which new credentials may be unknown to a server, such as one whose key ring is mounted.
const SETTLING: Duration = Duration::from_secs(120);
/// How long the previous credentials are used again after new ones were refused in that time.
const FALLBACK: Duration = Duration::from_secs(5);

/// Where the credentials of the next attempt come from.
pub(crate) enum Source {
    /// They do not change.
    Fixed(Arc<Credentials>),
    /// A file that may be replaced.
    File(FileSource),
}

impl Source {
    /// The credentials for the next attempt: the same object until they change.
    pub(crate) fn current(&self) -> Arc<Credentials> {
        match self {
            Self::Fixed(credentials) => credentials.clone(),
            Self::File(file) => file.current(),
        }
    }

    /// Called when a server has refused `used`. True if [`current`](Self::current) now gives others.
    pub(crate) fn renew(&self, used: &Arc<Credentials>) -> bool {
        match self {
            Self::Fixed(_) => false,
            Self::File(file) => file.renew(used),
        }
    }
}

/// A credentials file, read again when it has changed. A file that cannot be used leaves the credentials as they are.
pub(crate) struct FileSource {
    path: PathBuf,
    state: Mutex<State>,
}

struct State {
    /// The credentials in use: the newest, or for a while the ones before.
    used: Arc<Credentials>,
    newest: Arc<Credentials>,
    /// The ones before the newest, until these are settled or the ones before are refused.
    before: Option<Arc<Credentials>>,
    settled_at: Instant,
    /// When the newest are used again.
    newest_at: Instant,
    version: Option<Version>,
    looked_at: Instant,
}

impl FileSource {
    /// Takes credentials that were just read from the file.
    pub(crate) fn new(path: PathBuf, credentials: Credentials) -> Self {
        let (now, credentials) = (Instant::now(), Arc::new(credentials));
        // The file may have changed since it was read, so that the first look reads it again.
        let state = State {
            used: credentials.clone(),
            newest: credentials,
            before: None,
            settled_at: now,
            newest_at: now,
            version: None,
            looked_at: now,
        };
        Self { path, state: Mutex::new(state) }
    }

    fn current(&self) -> Arc<Credentials> {
        let (now, mut state) = (Instant::now(), self.lock());
        if now - state.looked_at >= LOOK_INTERVAL {
            self.look(&mut state);
        }
        if now >= state.newest_at && !Arc::ptr_eq(&state.used, &state.newest) {
            state.used = state.newest.clone();
        }
        state.used.clone()
    }

    fn renew(&self, used: &Arc<Credentials>) -> bool {
        let mut state = self.lock();
        if Arc::ptr_eq(&state.used, used) {
            self.look(&mut state);
        }
        !Arc::ptr_eq(&state.used, used) || state.switch_from(used)
    }

    /// Reads the file if it is not the one that was read last.
    fn look(&self, state: &mut State) {
        state.looked_at = Instant::now();
        let Some(version) = Version::of(&self.path) else { return };
        if state.version == Some(version) {
            return;
        }
        state.version = Some(version);
        if let Ok(read) = Credentials::read(&self.path) {
            state.adopt(read);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Other clients have other jobs and request ids, so credentials of another client or server are left aside.
    fn adopt(&mut self, read: Credentials) {
        let newest = &self.newest;
        if read.equals(newest) || read.client_id != newest.client_id || read.server_id != newest.server_id {
            return;
        }
        let now = Instant::now();
        self.before = Some(self.used.clone());
        self.settled_at = now + SETTLING;
        self.newest = Arc::new(read);
        self.newest_at = now;
        self.used = self.newest.clone();
    }

    /// Switches between the newest credentials and the ones before. False if there are no others to try.
    fn switch_from(&mut self, refused: &Arc<Credentials>) -> bool {
        let now = Instant::now();
        if !Arc::ptr_eq(refused, &self.newest) {
            self.before = None;
            self.used = self.newest.clone();
            self.newest_at = now;
            return true;
        }
        match &self.before {
            Some(before) if now < self.settled_at => {
                self.used = before.clone();
                self.newest_at = now + FALLBACK;
                true
            }
            _ => false,
        }
    }
}

/// Tells versions of a file apart without reading it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Version {
    id: [u64; 4],
    length: u64,
    modified: Option<SystemTime>,
}

impl Version {
    /// `None` if there is no file. A pipe gives its content once, and opening it again may wait for ever.
    fn of(path: &PathBuf) -> Option<Self> {
        let metadata = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        Some(Self { id: identity(&metadata), length: metadata.len(), modified: metadata.modified().ok() })
    }
}

#[cfg(unix)]
fn identity(metadata: &fs::Metadata) -> [u64; 4] {
    use std::os::unix::fs::MetadataExt;
    [metadata.dev(), metadata.ino(), metadata.ctime().cast_unsigned(), metadata.ctime_nsec().cast_unsigned()]
}

#[cfg(not(unix))]
fn identity(_metadata: &fs::Metadata) -> [u64; 4] {
    [0; 4]
}

#[cfg(all(test, unix))]
mod tests {
    use std::process::Command;
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn a_pipe_is_not_waited_for() {
        let path = std::env::temp_dir().join(format!("sealwire-pipe-{}", std::process::id()));
        let _ = fs::remove_file(&path);
        assert!(Command::new("mkfifo").args(["-m", "600"]).arg(&path).status().unwrap().success());
        let key = "A".repeat(43);
        let json = format!(
            r#"{{"address": "127.0.0.1:1", "server_id": "s", "server_fingerprint": "0123456789abcdef0123456789abcdef",
                "client_id": "c", "key_id": "k", "request_key": "sws_{key}", "response_key": "swr_{key}"}}"#
        );
        let writer = path.clone();
        thread::spawn(move || fs::write(writer, json));
        let source = FileSource::new(path.clone(), Credentials::read(&path).unwrap());
        let (tell, told) = mpsc::channel();
        thread::spawn(move || tell.send(source.renew(&source.current())));
        assert_eq!(told.recv_timeout(Duration::from_secs(2)), Ok(false));
        fs::remove_file(path).unwrap();
    }
}
