//! What a refresh costs besides the provider's own time. Prints figures, and judges none.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use app::{Origin, SessionRef, Stores, TokenPolicy};
use session_core::{RefreshReason, SessionId};
use store_memory::MemoryStore;
use store_sqlite::{Options, SqliteStore};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::harness::{Bed, World, policy};

const SESSIONS: usize = 512;
const REFRESHES_EACH: usize = 10;

/// The processor time that this process has used so far, where the system tells.
fn processor_time() -> Option<Duration> {
    // proc_pid_stat(5): the 14th and the 15th field, in hundredths of a second; the second one, in
    // parentheses, may hold blanks.
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut hundredths = || fields.next()?.parse::<u64>().ok();
    Some(Duration::from_millis((hundredths()? + hundredths()?) * 10))
}

async fn measure(what: &str, stores: Stores, at_once: usize) -> String {
    let policy = TokenPolicy {
        rate: 1_000_000_000,
        ..policy()
    };
    let bed = Arc::new(Bed::over(stores, World::default(), policy));
    let mut ids = Vec::new();
    for _ in 0..SESSIONS {
        ids.push(bed.sign_in().await.session.id);
    }
    let ids: Arc<[SessionId]> = ids.into();
    let (begun, used) = (Instant::now(), processor_time());
    let mut callers = JoinSet::new();
    for caller in 0..at_once {
        let (bed, ids) = (Arc::clone(&bed), Arc::clone(&ids));
        callers.spawn(async move {
            for _ in 0..REFRESHES_EACH {
                for id in ids.iter().skip(caller).step_by(at_once) {
                    let (which, origin) = (SessionRef::Handle(*id), Origin::system());
                    let tokens = &bed.services.tokens;
                    let done = tokens.refresh(&which, RefreshReason::Forced, &origin);
                    done.await.unwrap();
                }
            }
        });
    }
    while callers.join_next().await.is_some() {}
    let count = u32::try_from(bed.provider.calls()).unwrap();
    let wall = begun.elapsed();
    let cost = processor_time().zip(used).map(|(now, then)| now - then);
    let per_second = f64::from(count) / wall.as_secs_f64();
    let (each, cost) = (wall / count, cost.map(|cost| cost / count));
    bed.services.close().await.unwrap();
    format!("{what}, {at_once} at once: {per_second:.0}/s, {each:?} each; processor {cost:?} each")
}

#[tokio::test]
#[ignore = "it measures, and proves nothing"]
async fn what_a_refresh_costs_in_memory() {
    for at_once in [1, 64] {
        let stores = Stores::all_in(Arc::new(MemoryStore::new()));
        println!("{}", measure("memory", stores, at_once).await);
    }
}

#[tokio::test]
#[ignore = "it measures, and proves nothing"]
async fn what_a_refresh_costs_in_a_file() {
    for at_once in [1, 64, 256] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::new(folder.path().join("sessions.db"));
        let store = SqliteStore::open(options).await.unwrap();
        let stores = Stores::all_in(Arc::new(store));
        println!("{}", measure("a file", stores, at_once).await);
    }
}
