//! TLS of a channel.

use std::fmt;

/// TLS with the system's root certificates, or with a given authority; with a certificate of the client where the server
/// requires one. All certificates and keys are in PEM format.
#[derive(Clone, Default)]
pub struct Tls {
    pub(crate) authority: Option<Vec<u8>>,
    pub(crate) identity: Option<(Vec<u8>, Vec<u8>)>,
    pub(crate) server_name: Option<String>,
}

impl Tls {
    /// Trusts the certificate authorities of the system.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// Trusts this certificate authority alone.
    #[must_use]
    pub fn authority(pem: impl Into<Vec<u8>>) -> Self {
        Self { authority: Some(pem.into()), ..Self::default() }
    }

    /// Shows the server this certificate, with its key.
    #[must_use]
    pub fn identity(self, certificate_pem: impl Into<Vec<u8>>, key_pem: impl Into<Vec<u8>>) -> Self {
        Self { identity: Some((certificate_pem.into(), key_pem.into())), ..self }
    }

    /// The name that the server's certificate must have. Default: the host of the address.
    #[must_use]
    pub fn server_name(self, name: impl Into<String>) -> Self {
        Self { server_name: Some(name.into()), ..self }
    }

    /// What has to hold certificates, with its name.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let authority = self.authority.iter().map(|pem| ("The certificate authority", &pem[..]));
        authority.chain(self.identity.iter().map(|(pem, _)| ("The client's certificate", &pem[..])))
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Tls")
            .field("has_authority", &self.authority.is_some())
            .field("has_identity", &self.identity.is_some())
            .field("server_name", &self.server_name)
            .finish()
    }
}
