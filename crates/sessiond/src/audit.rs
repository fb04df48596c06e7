//! `sessiond audit`: whether the audit log is as it was written.

use app::wiring::{VerifyError, verify_audit_log};
use session_core::{Anchor, BrokenRecord, InvalidInput};

use crate::command_line::{AuditCommand, Options};
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
    if settings.store == Store::Memory {
        return Err(AuditError::NothingKept);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(AuditError::Runtime)?;
    let verdict = runtime.block_on(verify_audit_log(&settings.db_path, noted));
    let verdict = verdict.map_err(|source| AuditError::Verify {
        path: settings.db_path.display().to_string(),
        source,
    })?;
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
