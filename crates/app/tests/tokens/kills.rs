//! A process that is killed at any point of a renewal: afterwards the old tokens are stored or the new
//! ones, never neither, and the record tells which.
//!
//! The process is this test's own binary, run anew: it stops at the point that it is told to, says so,
//! and is killed from outside (SIGKILL), as by a machine that runs out of memory.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use app::{
    NewSession, NewTokens, OpenTokens, Origin, Providers, Services, SessionRef, Stores,
    SystemClock, TokenPolicy, TokenVault,
};
use chrono::{DateTime, TimeDelta, Utc};
use session_core::ports::{GrantStore, Introspection, SessionLimit, TokenProvider};
use session_core::{
    Grant, PageRequest, ProviderFailure, ProviderToken, RefreshOutcome, RefreshReason,
    RefreshRecord, SessionId, TokenAnswer, TokenKind, UserId,
};
use store_sqlite::{Options, SqliteStore};

use crate::grants::MoodyGrants;
use crate::harness::{cipher, name, policy, start};
use crate::provider::{LIFE, token};

/// Where it is told what to do, in the process that is to be killed.
const TOLD_BY: &str = "TOKENS_TEST_IS_KILLED";
const LEASE: TimeDelta = TimeDelta::milliseconds(300);

/// A provider whose tokens are numbers in a file, so that it outlives whoever is killed. It takes the
/// present refresh token, and the one before, as those do that forgive a lost answer.
struct FileProvider {
    path: PathBuf,
    told: Box<dyn Fn(&'static str) + Send + Sync>,
}

impl FileProvider {
    fn issued(&self) -> u64 {
        fs::read_to_string(&self.path).unwrap().parse().unwrap()
    }

    fn issue(&self, number: u64) -> TokenAnswer {
        fs::write(&self.path, number.to_string()).unwrap();
        TokenAnswer {
            access_token: token(&format!("access-{number}")),
            token_type: "Bearer".into(),
            expires_in: Some(LIFE),
            refresh_token: Some(token(&format!("refresh-{number}"))),
            id_token: None,
            scopes: None,
        }
    }
}

#[async_trait::async_trait]
impl TokenProvider for FileProvider {
    async fn refresh(&self, refresh: &ProviderToken) -> Result<TokenAnswer, ProviderFailure> {
        (self.told)("before the provider works");
        let issued = self.issued();
        let known = [issued, issued - 1].map(|number| format!("refresh-{number}"));
        if !known.contains(&refresh.expose().to_owned()) {
            return Err(ProviderFailure::ReauthRequired);
        }
        let answer = self.issue(issued + 1);
        (self.told)("after the provider worked");
        Ok(answer)
    }

    async fn introspect(
        &self,
        _: &ProviderToken,
        _: TokenKind,
    ) -> Result<Option<Introspection>, ProviderFailure> {
        Ok(None)
    }

    async fn revoke(&self, _: &ProviderToken, _: TokenKind) -> Result<bool, ProviderFailure> {
        Ok(false)
    }
}

/// The application over the files of a folder.
struct Node {
    services: Services,
    store: Arc<SqliteStore>,
    provider: Arc<FileProvider>,
}

impl Node {
    async fn over(
        folder: &Path,
        told: impl Fn(&'static str) + Send + Sync + Clone + 'static,
    ) -> Self {
        let options = Options::new(folder.join("sessions.db"));
        let store = Arc::new(SqliteStore::open(options).await.unwrap());
        let stores = Stores {
            grants: MoodyGrants::telling(Arc::clone(&store) as _, told.clone()),
            ..Stores::all_in(Arc::clone(&store))
        };
        let provider = Arc::new(FileProvider {
            path: folder.join("issued"),
            told: Box::new(told),
        });
        let mut providers = Providers::default();
        providers.add(name(), Arc::clone(&provider) as _, None, 1000);
        let policy = TokenPolicy {
            lease: LEASE,
            ..policy()
        };
        let (clock, limit) = (Arc::new(SystemClock::new()), SessionLimit::default());
        let services = start(stores, clock, 7, providers, policy, limit);
        Self {
            services,
            store,
            provider,
        }
    }

    async fn sign_in(&self) -> SessionId {
        let answer = self.provider.issue(1);
        let tokens = NewTokens {
            provider: name(),
            tokens: OpenTokens {
                access: answer.access_token,
                refresh: answer.refresh_token,
                id: None,
            },
            token_type: answer.token_type,
            access_expires_at: None::<DateTime<Utc>>,
            scopes: Vec::new(),
            provider_session: None,
        };
        let new = NewSession::of(UserId::new("ada").unwrap());
        let tokens_of = &self.services.tokens;
        let origin = Origin::system();
        let begun = tokens_of.begin_session(new, tokens, &origin);
        begun.await.unwrap().session.id
    }

    async fn refresh(&self, id: SessionId) {
        let (which, origin) = (SessionRef::Handle(id), Origin::system());
        let reason = RefreshReason::Forced;
        let done = self.services.tokens.refresh(&which, reason, &origin);
        done.await.unwrap();
    }

    async fn state(&self, id: SessionId) -> State {
        let grant = self.store.find_grant(id).await.unwrap().unwrap();
        let page = self.store.refreshes(id, PageRequest::default());
        let tokens = TokenVault::new(cipher(7)).open_all(&grant).unwrap();
        assert_eq!(grant.access_hash, tokens.access.hash());
        let number = |token: &ProviderToken, kind: &str| {
            let number = token.expose().strip_prefix(kind).unwrap();
            number.parse::<u64>().unwrap()
        };
        let access = number(&tokens.access, "access-");
        assert_eq!(access, number(&tokens.refresh.unwrap(), "refresh-"));
        State {
            number: access,
            records: page.await.unwrap().items,
            grant,
        }
    }

    async fn close(self) {
        self.services.close().await.unwrap();
    }
}

/// What is found in the file.
struct State {
    /// Which tokens are stored.
    number: u64,
    grant: Arc<Grant>,
    /// Newest first.
    records: Vec<Arc<RefreshRecord>>,
}

/// The process that is killed. Run by itself, it does nothing.
#[test]
#[ignore = "it is run by the others, and killed by them"]
fn whoever_is_killed() {
    let Ok(told) = std::env::var(TOLD_BY) else {
        return;
    };
    let mut told = told.split('|').map(str::to_owned);
    let (folder, id, point) = (
        told.next().unwrap(),
        told.next().unwrap(),
        told.next().unwrap(),
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let at = move |here: &'static str| {
            if here != point {
                return;
            }
            let mut out = std::io::stdout();
            writeln!(out, "\nit is there").unwrap();
            out.flush().unwrap();
            // Between the two there is nothing to stop at: it goes on, and is killed in the middle.
            while !here.starts_with("while") {
                std::thread::park();
            }
        };
        let node = Node::over(Path::new(&folder), at).await;
        node.refresh(id.parse().unwrap()).await;
        std::thread::park();
    });
}

/// Has a process renew the tokens, and kills it `after` it was at `point`.
fn kill_at(folder: &Path, id: SessionId, point: &str, after: Duration) {
    let told = format!("{}|{id}|{point}", folder.display());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "kills::whoever_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(TOLD_BY, told)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let is_there = lines.any(|line| line.unwrap() == "it is there");
    std::thread::sleep(after);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(is_there, "it never was {point}");
}

/// What must be in the file after a kill, given what was there before; whether the tokens are new.
fn check(before: &State, after: &State) -> bool {
    let is_new = after.number != before.number;
    let rotations = before.grant.rotation_count + u64::from(is_new);
    assert_eq!(after.grant.rotation_count, rotations);
    let newest = |state: &State| state.records.first().map(|record| record.id);
    let record = after
        .records
        .first()
        .filter(|record| newest(before) != Some(record.id));
    let known = after.records.iter().skip(usize::from(record.is_some()));
    assert_eq!(known.map(|record| record.id).next(), newest(before));
    match (record.map(|record| record.outcome), is_new) {
        (None, false) => assert_eq!(after.grant, before.grant),
        (Some(RefreshOutcome::Pending), false) => {
            let lease = after.grant.lease.unwrap();
            assert_eq!(lease.record, record.unwrap().id);
            assert_eq!(after.grant.version, before.grant.version + 1);
        }
        (Some(RefreshOutcome::Success), true) => {
            assert_eq!(after.grant.lease, None);
            assert_eq!(after.grant.version, before.grant.version + 2);
            let record = record.unwrap();
            assert_eq!(record.new_access_token, Some(after.grant.access_hash));
            assert_eq!(record.old_access_token, before.grant.access_hash);
        }
        other => panic!("{other:?}"),
    }
    is_new
}

/// Kills one process and looks at what it left; then another one goes on with it.
async fn round(folder: &Path, id: SessionId, point: &str, after: Duration) -> bool {
    let node = Node::over(folder, |_| ()).await;
    let before = node.state(id).await;
    node.close().await;
    let (there, at) = (folder.to_owned(), point.to_owned());
    let killed = tokio::task::spawn_blocking(move || kill_at(&there, id, &at, after));
    killed.await.unwrap();
    let node = Node::over(folder, |_| ()).await;
    let found = node.state(id).await;
    let is_new = check(&before, &found);
    node.refresh(id).await;
    let after = node.state(id).await;
    assert_eq!(after.number, node.provider.issued());
    assert!(after.number > found.number);
    assert_eq!(after.records[0].outcome, RefreshOutcome::Success);
    if let Some(left) = found.records.first() {
        let completed = &after.records[1];
        assert_eq!(completed.id, left.id);
        assert_eq!(
            completed.outcome,
            match left.outcome {
                RefreshOutcome::Pending => RefreshOutcome::Interrupted,
                known => known,
            }
        );
        assert!(completed.finished_at.is_some());
    }
    node.close().await;
    is_new
}

async fn begun() -> (tempfile::TempDir, SessionId) {
    let folder = tempfile::tempdir().unwrap();
    let node = Node::over(folder.path(), |_| ()).await;
    let id = node.sign_in().await;
    node.close().await;
    (folder, id)
}

#[tokio::test]
async fn a_kill_at_any_point_leaves_the_old_tokens_or_the_new_ones() {
    let (folder, id) = begun().await;
    for (point, is_new) in [
        ("before the intent is written", false),
        ("after the intent is written", false),
        ("before the provider works", false),
        ("after the provider worked", false),
        ("before the new tokens are stored", false),
        ("after the new tokens are stored", true),
    ] {
        let found = round(folder.path(), id, point, Duration::ZERO).await;
        assert_eq!(found, is_new, "{point}");
    }
}

#[tokio::test]
async fn a_kill_in_the_middle_of_the_commit_leaves_the_old_tokens_or_the_new_ones() {
    let rounds = std::env::var("TOKENS_TEST_ROUNDS").map_or(20, |rounds| rounds.parse().unwrap());
    let (folder, id) = begun().await;
    let mut new = 0;
    for turn in 0..rounds {
        // Spread over the time that a commit takes.
        let after = Duration::from_micros(turn * 7919 % 3000);
        let point = "while the new tokens are stored";
        new += u64::from(round(folder.path(), id, point, after).await);
    }
    eprintln!("{new} of {rounds} kills came after the commit");
}
