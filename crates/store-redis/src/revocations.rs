use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use session_core::ports::{Forgotten, RevocationList, StoreError};
use session_core::{Page, PageRequest, Revocation, RevocationId, SessionId, TokenHash, UserId};

use crate::RedisStore;
use crate::error::Failure;
use crate::revocation_record::{read, write};
use crate::script::Script;
use crate::store::told;

/// A script of revocations.
macro_rules! script {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Script> = LazyLock::new(|| {
            Script::of(&[include_str!("lua/revocations.lua"), include_str!($file)])
        });
    };
}
script!(REVOKE, "lua/revoke.lua");
script!(HISTORY, "lua/revocations_history.lua");
script!(FORGET, "lua/revocations_forget.lua");

/// Revocations that one step forgets, or looks at for a short page, at most.
const AT_ONCE: usize = 128;

#[async_trait]
impl RevocationList for RedisStore {
    /// However many there are, they are one step, since all of them count or none.
    async fn revoke(&self, revocations: &[Revocation]) -> Result<(), StoreError> {
        const DOING: &str = "revoke tokens";
        if revocations.is_empty() {
            return self.expect_open(DOING);
        }
        let mut call = self.call(&REVOKE);
        for revocation in revocations {
            let known_for = revocation.expires_at - revocation.revoked_at;
            call.arg(revocation.token_hash.as_bytes())
                .arg(told(DOING, write(revocation))?)
                .arg(self.time_to_live(known_for));
        }
        self.run(DOING, &REVOKE, &call).await
    }

    async fn find_revocation(
        &self,
        token: TokenHash,
        now: DateTime<Utc>,
    ) -> Result<Option<Arc<Revocation>>, StoreError> {
        const DOING: &str = "look a revocation up";
        let mut get = redis::cmd("GET");
        get.arg(self.key(&[b"rv:", token.as_bytes()]));
        let found: Option<Vec<u8>> = self.ask(DOING, &get).await?;
        let found = found.map(|bytes| read(token, &bytes)).transpose();
        Ok(told(DOING, found)?.filter(|found| found.expires_at > now))
    }

    async fn history(
        &self,
        user_id: Option<UserId>,
        session_id: Option<SessionId>,
        page: PageRequest<RevocationId>,
    ) -> Result<Page<Arc<Revocation>, RevocationId>, StoreError> {
        const DOING: &str = "list revocations";
        let wanted = page.limit() + 1;
        let mut before = page.after().map(|cursor| cursor.0.as_bytes().to_vec());
        let mut revocations = Vec::new();
        loop {
            let mut call = self.call(&HISTORY);
            call.arg(user_id.as_ref().map_or("", UserId::as_str))
                .arg(session_id.as_ref().map_or(&[][..], |id| id.as_bytes()))
                .arg(before.as_deref().unwrap_or_default())
                .arg(wanted - revocations.len())
                .arg(wanted.max(AT_ONCE));
            type Found = Vec<(Vec<u8>, Vec<u8>)>;
            let (found, next): (Found, Option<Vec<u8>>) = self.run(DOING, &HISTORY, &call).await?;
            for (token, bytes) in &found {
                let revocation = token_hash(token).and_then(|token| read(token, bytes));
                revocations.push(told(DOING, revocation)?);
            }
            match next {
                // Many that are gone, or another user's, stood in between.
                Some(next) if revocations.len() < wanted => before = Some(next),
                _ => break,
            }
        }
        Ok(Page::cut(revocations, page.limit(), |found| found.id))
    }

    async fn forget_revocations(
        &self,
        now: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        let mut call = self.call(&FORGET);
        call.arg(now.timestamp_millis()).arg(batch.min(AT_ONCE));
        let (count, more) = self.run("forget revocations", &FORGET, &call).await?;
        Ok(Forgotten { count, more })
    }
}

fn token_hash(bytes: &[u8]) -> Result<TokenHash, Failure> {
    let damaged = |_| Failure::Corrupt("a token's hash cannot be read");
    Ok(TokenHash::from_bytes(bytes.try_into().map_err(damaged)?))
}
