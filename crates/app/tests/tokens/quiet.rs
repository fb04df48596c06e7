//! Whatever is logged at TRACE, recorded in the audit log, or shown of what is handed out and of what
//! fails: no token is in it.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use session_core::{
    AuditFilter, AuditOrder, PageRequest, ProviderFailure, RefreshReason, TokenAnswer,
};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::grants::{Mood, moody_in};
use crate::harness::{Bed, MINUTE, World, pass};
use crate::provider::{LIFE, Step, token};

/// Keeps all that is logged.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<String>>);

impl Visit for Kept {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        writeln!(self.0.lock().unwrap(), "{field}={value:?}").unwrap();
    }
}

impl Subscriber for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[tokio::test(start_paused = true)]
async fn no_token_is_told_to_anybody_but_its_user() {
    let kept = Kept::default();
    let _guard = tracing::subscriber::set_default(kept.clone());
    let bed = Bed::new();
    let background = bed.background();
    let (instance, grants) = moody_in(&bed, bed.world());
    let tokens = TokenAnswer {
        id_token: Some(token("id-secret-1")),
        ..bed.provider.issue()
    };
    let mut shown = format!("{tokens:?}");
    let id = bed.sign_in_with(tokens).await.session.id;
    let other = bed.sign_in().await.session.id;
    let failures = [
        ProviderFailure::Unavailable("status 500".into()),
        ProviderFailure::Ambiguous("time-out".into()),
        ProviderFailure::ClientRefused("status 401".into()),
        ProviderFailure::RequestRefused("status 400".into()),
        ProviderFailure::Throttled { retry_after: None },
    ];
    for failure in failures {
        bed.provider.next(Step::Fail(failure));
        write!(
            shown,
            "{:?}",
            instance.refresh(id, RefreshReason::Forced).await
        )
        .unwrap();
        pass(MINUTE * 2).await;
    }
    grants.is(Mood::Away);
    write!(
        shown,
        "{:?}",
        instance.refresh(id, RefreshReason::Forced).await
    )
    .unwrap();
    grants.is(Mood::Well);
    write!(
        shown,
        "{:?}",
        instance.refresh(id, RefreshReason::Forced).await
    )
    .unwrap();
    write!(shown, "{:?}", instance.ask(id).await).unwrap();
    write!(shown, "{:?}", bed.grant(id).await).unwrap();
    write!(shown, "{:?}", bed.records(id).await).unwrap();
    let world = World {
        key: 8,
        ..bed.world()
    };
    let keyless = bed.another_in(world);
    let error = keyless.ask(id).await.unwrap_err();
    write!(shown, "{error:?}{error}{:?}", keyless.services).unwrap();
    bed.provider
        .next(Step::Fail(ProviderFailure::Unavailable("gone".into())));
    crate::ends::sign_out(&bed, id).await;
    crate::ends::sign_out(&bed, other).await;
    pass(Duration::from_secs(LIFE.num_seconds().unsigned_abs() * 2)).await;
    background.stop().await;
    bed.services.audit.flush().await;
    let filter = AuditFilter::default();
    let page = bed
        .stores
        .audit
        .page(&filter, AuditOrder::OldestFirst, PageRequest::default());
    let audit = page.await.unwrap();
    assert!(audit.items.len() > 5);
    write!(shown, "{audit:?}").unwrap();
    let logged = kept.0.lock().unwrap().clone();
    assert!(
        logged.contains("could not be told of a revocation"),
        "{logged}"
    );
    for text in [logged, shown] {
        for secret in [
            "access-1",
            "access-2",
            "refresh-1",
            "refresh-2",
            "id-secret",
        ] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
    }
}
