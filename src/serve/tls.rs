//! Who a server is: a certificate and its key, given, or made together with the authority that signs it.

use std::{sync::Arc, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use thiserror::Error;
use tokio_rustls::rustls::{
    self, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, pem::PemObject as _},
};

use crate::clock::{Clock as _, RunningClock};

/// How long a certificate is good from the day before it was made. Apple's systems refuse more than 825 days.
const LIFETIME: Duration = Duration::from_hours(24 * 366);

/// A certificate with its key.
#[derive(Clone)]
pub struct Identity {
    config: Arc<ServerConfig>,
    authority: Option<String>,
}

/// Why there is no certificate.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// A name is none that a certificate can be for, or nothing could be signed.
    #[error("no certificate could be made: {0}")]
    NotMade(#[from] rcgen::Error),
    /// The text of the certificates cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Certificate(#[source] rustls::pki_types::pem::Error),
    /// There is no certificate in the text.
    #[error("there is no `CERTIFICATE` in it")]
    NoCertificate,
    /// The text of the key cannot be read.
    #[error("the key cannot be read: {0}")]
    Key(#[source] rustls::pki_types::pem::Error),
    /// They do not go together.
    #[error("the certificate and the key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
}

impl Identity {
    /// Makes an authority, and a certificate of it for `localhost`, the addresses of loopback and `names` (hosts or IP
    /// addresses). The authority's key is gone then: it will never sign another.
    pub fn made(names: &[String]) -> Result<Self, IdentityError> {
        let now = RunningClock::default().now();
        let now = date_time_ymd(1970, 1, 1) + Duration::from_secs(now.as_secs());
        let params = |names: Vec<String>, common: &str| -> Result<_, rcgen::Error> {
            let mut params = CertificateParams::new(names)?;
            params.distinguished_name.push(DnType::CommonName, common);
            params.not_before = now - Duration::from_hours(24);
            params.not_after = params.not_before + LIFETIME;
            Ok(params)
        };

        let mut authority = params(Vec::new(), "countersign test authority")?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let authority_key = KeyPair::generate()?;
        let authority_pem = authority.self_signed(&authority_key)?.pem();
        let issuer = Issuer::new(authority, authority_key);

        let known = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let names = known.iter().chain(names.iter().filter(|name| !known.contains(name)));
        let mut server = params(names.cloned().collect(), "countersign")?;
        server.use_authority_key_identifier_extension = true;
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &issuer)?.der().clone();
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = config(vec![certificate], key.into())?;
        Ok(Self { config: Arc::new(config), authority: Some(authority_pem) })
    }

    /// Reads a certificate, with those between it and its authority behind it, and its key.
    pub fn from_pem(certificates: &[u8], key: &[u8]) -> Result<Self, IdentityError> {
        let certificates = CertificateDer::pem_slice_iter(certificates)
            .collect::<Result<Vec<_>, _>>()
            .map_err(IdentityError::Certificate)?;
        if certificates.is_empty() {
            return Err(IdentityError::NoCertificate);
        }
        let key = PrivateKeyDer::from_pem_slice(key).map_err(IdentityError::Key)?;
        Ok(Self { config: Arc::new(config(certificates, key)?), authority: None })
    }

    /// The certificate of the authority that was made, as PEM: a client has to trust it.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// On the provider that the client of a run has, so that there is one.
fn config(
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(certificates, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
