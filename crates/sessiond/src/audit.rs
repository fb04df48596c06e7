//! `sessiond audit`: whether the audit log is as it was written.

use app::wiring::{VerifyError, WiringError, verify_audit_log};
use session_core::ports::StoreError;
use session_core::{Anchor, BrokenRecord, InvalidInput, Verified};

use crate::command_line::{AuditCommand, Options};
use crate::data_dir::Holder;
use crate::services;
use crate::settings::{BadSettings, Settings, Store};

/// Why the log could not be verified, or that it is broken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditError {
    #[error(transparent)]
    Settings(#[from] BadSettings),
    #[error("--noted: {0}")]
    Noted(InvalidInput),
    #[error("the memory store keeps no audit log between runs")]
    NothingKept,
    #[error("the runtime cannot be started: {0}")]
    Runtime(std::io::Error),
    #[error("{path}: {source}")]
    Verify { path: String, source: VerifyError },
    #[error(transparent)]
    Wiring(#[from] WiringError),
    #[error("{source}{}", cause_of(source))]
    Store {
        #[from]
        source: StoreError,
    },
    #[error("the audit log is broken: {0}")]
    Broken(BrokenRecord),
    #[error(
        "record {}, which was noted, is older than the records that are kept: what is kept is intact, \
         but nothing tells whether the log was rewritten since; note the head above",
        .0.sequence
    )]
    NotedIsForgotten(Anchor),
}

pub(crate) fn audit(command: &AuditCommand, options: &Options) -> Result<(), AuditError> {
    let AuditCommand::Verify { noted } = command;
    let settings = Settings::read(options)?;
    let noted: Option<Anchor> = noted
        .as_deref()
        .map(str::parse)
        .transpose()
        .map_err(AuditError::Noted)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(AuditError::Runtime)?;
    let verdict = runtime.block_on(verify(&settings, noted))?;
    let verified = verdict.map_err(AuditError::Broken)?;
    #[expect(
        clippy::print_stdout,
        reason = "the verdict is what the command prints"
    )]
    {
        println!(
            "the audit log is intact: {} records, from {} to {}",
            verified.records,
            verified.base.sequence + 1,
            verified.head.sequence
        );
        println!("head {}", verified.head);
    }
    match noted.filter(|noted| !verified.reaches_back_to(noted)) {
        Some(noted) => Err(AuditError::NotedIsForgotten(noted)),
        None => Ok(()),
    }
}

/// Follows the chain: of SQLite in a file that a server may have, of Redis over the network.
async fn verify(
    settings: &Settings,
    noted: Option<Anchor>,
) -> Result<Result<Verified, BrokenRecord>, AuditError> {
    match &settings.store {
        Store::Memory => Err(AuditError::NothingKept),
        Store::Sqlite => {
            let path = &settings.db_path;
            let verdict = verify_audit_log(path, noted).await;
            verdict.map_err(|source| AuditError::Verify {
                path: path.display().to_string(),
                source,
            })
        }
        Store::Redis(_) => {
            let stores = services::stores(settings, Holder::command()).await?;
            let verdict = stores.audit.verify(noted).await;
            stores.sessions.close().await;
            Ok(verdict?)
        }
    }
}

fn cause_of(error: &StoreError) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(String::new, |cause| format!(" ({cause})"))
}
