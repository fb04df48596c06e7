//! The contract of every store, on SQLite, with and without copies in memory.

#![expect(clippy::expect_used, reason = "what every test here begins with")]

use std::path::Path;
use std::sync::Arc;

use session_core::ports::SessionStore;
use store_contract::restart::{self, Stores};
use store_contract::restart_grants;
use store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

async fn open(folder: &Path, copies: usize) -> Arc<SqliteStore> {
    let options = Options::new(folder.join("sessions.db")).copies(copies);
    let store = SqliteStore::open(options).await;
    Arc::new(store.expect("the database opens"))
}

async fn fresh(copies: usize) -> (Arc<SqliteStore>, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (open(folder.path(), copies).await, folder)
}

/// Every contract on a database that keeps so many copies in memory.
macro_rules! all_contracts {
    ($copies:literal) => {
        use std::sync::Arc;

        use session_core::ports::{
            AuditLog, GrantStore, OneTimeMarks, RateLimiter, RevocationList, SessionStore,
            UserDirectory,
        };
        use tempfile::TempDir;

        async fn fresh() -> (Arc<dyn SessionStore>, TempDir) {
            let (store, folder) = super::fresh($copies).await;
            (store, folder)
        }

        async fn fresh_list() -> (Arc<dyn RevocationList>, TempDir) {
            let (store, folder) = super::fresh($copies).await;
            (store, folder)
        }

        async fn fresh_limiter() -> (Arc<dyn RateLimiter>, TempDir) {
            let (store, folder) = super::fresh($copies).await;
            (store, folder)
        }

        async fn fresh_log() -> (Arc<dyn AuditLog>, TempDir) {
            let (store, folder) = super::fresh($copies).await;
            (store, folder)
        }

        async fn fresh_directory() -> (Arc<dyn UserDirectory>, TempDir) {
            let (store, folder) = super::fresh($copies).await;
            (store, folder)
        }

        async fn fresh_grants() -> (Arc<dyn GrantStore>, TempDir) {
            let (store, folder) = super::fresh($copies).await;
            (store, folder)
        }

        async fn fresh_marks() -> (Arc<dyn OneTimeMarks>, TempDir) {
            let (store, folder) = super::fresh($copies).await;
            (store, folder)
        }

        store_contract::contract_tests!(fresh);
        store_contract::revocation_tests!(fresh_list);
        store_contract::rate_limit_tests!(fresh_limiter);
        store_contract::audit_tests!(fresh_log);
        store_contract::account_tests!(fresh_directory);
        store_contract::grant_tests!(fresh_grants);
        store_contract::mark_tests!(fresh_marks);
    };
}

mod with_copies {
    all_contracts!(1000);
}

mod without_copies {
    all_contracts!(0);
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    restart::everything_survives_a_restart(async || {
        open(folder.path(), 1000).await as Arc<dyn SessionStore>
    })
    .await;
}

/// Everything over one file, opened anew each time.
async fn reopened(folder: &Path) -> Stores {
    Stores::of(open(folder, 1000).await)
}

#[tokio::test]
async fn revocations_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    restart::revocations_survive_a_restart(async || reopened(folder.path()).await).await;
}

#[tokio::test]
async fn rate_limits_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    restart::rate_limits_survive_a_restart(async || reopened(folder.path()).await).await;
}

#[tokio::test]
async fn the_audit_chain_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    restart::the_audit_chain_survives_a_restart(async || reopened(folder.path()).await).await;
}

#[tokio::test]
async fn accounts_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    restart::accounts_survive_a_restart(async || reopened(folder.path()).await).await;
}

#[tokio::test]
async fn grants_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    restart_grants::grants_survive_a_restart(async || reopened(folder.path()).await).await;
}

#[tokio::test]
async fn marks_survive_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    restart_grants::marks_survive_a_restart(async || reopened(folder.path()).await).await;
}

#[tokio::test]
async fn a_session_is_asked_for_by_its_record_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let stores = reopened(folder.path()).await;
    store_contract::audit_queries::a_session_is_asked_for_by_its_record_too(stores).await;
}

#[tokio::test]
async fn a_closed_store_answers_on_no_port() {
    let folder = tempfile::tempdir().expect("a folder");
    restart::a_closed_store_answers_on_no_port(reopened(folder.path()).await).await;
}
