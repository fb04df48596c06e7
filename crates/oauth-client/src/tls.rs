use std::path::Path;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use session_core::InvalidInput;

/// TLS 1.2 and 1.3 with servers that the system trusts; that Mozilla trusts, where the system has no
/// list of its own, as in a container of one file; and that a file of the operator's names.
pub(crate) fn config(ca_file: Option<&Path>) -> Result<ClientConfig, InvalidInput> {
    let mut roots = RootCertStore::empty();
    // A list that cannot be read in part is used in part: a certificate that is missing is told by
    // the first call that needs it.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    }
    if let Some(path) = ca_file {
        add(&mut roots, path)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| InvalidInput::new("ca_file", format!("is not to be used: {error}")))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), InvalidInput> {
    let unreadable = |problem: String| InvalidInput::new("ca_file", problem);
    let certificates = CertificateDer::pem_file_iter(path)
        .map_err(|error| unreadable(format!("cannot be read: {error}")))?;
    let before = roots.len();
    for certificate in certificates {
        let certificate = certificate.map_err(|_| unreadable("is no PEM file".to_owned()))?;
        roots
            .add(certificate)
            .map_err(|_| unreadable("holds a certificate that cannot be used".to_owned()))?;
    }
    if roots.len() == before {
        return Err(unreadable("holds no certificate".to_owned()));
    }
    Ok(())
}
