//! The flags.

use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

/// Serves the archive tools.
#[derive(Parser)]
pub struct Options {
    /// unix:PATH or 127.0.0.1:PORT; port 0 picks one
    #[arg(long, value_parser = address)]
    pub listen: Address,
    /// File of the notes; made if missing
    #[arg(long)]
    pub notes: PathBuf,
    /// Keys of the assertions, or none; required with TCP
    #[arg(long, default_value = "none")]
    jwks: PathBuf,
    /// Audience of the assertions; required with --jwks
    #[arg(long)]
    audience: Option<String>,
    /// Milliseconds from a note on disk to the answer
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub pause_after_effect: u64,
}

/// Where the server listens.
#[derive(Clone)]
pub enum Address {
    Unix(PathBuf),
    Tcp(SocketAddrV4),
}

/// How assertions are checked.
pub struct AssertionOptions {
    pub jwks: PathBuf,
    pub audience: String,
}

impl Options {
    /// How assertions are checked, if they are. Exits if the flags do not fit together.
    pub fn assertion(&self) -> Option<AssertionOptions> {
        let fail = |why: &str| Self::command().error(ErrorKind::MissingRequiredArgument, why).exit();
        match (&self.listen, &self.audience) {
            (Address::Unix(_), _) if self.jwks == Path::new("none") => None,
            (Address::Tcp(_), _) if self.jwks == Path::new("none") => {
                fail("--listen with TCP needs --jwks and --audience: every user of the machine can connect")
            }
            (_, None) => fail("--jwks needs --audience"),
            (_, Some(audience)) => Some(AssertionOptions { jwks: self.jwks.clone(), audience: audience.clone() }),
        }
    }
}

fn address(text: &str) -> Result<Address, String> {
    if let Some(path) = text.strip_prefix("unix:").map(Path::new) {
        let folder = path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new("."));
        let mode = fs::metadata(folder).map_err(|error| error.to_string())?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(format!("others can enter the socket's folder: chmod 700 {}", folder.display()));
        }
        return Ok(Address::Unix(path.into()));
    }
    match text.parse::<SocketAddrV4>() {
        Ok(address) if *address.ip() == Ipv4Addr::LOCALHOST => Ok(Address::Tcp(address)),
        _ => Err("it is neither unix:PATH nor 127.0.0.1:PORT".into()),
    }
}
