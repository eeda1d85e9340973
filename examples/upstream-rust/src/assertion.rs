//! Checks the assertion of a call: Sealwire's signature for this client, this tool and these arguments.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::{fs, io};

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use tonic::Status;

use crate::metadata::Call;

const LIFETIME_S: u64 = 60;
const LEEWAY_S: u64 = 5;
const REQUEST_BYTES_MOST: usize = 4 * 1024 * 1024;
/// The tool of each method. Without it an assertion for one tool would do for another one that takes the same bytes.
const TOOLS: [(&str, &str); 3] = [("AddNote", "add_note"), ("CountWords", "count_words"), ("HashPages", "hash_pages")];

#[derive(Deserialize)]
struct Claims {
    sub: String,
    jti: String,
    exp: u64,
    tool: String,
    attempt: u32,
    args_sha256: String,
}

/// Checks assertions with the keys of a JWKS file, which is read again when it changes. Accepts each one once.
pub struct Verifier {
    jwks: PathBuf,
    validation: Validation,
    state: Mutex<VerifierState>,
}

struct VerifierState {
    version: FileVersion,
    keys: JwkSet,
    /// The ids of used assertions, with the second until which they are remembered.
    used: HashMap<String, u64>,
}

type FileVersion = (u64, u64, i64, i64);

/// Middleware that lets a call through if its assertion holds. An assertion covers the request as it was received, which the
/// service itself does not see.
pub async fn require_assertion(State(verifier): State<Arc<Verifier>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let method = parts.uri.path().rsplit('/').next().unwrap_or_default();
    let call = Call::of(method, &parts.headers);
    let Ok(bytes) = to_bytes(body, REQUEST_BYTES_MOST).await else {
        return Status::resource_exhausted("the request is too large").into_http();
    };
    match message(&bytes).and_then(|message| verifier.check(&call, message)) {
        Ok(()) => next.run(Request::from_parts(parts, bytes.into())).await,
        Err(why) => Status::unauthenticated(format!("sealwire-assertion: {why}")).into_http(),
    }
}

/// Returns the one message in a gRPC request: it stands behind a byte for its compression and four for its length.
fn message(body: &[u8]) -> Result<&[u8], String> {
    match body.split_first_chunk::<5>() {
        Some(([0, length @ ..], message)) if u32::from_be_bytes(*length) as usize == message.len() => Ok(message),
        _ => Err("the request is not one message without compression".into()),
    }
}

impl Verifier {
    /// Reads the JWKS file.
    pub fn new(jwks: PathBuf, audience: &str) -> io::Result<Self> {
        let mut validation = Validation::new(Algorithm::ES256);
        validation.leeway = LEEWAY_S;
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        let version = file_version(&jwks)?;
        let keys = serde_json::from_slice(&fs::read(&jwks)?)?;
        Ok(Self { jwks, validation, state: Mutex::new(VerifierState { version, keys, used: HashMap::new() }) })
    }

    /// Says why the assertion does not hold for the call, or for the serialized request as it was received.
    pub fn check(&self, call: &Call, request: &[u8]) -> Result<(), String> {
        let assertion = call.assertion.as_ref().ok_or("missing")?;
        let kid = decode_header(assertion).map_err(|error| error.to_string())?.kid;
        let mut state = self.state.lock().expect("no call panics while it checks");
        self.read_keys_if_changed(&mut state);
        let key = kid.and_then(|kid| state.keys.find(&kid)).ok_or("kid names no key of the JWKS file")?;
        let claims = DecodingKey::from_jwk(key)
            .and_then(|key| decode::<Claims>(assertion, &key, &self.validation))
            .map_err(|error| error.to_string())?
            .claims;

        let require = |holds: bool, otherwise: &str| if holds { Ok(()) } else { Err(String::from(otherwise)) };
        let now_s = jsonwebtoken::get_current_timestamp();
        require(claims.exp <= now_s + LIFETIME_S + LEEWAY_S, "it is valid for more than 60 s")?;
        require(call.client.as_ref() == Some(&claims.sub), "sub is not sealwire-client-id")?;
        let is_its_tool = TOOLS.contains(&(&call.method, &claims.tool)) && call.tool.as_ref() == Some(&claims.tool);
        require(is_its_tool, "tool is not sealwire-tool, or not the tool of the method")?;
        require(call.attempt == Some(claims.attempt), "attempt is not sealwire-attempt")?;
        let digest = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(request));
        require(claims.args_sha256 == digest, "args_sha256 is not the hash of the request")?;
        state.used.retain(|_, until_s| *until_s >= now_s);
        require(!state.used.contains_key(&claims.jti), "jti was used before")?;
        state.used.insert(claims.jti, claims.exp + LEEWAY_S);
        Ok(())
    }

    fn read_keys_if_changed(&self, state: &mut VerifierState) {
        let version = file_version(&self.jwks).unwrap_or_default();
        if version == state.version {
            return;
        }
        state.version = version;
        let read = fs::read(&self.jwks).and_then(|text| Ok(serde_json::from_slice(&text)?));
        match read {
            Ok(keys) => state.keys = keys,
            Err(error) => eprintln!("{}: {error}; the keys read before stay in use", self.jwks.display()),
        }
    }
}

fn file_version(path: &PathBuf) -> io::Result<FileVersion> {
    let metadata = fs::metadata(path)?;
    Ok((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}
