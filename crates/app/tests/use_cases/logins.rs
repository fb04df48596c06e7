//! Accounts that change while somebody signs in, and hashes that are not as good as they could be.

use std::sync::{Arc, Mutex};

use app::{AccountEdit, AccountError, Credentials, Origin, Policies, Services, SignedIn, Stores};
use async_trait::async_trait;
use session_core::ports::{
    AccountChange, Addition, ChangeOutcome, HashError, StoreError, UserDirectory,
};
use session_core::{
    Account, AccountId, ClientDetails, Email, Metadata, Page, PageRequest, Password, PasswordHash,
};
use store_memory::MemoryStore;
use tokio::sync::oneshot;

use crate::harness::{TestClock, services_over};

pub(crate) const PASSWORD: &str = "correct horse battery stapler";
/// A hash of [`PASSWORD`] with less memory than today's, made by the reference implementation.
const WEAK: &str = "$argon2id$v=19$m=64,t=3,p=4$AAECAwQFBgcICQoLDA0ODw$+7KwJCxU9IZsQNNGQJamQxSYQhJzB/+lj/mF3opeCTc";

/// A directory that, once, waits in the middle of a login: after the account was found.
struct Pausing {
    inner: Arc<MemoryStore>,
    pause: Mutex<Option<Pause>>,
}

struct Pause {
    reached: oneshot::Sender<()>,
    go_on: oneshot::Receiver<()>,
}

#[async_trait]
impl UserDirectory for Pausing {
    async fn add_account(&self, account: Account) -> Result<Addition, StoreError> {
        self.inner.add_account(account).await
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Arc<Account>>, StoreError> {
        self.inner.find_account(id).await
    }

    async fn find_account_by_email(
        &self,
        email: &Email,
    ) -> Result<Option<Arc<Account>>, StoreError> {
        let found = self.inner.find_account_by_email(email).await;
        let pause = self.pause.lock().expect("it is not poisoned").take();
        if let Some(Pause { reached, go_on }) = pause {
            reached.send(()).expect("somebody waits");
            go_on.await.expect("somebody lets it go on");
        }
        found
    }

    async fn change_account(
        &self,
        id: AccountId,
        expected_version: u64,
        change: AccountChange,
    ) -> Result<ChangeOutcome, StoreError> {
        self.inner
            .change_account(id, expected_version, change)
            .await
    }

    async fn remove_account(&self, id: AccountId) -> Result<bool, StoreError> {
        self.inner.remove_account(id).await
    }

    async fn list_accounts(
        &self,
        page: PageRequest<AccountId>,
    ) -> Result<Page<Arc<Account>, AccountId>, StoreError> {
        self.inner.list_accounts(page).await
    }
}

fn email() -> Email {
    "ada@example.org".parse().expect("an address")
}

fn password() -> Password {
    Password::new(PASSWORD).expect("a password")
}

pub(crate) async fn login(services: &Services) -> Result<SignedIn, AccountError> {
    login_as(services, email()).await
}

async fn login_as(services: &Services, email: Email) -> Result<SignedIn, AccountError> {
    let credentials = Credentials {
        email,
        password: password(),
        remember_me: false,
        client: ClientDetails::default(),
        held: Vec::new(),
    };
    let origin = Origin::system();
    services.logins.login(credentials, &origin).await
}

async fn add(services: &Services) -> AccountId {
    let origin = Origin::system();
    let added = services
        .accounts
        .add(email(), &password(), Metadata::default(), &origin)
        .await;
    added.expect("it is added").id
}

async fn live(services: &Services, id: AccountId) -> u64 {
    let counts = services.user_counts(&id.user_id()).await;
    counts.expect("the store answers").active
}

/// What was true when the account was found may not be by the time there is a session: then there is
/// none.
#[tokio::test]
async fn an_account_that_changes_during_a_login_lets_nobody_in() {
    let disable = || AccountEdit {
        is_disabled: Some(true),
        ..AccountEdit::default()
    };
    let another = || AccountEdit {
        password: Some(Password::new("quite another sentence").expect("a password")),
        ..AccountEdit::default()
    };
    let rights = || AccountEdit {
        metadata: serde_json::json!({"role": "editor"}).as_object().cloned(),
        ..AccountEdit::default()
    };
    let edits: [Option<fn() -> AccountEdit>; 4] =
        [Some(disable), Some(another), Some(rights), None];
    for edit in edits {
        let (clock, store) = (TestClock::new(), Arc::new(MemoryStore::new()));
        let (reached, is_reached) = oneshot::channel();
        let (go_on, goes_on) = oneshot::channel();
        let directory = Arc::new(Pausing {
            inner: Arc::clone(&store),
            pause: Mutex::default(),
        });
        let stores = Stores {
            accounts: Arc::clone(&directory) as _,
            ..Stores::all_in(Arc::clone(&store))
        };
        let services = services_over(stores, &clock, Policies::default());
        let id = add(&services).await;
        *directory.pause.lock().expect("it is not poisoned") = Some(Pause {
            reached,
            go_on: goes_on,
        });
        let beside = services.clone();
        let signing_in = tokio::spawn(async move { login(&beside).await });
        is_reached.await.expect("the login comes that far");
        clock.pass(chrono::TimeDelta::seconds(1));
        match edit {
            Some(edit) => {
                let edited = services.accounts.edit(id, edit(), &Origin::system()).await;
                edited.expect("it is changed");
            }
            None => {
                let removed = services.accounts.remove(id, &Origin::system()).await;
                removed.expect("it goes");
            }
        }
        go_on.send(()).expect("the login waits");
        let outcome = signing_in.await.expect("it ends");
        assert!(matches!(outcome, Err(AccountError::Refused)), "{outcome:?}");
        assert_eq!(live(&services, id).await, 0);
    }
}

/// Requirement 26: made anew with the first login that proves the password.
#[tokio::test]
async fn a_weak_hash_is_replaced_by_a_login() {
    let (clock, store) = (TestClock::new(), Arc::new(MemoryStore::new()));
    let stores = Stores::all_in(Arc::clone(&store));
    let services = services_over(stores, &clock, Policies::default());
    let id = add(&services).await;
    let weak = AccountChange {
        rehashed: Some(PasswordHash::new(WEAK)),
        ..AccountChange::default()
    };
    let outcome = store.change_account(id, 1, weak).await;
    assert!(matches!(outcome, Ok(ChangeOutcome::Changed(_))));
    let before = services.accounts.find(id).await.expect("it is there");
    for is_new in [true, false] {
        let known = services.accounts.find(id).await.expect("it is there");
        login(&services).await.expect("the password is right");
        let after = services.accounts.find(id).await.expect("it is there");
        assert_eq!(after.password_hash != known.password_hash, is_new);
        assert!(
            after
                .password_hash
                .as_str()
                .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
        );
        assert_eq!(after.password_set_at, before.password_set_at);
    }
}

/// A hash that cannot be read lets nobody in, and nobody learns of it.
#[tokio::test]
async fn a_damaged_hash_lets_nobody_in() {
    let (clock, store) = (TestClock::new(), Arc::new(MemoryStore::new()));
    let stores = Stores::all_in(Arc::clone(&store));
    let services = services_over(stores, &clock, Policies::default());
    let id = add(&services).await;
    for damaged in [
        "",
        "nonsense",
        "$argon2id$v=19$m=4000000000,t=2,p=1$AAAA$AAAA",
    ] {
        let version = services
            .accounts
            .find(id)
            .await
            .expect("it is there")
            .version;
        let change = AccountChange {
            rehashed: Some(PasswordHash::new(damaged)),
            ..AccountChange::default()
        };
        let outcome = store.change_account(id, version, change).await;
        assert!(matches!(outcome, Ok(ChangeOutcome::Changed(_))));
        let outcome = login(&services).await;
        assert!(
            matches!(outcome, Err(AccountError::Refused)),
            "{damaged}: {outcome:?}"
        );
    }
}

/// Being busy is not a wrong password: nothing is counted against the account.
#[tokio::test]
async fn who_comes_when_too_many_wait_is_told_to_come_back() {
    let (clock, store) = (TestClock::new(), Arc::new(MemoryStore::new()));
    let services = services_over(Stores::all_in(store), &clock, Policies::default());
    add(&services).await;
    let mut flood = Vec::new();
    for n in 0..300 {
        let services = services.clone();
        flood.push(tokio::spawn(async move {
            let email = format!("user{n}@example.org").parse();
            login_as(&services, email.expect("an address")).await
        }));
    }
    tokio::task::yield_now().await;
    let mut busy = 0;
    while busy < 20 {
        match login(&services).await {
            Err(AccountError::Hash(HashError::Busy)) => busy += 1,
            Ok(_) => {}
            Err(other) => panic!("{other}"),
        }
    }
    for task in flood {
        let outcome = task.await.expect("it ends");
        let expected = matches!(
            outcome,
            Err(AccountError::Refused | AccountError::Hash(HashError::Busy))
        );
        assert!(expected, "{outcome:?}");
    }
    login(&services).await.expect("the password is right");
}
