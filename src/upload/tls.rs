//! Certificates of the ways upstream: whom to trust, and who we are.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use super::TlsSettings;

/// Why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not what it should be.
    #[error("{} holds no {what} in PEM form: {reason}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// Why not.
        reason: String,
    },
    /// The system trusts nobody.
    #[error(
        "the system has no certificates of authorities; install ca-certificates, or name a ca_file"
    )]
    NoRoots,
    /// Certificate and key do not fit together, or are of a kind that is not supported.
    #[error("the certificate of this box cannot be used: {0}")]
    Own(rustls::Error),
}

/// TLS 1.2 or 1.3 as `settings` want it. Reads files.
///
/// # Errors
/// When a file cannot be read or makes no sense.
pub fn client_config(settings: &TlsSettings) -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Own)?
        .with_root_certificates(roots(settings)?);
    let (Some(cert_file), Some(key_file)) = (&settings.cert_file, &settings.key_file) else {
        return Ok(builder.with_no_client_auth());
    };
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(bad(key_file, "private key"))?;
    builder.with_client_auth_cert(certificates(cert_file)?, key).map_err(TlsError::Own)
}

/// A pinned authority takes the place of the system's: nobody else is trusted.
fn roots(settings: &TlsSettings) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    let found = match &settings.ca_file {
        Some(file) => certificates(file)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    let (added, _) = roots.add_parsable_certificates(found);
    match (added, &settings.ca_file) {
        (0, Some(file)) => Err(bad(file, "usable certificate")("none was found")),
        (0, None) => Err(TlsError::NoRoots),
        _ => Ok(roots),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let what = "certificate";
    let found = CertificateDer::pem_file_iter(path).map_err(bad(path, what))?;
    let found: Vec<_> = found.collect::<Result<_, _>>().map_err(bad(path, what))?;
    if found.is_empty() { Err(bad(path, what)("none was found")) } else { Ok(found) }
}

fn bad<E: ToString>(path: &Path, what: &'static str) -> impl FnOnce(E) -> TlsError {
    let path = path.to_owned();
    move |reason| TlsError::File { path, what, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_no_certificates_are_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ca.pem");
        std::fs::write(&path, "hello").unwrap();
        for file in [path, dir.path().join("missing.pem")] {
            let settings = TlsSettings { ca_file: Some(file.clone()), ..TlsSettings::default() };
            let error = client_config(&settings).unwrap_err();
            assert!(error.to_string().contains(&file.display().to_string()), "{error}");
        }
    }
}
