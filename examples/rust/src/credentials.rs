//! Reads credentials files.

use std::{collections::HashMap, fs::File, io, os::unix::fs::PermissionsExt, path::Path};

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};

/// The ids of client, key and server, the address, and both keys.
pub struct Credentials {
    pub address: String,
    pub server_id: String,
    pub server_fingerprint: String,
    pub client_id: String,
    pub key_id: String,
    pub request_key: Vec<u8>,
    pub response_key: Vec<u8>,
}

impl Credentials {
    /// Reads a credentials file. Refuses a file that other users can access.
    pub fn read(path: impl AsRef<Path>) -> io::Result<Self> {
        let file = File::open(&path)?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return Err(io::Error::other(format!("others can read the keys: chmod 600 {}", path.as_ref().display())));
        }
        let fields: HashMap<String, String> = serde_json::from_reader(io::BufReader::new(file))?;
        let text =
            |name| fields.get(name).cloned().ok_or_else(|| io::Error::other(format!("the credentials lack {name}")));
        Ok(Self {
            address: text("address")?,
            server_id: text("server_id")?,
            server_fingerprint: text("server_fingerprint")?,
            client_id: text("client_id")?,
            key_id: text("key_id")?,
            request_key: read_key("sws_", &text("request_key")?)?,
            response_key: read_key("swr_", &text("response_key")?)?,
        })
    }
}

/// Parses the text form of a key: a prefix and base64url without padding.
pub fn read_key(prefix: &str, text: &str) -> io::Result<Vec<u8>> {
    let digits = text.strip_prefix(prefix);
    let key = digits.and_then(|digits| BASE64_URL_SAFE_NO_PAD.decode(digits).ok());
    let key = key.filter(|key| (32..=1024).contains(&key.len()));
    key.ok_or_else(|| io::Error::other(format!("the key that starts with {prefix} is damaged: copy it whole")))
}
