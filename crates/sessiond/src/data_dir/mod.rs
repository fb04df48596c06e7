mod holder;

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

pub(crate) use holder::Holder;

/// The folder that one server owns: its keys, its database, and the lock that says so.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// Held for as long as the process lives; the operating system lets go of it however that ends.
    lock: File,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    #[error("the data folder {} is in use by {holder}", path.display())]
    InUse { path: PathBuf, holder: Holder },
    #[error("the data folder {} cannot be used: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
}

impl DataDir {
    /// Makes the folder if it is not there (for its owner alone) and takes it for this process.
    pub(crate) fn take(path: &Path) -> Result<Self, DataDirError> {
        let io = |source| DataDirError::Io {
            path: path.to_owned(),
            source,
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(io)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path.join("sessiond.lock"))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {
                let mut data_dir = Self {
                    path: path.to_owned(),
                    lock,
                };
                // Whoever had the folder before may have been killed: nobody is to be sent there.
                data_dir.sign_off()?;
                Ok(data_dir)
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                lock.read_to_string(&mut holder).map_err(io)?;
                Err(DataDirError::InUse {
                    path: path.to_owned(),
                    holder: Holder::parse(&holder),
                })
            }
            Err(TryLockError::Error(source)) => Err(io(source)),
        }
    }

    /// Leaves word for those who come later and find the folder in use.
    pub(crate) fn sign(&mut self, holder: Holder) -> Result<(), DataDirError> {
        self.sign_off()?;
        let written = writeln!(self.lock, "{holder}");
        written.map_err(|source| self.io(source))
    }

    /// Takes the word back while the folder is still in use: from now on it is better to wait for it
    /// than to ask for who has it.
    pub(crate) fn sign_off(&mut self) -> Result<(), DataDirError> {
        let emptied = self.lock.set_len(0).and_then(|()| self.lock.rewind());
        emptied.map_err(|source| self.io(source))
    }

    fn io(&self, source: io::Error) -> DataDirError {
        DataDirError::Io {
            path: self.path.clone(),
            source,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The text of a private file in a data folder, if there is such a file.
pub(crate) fn read(folder: &Path, name: &str) -> Result<Option<String>, DataDirError> {
    match fs::read_to_string(folder.join(name)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(DataDirError::Io {
            path: folder.join(name),
            source,
        }),
    }
}

/// Keeps other processes of this program from changing a private file until the answer is dropped: a
/// lock on a file beside it, since the file itself is replaced.
pub(crate) fn lock(folder: &Path, name: &str) -> Result<File, DataDirError> {
    let path = folder.join(format!("{name}.lock"));
    let io = |source| DataDirError::Io {
        path: path.clone(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(io)?;
    file.lock().map_err(io)?;
    Ok(file)
}

/// Writes a private file into a data folder whole or not at all: a crash leaves no half of it.
pub(crate) fn write(folder: &Path, name: &str, text: &str) -> Result<(), DataDirError> {
    let path = folder.join(name);
    let io = |source| DataDirError::Io {
        path: path.clone(),
        source,
    };
    let draft = folder.join(format!("{name}.new"));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .map_err(io)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(io)?;
    fs::rename(&draft, &path).map_err(io)?;
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(io)
}
