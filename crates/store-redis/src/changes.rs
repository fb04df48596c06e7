use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use redis::{PushInfo, PushKind, Value};
use session_core::TokenHash;
use session_core::ports::{Change, ChangeFeed, ChangeListener, StoreError};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::RedisStore;
use crate::error::Failure;
use crate::record::session_id;

const DOING: &str = "follow changes";

/// Changes are published by the steps that make them, and heard on a connection of their own.
///
/// One server answers a PING behind all that it published before: that is how it is known that nothing
/// is missing. Nodes of a cluster tell each other of what is published, in no order that could be
/// relied upon: there, changes are heard of early, but nothing is vouched for.
#[async_trait]
impl ChangeFeed for RedisStore {
    async fn follow(
        &self,
        every: Duration,
        listener: Arc<dyn ChangeListener>,
    ) -> Result<(), StoreError> {
        let ended = self.tell(every, &listener).await;
        listener.ended();
        ended.map_err(|failure| failure.into_store_error(DOING))
    }
}

impl RedisStore {
    async fn tell(
        &self,
        every: Duration,
        listener: &Arc<dyn ChangeListener>,
    ) -> Result<(), Failure> {
        let generation = self.link().generation()?;
        let (lost, mut is_lost) = watch::channel(false);
        let told = Arc::clone(listener);
        let on_push = move |push: PushInfo| match push.kind {
            PushKind::Message => told.changed(change_in(&push.data)),
            PushKind::Disconnection => {
                lost.send_replace(true);
            }
            _ => {}
        };
        let mut connection = self.link().dial_apart(on_push).await?;
        connection.subscribe(self.key(&[b"changed"])).await?;
        listener.began();
        loop {
            tokio::select! {
                _ = is_lost.wait_for(|lost| *lost) => {
                    return Err(Failure::Away("the connection was lost".into()));
                }
                () = sleep(every) => {}
            }
            // Requests may be answered by another server by now.
            if self.link().generation()? != generation {
                return Err(Failure::Away("another server is the primary".into()));
            }
            let vouches = self.link().is_single();
            if vouches {
                listener.looks();
            }
            let () = redis::cmd("PING").exec_async(&mut connection).await?;
            if vouches {
                listener.up_to_date();
            }
        }
    }
}

/// What a message says: a letter for the kind, and the name as bytes.
fn change_in(message: &[Value]) -> Change {
    let Some(Value::BulkString(payload)) = message.last() else {
        return Change::Anything;
    };
    let change = match payload.split_first() {
        Some((b's', id)) => session_id(id).ok().map(Change::Session),
        Some((b't', hash)) => {
            let hash = hash.try_into().ok();
            hash.map(|hash| Change::Token(TokenHash::from_bytes(hash)))
        }
        _ => None,
    };
    // Of a newer version, or of nobody: better to forget too much.
    change.unwrap_or(Change::Anything)
}
