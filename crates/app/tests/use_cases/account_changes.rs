//! Requirements 13 and 51: a change of an account that fails half way is completed by trying again.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use app::{AccountEdit, AccountError, Origin, Policies, Services, SignedIn};
use session_core::{AccountId, ClientDetails, Metadata, Password};

use crate::harness::{Counting, TestClock, is_valid, services};
use crate::logins::{PASSWORD, login};

struct Scene {
    services: Services,
    store: Arc<Counting>,
    id: AccountId,
    /// Two sessions: the user's, and the one that must go.
    own: SignedIn,
    other: SignedIn,
}

async fn scene() -> Scene {
    let (clock, store) = (TestClock::new(), Counting::new());
    let services = services(Some(Arc::clone(&store) as _), &clock, Policies::default());
    let email = "ada@example.org".parse().expect("an address");
    let password = Password::new(PASSWORD).expect("a password");
    let origin = Origin::system();
    let account = services
        .accounts
        .add(email, &password, Metadata::default(), &origin)
        .await;
    let id = account.expect("it is added").id;
    let own = login(&services).await.expect("the password is right");
    let other = login(&services).await.expect("the password is right");
    Scene {
        services,
        store,
        id,
        own,
        other,
    }
}

#[tokio::test]
async fn rights_that_were_taken_away_are_gone_when_it_is_done() {
    let Scene {
        services,
        store,
        id,
        own,
        other,
    } = scene().await;
    let demote = async || {
        let edit = AccountEdit {
            metadata: serde_json::json!({"role": "reader"}).as_object().cloned(),
            ..AccountEdit::default()
        };
        services.accounts.edit(id, edit, &Origin::system()).await
    };
    store.is_failing.store(true, Ordering::SeqCst);
    demote().await.expect_err("the store fails half way");
    store.is_failing.store(false, Ordering::SeqCst);
    demote().await.expect("now it does not");
    for session in [&own, &other] {
        assert!(!is_valid(&services.sessions, &session.created.token).await);
    }
}

#[tokio::test]
async fn a_new_password_ends_every_session_though_it_took_two_tries() {
    let Scene {
        services,
        store,
        own,
        other,
        ..
    } = scene().await;
    let change = async || {
        let current = Password::new(PASSWORD).expect("a password");
        let new = Password::new("quite another sentence").expect("a password");
        services
            .accounts
            .change_password(
                &own.created.session,
                &current,
                &new,
                ClientDetails::default(),
                &Origin::system(),
            )
            .await
    };
    store.is_failing.store(true, Ordering::SeqCst);
    change().await.expect_err("the store fails half way");
    store.is_failing.store(false, Ordering::SeqCst);
    let begun = change().await.expect("now it does not");
    for session in [&own, &other] {
        assert!(!is_valid(&services.sessions, &session.created.token).await);
    }
    assert!(is_valid(&services.sessions, &begun.created.token).await);
    // Whoever knows neither does nothing.
    let wrong = Password::new("neither of the two").expect("a password");
    let refused = services
        .accounts
        .change_password(
            &begun.created.session,
            &wrong,
            &Password::new("one more long sentence").expect("a password"),
            ClientDetails::default(),
            &Origin::system(),
        )
        .await;
    assert!(matches!(refused, Err(AccountError::Refused)));
}

#[tokio::test]
async fn a_deleted_account_leaves_no_session_though_it_took_two_tries() {
    let Scene {
        services,
        store,
        id,
        own,
        other,
    } = scene().await;
    store.is_failing.store(true, Ordering::SeqCst);
    let removed = services.accounts.remove(id, &Origin::system()).await;
    removed.expect_err("the store fails half way");
    store.is_failing.store(false, Ordering::SeqCst);
    let removed = services.accounts.remove(id, &Origin::system()).await;
    assert!(matches!(removed, Err(AccountError::NoSuchAccount)));
    for session in [&own, &other] {
        assert!(!is_valid(&services.sessions, &session.created.token).await);
    }
}
