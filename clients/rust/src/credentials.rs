//! The credentials of a client: ids, address and keys.

use std::env;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::address;
use crate::setup_error::SetupError;
use crate::signing::Key;

/// The largest credentials file that is read.
const FILE_MOST: u64 = 64 * 1024;

/// The ids, the address and the two keys with which a client calls one server. Text forms do not show the keys.
#[derive(Clone)]
pub struct Credentials {
    pub(crate) address: String,
    pub(crate) server_id: String,
    pub(crate) server_fingerprint: String,
    pub(crate) client_id: String,
    pub(crate) key_id: String,
    pub(crate) request_key: Key,
    pub(crate) response_key: Key,
    /// Both keys, to tell new credentials from old ones.
    keys: (Vec<u8>, Vec<u8>),
}

impl Credentials {
    /// Reads a credentials file, such as the `client.json` of `sealwire serve --dev`.
    ///
    /// # Errors
    ///
    /// If there is no such file, if others than its owner can read it, or if its content is not valid. The message names
    /// the field and what to do, never a key.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, SetupError> {
        let path = path.as_ref();
        let what = |problem: &str| SetupError::new(format!("The credentials file {} {problem}.", path.display()));
        let file = File::open(path).map_err(|error| what(&format!("cannot be opened: {error}")))?;
        check_private(&file, path)?;
        let mut bytes = Vec::new();
        file.take(FILE_MOST).read_to_end(&mut bytes).map_err(|error| what(&format!("cannot be read: {error}")))?;
        Self::parse(&bytes, &format!("The credentials in {}", path.display()))
    }

    /// Reads the JSON of a credentials file that is in memory.
    ///
    /// # Errors
    ///
    /// As of [`read`](Self::read).
    pub fn from_json(json: &[u8]) -> Result<Self, SetupError> {
        Self::parse(json, "The credentials")
    }

    /// Reads the file that the environment variable `SEALWIRE_CREDENTIALS` names; without it, the variables
    /// `SEALWIRE_ADDRESS`, `SEALWIRE_SERVER_ID`, `SEALWIRE_CLIENT_ID`, `SEALWIRE_KEY_ID`, `SEALWIRE_REQUEST_KEY`,
    /// `SEALWIRE_RESPONSE_KEY` and `SEALWIRE_SERVER_FINGERPRINT`, which hold what the members of the file do. With a file,
    /// `SEALWIRE_ADDRESS` replaces its address.
    ///
    /// A channel that is to follow changes of the file is made by
    /// [`Builder::credentials_from_env`](crate::Builder::credentials_from_env).
    ///
    /// # Errors
    ///
    /// As of [`read`](Self::read); also if a variable is missing, which the message names.
    pub fn from_env() -> Result<Self, SetupError> {
        if let Some(path) = path_in_env() {
            let mut credentials = Self::read(path)?;
            if let Some(address) = variable("SEALWIRE_ADDRESS") {
                address::parse(&address)?;
                credentials.address = address;
            }
            return Ok(credentials);
        }
        let fields = NAMES.iter().filter_map(|name| {
            let value = variable(&format!("SEALWIRE_{}", name.to_uppercase()))?;
            Some(((*name).to_owned(), Value::String(value)))
        });
        let found: Map<String, Value> = fields.collect();
        if found.is_empty() {
            let to_do = "set SEALWIRE_CREDENTIALS to the path of a credentials file";
            return Err(SetupError::new(format!("There are no credentials in the environment; {to_do}.")));
        }
        Fields { found: &found, prefix: "SEALWIRE_", name: "The credentials in the environment" }.read()
    }

    fn parse(json: &[u8], name: &str) -> Result<Self, SetupError> {
        match serde_json::from_slice(json) {
            Ok(Value::Object(found)) => Fields { found: &found, prefix: "", name }.read(),
            Ok(_) => Err(SetupError::new(format!("{name} are no JSON object."))),
            // The message of the parser may quote what it has read.
            Err(error) => {
                let (line, column) = (error.line(), error.column());
                Err(SetupError::new(format!("{name} are no JSON: see line {line}, column {column}.")))
            }
        }
    }

    /// The address of the server, or several separated by commas.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The server that is called.
    #[must_use]
    pub fn server_id(&self) -> &str {
        &self.server_id
    }

    /// The fingerprint of the secret from which the server made the keys, 32 hex digits.
    #[must_use]
    pub fn server_fingerprint(&self) -> &str {
        &self.server_fingerprint
    }

    /// The caller.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Names the pair of keys.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The key that signs requests.
    #[must_use]
    pub fn request_key(&self) -> &Key {
        &self.request_key
    }

    /// The key that verifies answers.
    #[must_use]
    pub fn response_key(&self) -> &Key {
        &self.response_key
    }

    /// True if both are the same keys of the same client and server.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.key_id == other.key_id
            && self.client_id == other.client_id
            && self.server_id == other.server_id
            && self.server_fingerprint == other.server_fingerprint
            && self.keys == other.keys
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Credentials")
            .field("address", &self.address)
            .field("server_id", &self.server_id)
            .field("client_id", &self.client_id)
            .field("key_id", &self.key_id)
            .finish_non_exhaustive()
    }
}

/// Reads the text form of a key: `sws_` for a request key, `swr_` for a response key, and base64url without padding.
///
/// # Errors
///
/// If it is not such a text, or the key has not 32 to 1024 bytes. The message does not contain the text.
pub fn read_key(prefix: &str, text: &str) -> Result<Vec<u8>, SetupError> {
    let problem = |what: String| SetupError::new(format!("must {what}; copy it whole"));
    let digits = text.strip_prefix(prefix).ok_or_else(|| problem(format!("start with \"{prefix}\"")))?;
    let key = BASE64_URL_SAFE_NO_PAD.decode(digits);
    let key = key.map_err(|_| problem(format!("be \"{prefix}\" and base64url without padding")))?;
    if (32..=1024).contains(&key.len()) {
        Ok(key)
    } else {
        Err(problem(format!("hold 32 to 1024 bytes, and holds {}", key.len())))
    }
}

pub(crate) fn path_in_env() -> Option<PathBuf> {
    env::var_os("SEALWIRE_CREDENTIALS").filter(|path| !path.is_empty()).map(PathBuf::from)
}

pub(crate) fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

const NAMES: [&str; 7] =
    ["address", "server_id", "server_fingerprint", "client_id", "key_id", "request_key", "response_key"];

/// The members of credentials, and their names in messages.
struct Fields<'a> {
    found: &'a Map<String, Value>,
    prefix: &'a str,
    name: &'a str,
}

impl Fields<'_> {
    fn read(&self) -> Result<Credentials, SetupError> {
        let keys = (self.key("request_key", "sws_")?, self.key("response_key", "swr_")?);
        let address = self.text("address")?.to_owned();
        address::parse(&address).map_err(|error| self.wrong("address", &error.to_string()))?;
        let fingerprint = self.text("server_fingerprint")?.to_owned();
        let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if fingerprint.len() != 32 || !fingerprint.bytes().all(is_hex) {
            return Err(self.wrong("server_fingerprint", "must be 32 hex digits"));
        }
        Ok(Credentials {
            address,
            server_id: self.id("server_id")?,
            server_fingerprint: fingerprint,
            client_id: self.id("client_id")?,
            key_id: self.id("key_id")?,
            request_key: Key::new(&keys.0),
            response_key: Key::new(&keys.1),
            keys,
        })
    }

    fn text(&self, field: &str) -> Result<&str, SetupError> {
        match self.found.get(field) {
            Some(Value::String(text)) => Ok(text),
            Some(_) => Err(self.wrong(field, "must be a text")),
            None => Err(self.wrong(field, "is missing")),
        }
    }

    fn id(&self, field: &str) -> Result<String, SetupError> {
        let id = self.text(field)?;
        if is_identifier(id) {
            Ok(id.to_owned())
        } else {
            Err(self.wrong(field, "must be 1 to 128 printable ASCII characters without spaces"))
        }
    }

    fn key(&self, field: &str, prefix: &str) -> Result<Vec<u8>, SetupError> {
        read_key(prefix, self.text(field)?).map_err(|error| self.wrong(field, &error.to_string()))
    }

    fn wrong(&self, field: &str, problem: &str) -> SetupError {
        let field = if self.prefix.is_empty() { field.to_owned() } else { field.to_uppercase() };
        SetupError::new(format!("{} are refused: {}{field} {problem}.", self.name, self.prefix))
    }
}

/// 1 to 128 printable ASCII characters without spaces.
pub(crate) fn is_identifier(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(unix)]
fn check_private(file: &File, path: &Path) -> Result<(), SetupError> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata().map_err(|error| SetupError::new(format!("{}: {error}.", path.display())))?;
    if metadata.is_dir() {
        return Err(SetupError::new(format!("The credentials file {} is a folder; give a file.", path.display())));
    }
    let mode = metadata.mode() & 0o777;
    // A file of root, such as a mounted secret, may be readable for the group of a reader who is not root.
    let is_lent = metadata.uid() == 0 && fs::metadata("/proc/self").is_ok_and(|own| own.uid() != 0);
    if mode & if is_lent { 0o037 } else { 0o077 } == 0 {
        return Ok(());
    }
    let path = path.display();
    let problem = format!("The credentials file {path} has mode {mode:04o}: users other than its owner can read it.");
    Err(SetupError::new(format!("{problem}\nchmod 600 {path}")))
}

#[cfg(not(unix))]
fn check_private(_file: &File, _path: &Path) -> Result<(), SetupError> {
    Ok(())
}
