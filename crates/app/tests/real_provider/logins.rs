use std::time::Duration;

use app::{Background, Origin, SessionRef};
use session_core::{EndReason, ProviderSubject};

use crate::harness::Bed;

#[tokio::test]
async fn a_login_by_code_begins_a_session_with_live_tokens() {
    let Some(bed) = Bed::new(1).await else { return };
    let signed_in = bed.sign_in("ada").await.signed_in;
    let session = &signed_in.created.session;
    let subject = ProviderSubject {
        issuer: bed.provider.issuer().into(),
        subject: "ada".into(),
    };
    assert_eq!(session.user_id, subject.user_id());
    let token = bed.ask(0, session.id).await.unwrap();
    assert!(bed.is_alive(&token).await);
    let (which, origin) = (SessionRef::Handle(session.id), Origin::system());
    let said = bed.instances[0].tokens.introspect(&which, &origin).await;
    assert!(said.unwrap().unwrap().is_active);
    let again = bed.sign_in("ada").await.signed_in;
    assert_eq!(again.created.session.user_id, session.user_id);
    let other = bed.sign_in("grace").await.signed_in;
    assert_ne!(other.created.session.user_id, session.user_id);
    assert_eq!(bed.provider.counts().await.codes_exchanged, 3);
}

#[tokio::test]
async fn the_provider_is_told_of_a_logout() {
    let Some(bed) = Bed::new(1).await else { return };
    let services = &bed.instances[0];
    let background = Background::start(services, Duration::from_secs(300));
    let id = bed.sign_in("ada").await.signed_in.created.session.id;
    let token = bed.ask(0, id).await.unwrap();
    let (which, origin) = (SessionRef::Handle(id), Origin::system());
    let (tokens, reason) = (&[], EndReason::LOGOUT);
    let revoked = services
        .revocations
        .revoke_session(&which, tokens, reason, &origin);
    revoked.await.unwrap();
    bed.provider.until(|counts| counts.revocations == 1).await;
    assert!(!bed.is_alive(&token).await);
    background.stop().await;
}
