use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use redis::Cmd;
use session_core::ports::{
    Forgotten, GrantStore, RefreshBegin, RefreshBegun, RefreshEnd, RefreshFinished, StoreError,
};
use session_core::{
    CipherKeyId, Grant, Page, PageRequest, ProviderName, RefreshId, RefreshOutcome, RefreshRecord,
    SealedTokens, SessionId,
};

use crate::RedisStore;
use crate::error::Failure;
use crate::grant_answers::{Said, Told, read_said, readable, unsound};
use crate::grant_fields::{self, FIELDS, Fields, refresh_id};
use crate::record::session_id;
use crate::refresh_bytes;
use crate::script::Script;
use crate::store::told;

/// A script of grants.
macro_rules! script {
    ($name:ident, $file:literal) => {
        static $name: LazyLock<Script> =
            LazyLock::new(|| Script::of(&[include_str!("lua/grants.lua"), include_str!($file)]));
    };
}
script!(ADD, "lua/grants_add.lua");
script!(FIND, "lua/grants_find.lua");
script!(BEGIN, "lua/grants_begin.lua");
script!(KEEP, "lua/grants_keep.lua");
script!(FINISH, "lua/grants_finish.lua");
script!(CLAIM, "lua/grants_claim.lua");
script!(POSTPONE, "lua/grants_postpone.lua");
script!(REMOVE, "lua/grants_remove.lua");
script!(RESEAL, "lua/grants_reseal.lua");
script!(SEALED, "lua/grants_sealed.lua");
script!(COUNT, "lua/grants_count.lua");
script!(REFRESHES, "lua/grants_refreshes.lua");
script!(FORGET, "lua/grants_forget.lua");

/// Grants that one step moves or forgets at most, and records: Redis does nothing else meanwhile.
const AT_ONCE: usize = 128;
/// Grants that one step claims at most: as many as are renewed at once.
const CLAIMED_AT_ONCE: usize = 256;
/// Grants that one step looks at for some to claim. Others are renewing the tokens of what is passed
/// over, and nobody renews those of many at once.
const LOOKED_AT: usize = 512;

#[async_trait]
impl GrantStore for RedisStore {
    async fn add_grant(&self, grant: Grant) -> Result<(), StoreError> {
        const DOING: &str = "add a grant";
        let mut call = self.call(&ADD);
        call.arg(grant.session_id.as_bytes());
        grant_fields::give(&mut call, &grant);
        if self.run(DOING, &ADD, &call).await? {
            return Ok(());
        }
        let taken = Failure::Internal("the session has a grant already");
        Err(taken.into_store_error(DOING))
    }

    async fn find_grant(&self, id: SessionId) -> Result<Option<Arc<Grant>>, StoreError> {
        const DOING: &str = "find a grant";
        let mut get = redis::cmd("HMGET");
        get.arg(self.key(&[b"g:", id.as_bytes()])).arg(&FIELDS);
        let fields: Fields = self.ask(DOING, &get).await?;
        told(DOING, grant_fields::read(id, fields))
    }

    async fn find_grants(&self, ids: &[SessionId]) -> Result<Vec<Arc<Grant>>, StoreError> {
        const DOING: &str = "find grants";
        self.expect_open(DOING)?;
        let ids: Vec<_> = BTreeSet::from_iter(ids.iter().copied())
            .into_iter()
            .collect();
        let mut grants = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            let mut call = self.call(&FIND);
            for id in some {
                call.arg(id.as_bytes());
            }
            let found: Vec<Fields> = self.run(DOING, &FIND, &call).await?;
            for (id, fields) in some.iter().zip(found) {
                grants.extend(told(DOING, grant_fields::read(*id, fields))?);
            }
        }
        Ok(grants)
    }

    async fn begin_refresh(&self, begin: RefreshBegin) -> Result<RefreshBegun, StoreError> {
        const DOING: &str = "begin a refresh";
        let RefreshBegin {
            expected_version,
            until,
            record,
        } = &begin;
        let id = record.session_id;
        let now = record.started_at;
        let interrupted =
            refresh_bytes::write_outcome(RefreshOutcome::Interrupted, Some(record.started_at));
        let mut call = self.call(&BEGIN);
        call.arg(id.as_bytes())
            .arg(expected_version)
            .arg(told(DOING, next(*expected_version))?)
            .arg(now.timestamp_millis())
            .arg(until.timestamp_millis())
            .arg(record.id.as_bytes())
            .arg(refresh_bytes::write(record))
            .arg(self.time_to_live(*until - now))
            .arg(interrupted)
            .arg(self.time_to_live(TimeDelta::zero()));
        let (word, fields): Said = self.run(DOING, &BEGIN, &call).await?;
        let outcome = match (word.as_str(), fields) {
            ("not found", _) => Ok(RefreshBegun::NotFound),
            ("begun", fields) => read_said(id, fields).map(RefreshBegun::Begun),
            ("busy", fields) => read_said(id, fields).map(RefreshBegun::Busy),
            ("changed", fields) => read_said(id, fields).map(RefreshBegun::Changed),
            ("taken", _) => Err(Failure::Internal("a refresh of this id exists already")),
            (_, fields) => Err(unsound(id, fields)),
        };
        told(DOING, outcome)
    }

    async fn keep_lease(
        &self,
        id: SessionId,
        version: u64,
        until: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut call = self.call(&KEEP);
        call.arg(id.as_bytes())
            .arg(version)
            .arg(until.timestamp_millis());
        self.change("keep a lease", id, &KEEP, &call).await
    }

    async fn finish_refresh(&self, end: RefreshEnd) -> Result<RefreshFinished, StoreError> {
        const DOING: &str = "finish a refresh";
        let RefreshEnd { grant, record } = end;
        let id = grant.session_id;
        let version = grant.version;
        let after = Grant {
            version: told(DOING, next(version))?,
            lease: None,
            ..grant
        };
        let mut call = self.call(&FINISH);
        call.arg(id.as_bytes())
            .arg(version)
            .arg(record.id.as_bytes())
            .arg(refresh_bytes::write(&record))
            .arg(record.started_at.timestamp_millis())
            .arg(self.time_to_live(TimeDelta::zero()));
        grant_fields::give(&mut call, &after);
        let (word, fields): Said = self.run(DOING, &FINISH, &call).await?;
        let outcome = match (word.as_str(), fields) {
            ("stored", None) => Ok(RefreshFinished::Stored(Arc::new(after))),
            ("stored", fields) => read_said(id, fields).map(RefreshFinished::Stored),
            ("superseded", fields) => read_said(id, fields).map(RefreshFinished::Superseded),
            ("gone", _) => Ok(RefreshFinished::Gone),
            ("unsound record", _) => Err(Failure::Corrupt("a refresh's record cannot be read")),
            (_, fields) => Err(unsound(id, fields)),
        };
        told(DOING, outcome)
    }

    async fn claim_due(
        &self,
        now: DateTime<Utc>,
        next: DateTime<Utc>,
        batch: usize,
    ) -> Result<Vec<Arc<Grant>>, StoreError> {
        const DOING: &str = "claim grants that are due";
        let mut passed = 0;
        loop {
            let mut call = self.call(&CLAIM);
            call.arg(now.timestamp_millis())
                .arg(next.timestamp_millis())
                .arg(batch.min(CLAIMED_AT_ONCE))
                .arg(passed)
                .arg(LOOKED_AT);
            let (claimed, go_on): (Told, Option<u64>) = self.run(DOING, &CLAIM, &call).await?;
            match go_on {
                // Others are renewing all that is due longest.
                Some(go_on) if claimed.is_empty() => passed = go_on,
                _ => return Ok(readable(claimed)),
            }
        }
    }

    async fn postpone(
        &self,
        id: SessionId,
        version: u64,
        due_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut call = self.call(&POSTPONE);
        call.arg(id.as_bytes())
            .arg(version)
            .arg(due_at.timestamp_millis());
        let postponed = self.change("postpone a grant", id, &POSTPONE, &call);
        postponed.await.map(drop)
    }

    async fn remove_grant(&self, id: SessionId) -> Result<Option<Arc<Grant>>, StoreError> {
        let mut call = self.call(&REMOVE);
        call.arg(id.as_bytes());
        let (word, fields): Said = self.run("remove a grant", &REMOVE, &call).await?;
        if word != "removed" {
            return Ok(None);
        }
        Ok(readable(vec![(id.as_bytes().to_vec(), fields)]).pop())
    }

    async fn sessions_at_provider(
        &self,
        provider: &ProviderName,
        provider_session: &str,
    ) -> Result<Vec<SessionId>, StoreError> {
        const DOING: &str = "find sessions at a provider";
        let provider = provider.as_str().as_bytes();
        let key = self.key(&[b"gp:", provider, b":", provider_session.as_bytes()]);
        let ids: Vec<Vec<u8>> = self.ask(DOING, redis::cmd("SMEMBERS").arg(key)).await?;
        told(DOING, ids.iter().map(|id| session_id(id)).collect())
    }

    async fn reseal(
        &self,
        id: SessionId,
        expected_version: u64,
        tokens: SealedTokens,
    ) -> Result<bool, StoreError> {
        let mut call = self.call(&RESEAL);
        call.arg(id.as_bytes()).arg(expected_version);
        grant_fields::give_tokens(&mut call, &tokens);
        self.change("seal tokens anew", id, &RESEAL, &call).await
    }

    async fn sealed_otherwise(
        &self,
        key: &CipherKeyId,
        page: PageRequest,
    ) -> Result<Page<Arc<Grant>>, StoreError> {
        const DOING: &str = "list grants sealed otherwise";
        let wanted = page.limit() + 1;
        let mut after = page.after().map(|cursor| cursor.0.as_bytes().to_vec());
        let mut grants = Vec::new();
        loop {
            let mut call = self.call(&SEALED);
            call.arg(key.as_str())
                .arg(after.as_deref().unwrap_or_default())
                .arg((wanted - grants.len()).min(AT_ONCE));
            type Found = Vec<(Vec<u8>, Fields)>;
            let (found, go_on): (Found, Option<Vec<u8>>) = self.run(DOING, &SEALED, &call).await?;
            for (id, fields) in found {
                let grant = session_id(&id).and_then(|id| read_said(id, Some(fields)));
                grants.push(told(DOING, grant)?);
            }
            match go_on {
                Some(go_on) if grants.len() < wanted => after = Some(go_on),
                _ => return Ok(Page::cut(grants, page.limit(), |grant| grant.session_id)),
            }
        }
    }

    async fn count_by_key(&self) -> Result<Vec<(CipherKeyId, u64)>, StoreError> {
        const DOING: &str = "count grants by key";
        let counts: Vec<(Vec<u8>, u64)> = self.run(DOING, &COUNT, &self.call(&COUNT)).await?;
        let counts = counts.into_iter().map(|(name, count)| {
            let name = std::str::from_utf8(&name).ok();
            let name = name.and_then(|name| CipherKeyId::new(name).ok());
            let name = name.ok_or(Failure::Corrupt("the name of a key cannot be read"))?;
            Ok((name, count))
        });
        let mut counts: Vec<_> = told(DOING, counts.collect())?;
        counts.sort_unstable();
        Ok(counts)
    }

    async fn refreshes(
        &self,
        id: SessionId,
        page: PageRequest<RefreshId>,
    ) -> Result<Page<Arc<RefreshRecord>, RefreshId>, StoreError> {
        const DOING: &str = "list refreshes";
        let wanted = page.limit() + 1;
        let mut before = page.after().map(|cursor| cursor.0.as_bytes().to_vec());
        let mut records = Vec::new();
        loop {
            let mut call = self.call(&REFRESHES);
            call.arg(id.as_bytes())
                .arg(before.as_deref().unwrap_or_default())
                .arg(wanted - records.len());
            type Found = Vec<(Vec<u8>, Vec<u8>)>;
            let (found, go_on): (Found, Option<Vec<u8>>) =
                self.run(DOING, &REFRESHES, &call).await?;
            for (record, bytes) in &found {
                let record = refresh_id(record);
                let record = record.and_then(|record| refresh_bytes::read(id, record, bytes));
                records.push(told(DOING, record)?);
            }
            match go_on {
                // Some were gone by themselves.
                Some(go_on) if records.len() < wanted => before = Some(go_on),
                _ => return Ok(Page::cut(records, page.limit(), |record| record.id)),
            }
        }
    }

    async fn forget_refreshes(
        &self,
        before: DateTime<Utc>,
        batch: usize,
    ) -> Result<Forgotten, StoreError> {
        let mut call = self.call(&FORGET);
        call.arg(before.timestamp_millis()).arg(batch.min(AT_ONCE));
        let (count, more) = self.run("forget refreshes", &FORGET, &call).await?;
        Ok(Forgotten { count, more })
    }
}

impl RedisStore {
    /// A change of one grant that leaves its version; whether it was made.
    async fn change(
        &self,
        doing: &'static str,
        id: SessionId,
        script: &Script,
        call: &Cmd,
    ) -> Result<bool, StoreError> {
        let (word, fields): Said = self.run(doing, script, call).await?;
        match word.as_str() {
            "yes" => Ok(true),
            "no" => Ok(false),
            _ => Err(unsound(id, fields).into_store_error(doing)),
        }
    }
}

fn next(version: u64) -> Result<u64, Failure> {
    let next = version.checked_add(1);
    next.ok_or(Failure::Internal("a grant has been changed too often"))
}
