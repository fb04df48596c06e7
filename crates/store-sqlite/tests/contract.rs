//! The contract of every store, on SQLite, with and without copies in memory.

#![expect(clippy::expect_used, reason = "what every test here begins with")]

use std::path::Path;
use std::sync::Arc;

use session_core::ports::SessionStore;
use store_sqlite::{Options, SqliteStore};
use tempfile::TempDir;

async fn open(folder: &Path, copies: usize) -> Arc<dyn SessionStore> {
    let options = Options::new(folder.join("sessions.db")).copies(copies);
    Arc::new(
        SqliteStore::open(options)
            .await
            .expect("the database opens"),
    )
}

async fn fresh(copies: usize) -> (Arc<dyn SessionStore>, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    (open(folder.path(), copies).await, folder)
}

mod with_copies {
    async fn fresh() -> (std::sync::Arc<dyn super::SessionStore>, super::TempDir) {
        super::fresh(1000).await
    }

    store_contract::contract_tests!(fresh);
}

mod without_copies {
    async fn fresh() -> (std::sync::Arc<dyn super::SessionStore>, super::TempDir) {
        super::fresh(0).await
    }

    store_contract::contract_tests!(fresh);
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    store_contract::restart::everything_survives_a_restart(async || {
        open(folder.path(), 1000).await
    })
    .await;
}
