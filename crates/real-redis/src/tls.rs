//! The certificates of servers with TLS: made once, into `target/real-redis/certificates`.

use std::path::{Path, PathBuf};

use crate::folders;

/// Certificates that nobody should trust, in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The certificate of the authority that signed the others.
    pub ca: PathBuf,
    /// The server's, for `127.0.0.1` and `localhost`.
    pub cert: PathBuf,
    /// The key to it.
    pub key: PathBuf,
    /// A client's.
    pub client_cert: PathBuf,
    /// The key to it.
    pub client_key: PathBuf,
}

impl TlsFiles {
    fn of(folder: &Path) -> Self {
        Self {
            ca: folder.join("ca.pem"),
            cert: folder.join("server.pem"),
            key: folder.join("server.key"),
            client_cert: folder.join("client.pem"),
            client_key: folder.join("client.key"),
        }
    }

    /// Those that were made before, if any.
    #[must_use]
    pub fn found() -> Option<Self> {
        let folder = folders::top().join("certificates");
        folder.is_dir().then(|| Self::of(&folder))
    }

    /// Those that were made before, or new ones.
    ///
    /// # Errors
    ///
    /// Where files cannot be written.
    #[cfg(feature = "certificates")]
    pub fn made() -> std::io::Result<Self> {
        use std::fs;

        fs::create_dir_all(folders::top())?;
        // The operating system lets go of it when this function ends, or the process.
        let lock = fs::File::create(folders::top().join("certificates.lock"))?;
        lock.lock()?;
        if let Some(found) = Self::found() {
            return Ok(found);
        }
        let folder = folders::top().join("certificates");
        let unfinished = folders::top().join("certificates.unfinished");
        fs::create_dir_all(&unfinished)?;
        make(&Self::of(&unfinished)).map_err(std::io::Error::other)?;
        // Its name says that all of it is there.
        fs::rename(unfinished, &folder)?;
        Ok(Self::of(&folder))
    }

    pub(crate) fn ensure() -> Self {
        #[cfg(feature = "certificates")]
        let files = Self::made().ok();
        #[cfg(not(feature = "certificates"))]
        let files = Self::found();
        files.expect("certificates are made, or were made before")
    }
}

#[cfg(feature = "certificates")]
fn make(files: &TlsFiles) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    use std::fs;

    use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

    let named = |name: &str, hosts: &[&str]| {
        let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts)?;
        params.distinguished_name.push(DnType::CommonName, name);
        Ok::<_, rcgen::Error>(params)
    };
    let mut params = named("sessiond tests", &[])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate()?;
    fs::write(&files.ca, params.self_signed(&key)?.pem())?;
    let authority = Issuer::new(params, key);
    for (name, hosts, cert, key_file) in [
        (
            "server",
            &["127.0.0.1", "localhost"][..],
            &files.cert,
            &files.key,
        ),
        ("client", &[], &files.client_cert, &files.client_key),
    ] {
        let key = KeyPair::generate()?;
        let signed = named(name, hosts)?.signed_by(&key, &authority)?;
        fs::write(cert, signed.pem())?;
        fs::write(key_file, key.serialize_pem())?;
    }
    Ok(())
}
