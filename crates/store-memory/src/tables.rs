use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use session_core::{
    BUSIEST_USERS, DUE_COUNTED, EndKind, Ending, Session, SessionId, SessionStats, Standing, UserId,
};

/// The records and their indexes, which agree after every method.
///
/// *Open* is what has not been noted as ended; it may be past its deadline.
#[derive(Default)]
pub(crate) struct Tables {
    sessions: HashMap<SessionId, Arc<Session>>,
    open_by_user: HashMap<UserId, BTreeSet<SessionId>>,
    /// How many open sessions a user has, for those who have any: most first, then by name.
    users_by_count: BTreeSet<(Reverse<usize>, UserId)>,
    open_by_deadline: BTreeSet<(DateTime<Utc>, SessionId)>,
    ended_by_time: BTreeSet<(DateTime<Utc>, SessionId)>,
    expired: u64,
}

impl Tables {
    pub(crate) fn get(&self, id: SessionId) -> Option<&Arc<Session>> {
        self.sessions.get(&id)
    }

    /// Adds a session that is not there yet and has not ended.
    pub(crate) fn insert(&mut self, session: Arc<Session>) {
        self.open_by_deadline
            .insert((session.deadline(), session.id));
        let user = session.user_id.clone();
        self.count_user(user, |open| open.insert(session.id));
        self.sessions.insert(session.id, session);
    }

    /// Puts a changed record in the place of one that has not ended; its user stays the same.
    pub(crate) fn replace(&mut self, session: Arc<Session>) {
        let (id, deadline) = (session.id, session.deadline());
        if let Some(before) = self.sessions.insert(id, session)
            && before.deadline() != deadline
        {
            self.open_by_deadline.remove(&(before.deadline(), id));
            self.open_by_deadline.insert((deadline, id));
        }
    }

    /// Ends a session, as expired if it had passed its deadline; `None` if it is not there.
    ///
    /// One that has ended already stays as it is.
    pub(crate) fn end(&mut self, id: SessionId, ending: Ending) -> Option<Arc<Session>> {
        let session = self.sessions.get(&id)?;
        if matches!(session.standing, Standing::Ended(_)) {
            return Some(Arc::clone(session));
        }
        let deadline = session.deadline();
        let had_passed = deadline <= ending.at;
        let ending = if had_passed {
            Ending::expired(ending.at)
        } else {
            ending
        };
        let (ended_at, kind) = (ending.at, ending.kind);
        let ended = Arc::new(Session {
            version: session.version + 1,
            standing: Standing::Ended(ending),
            ..Session::clone(session)
        });
        self.expired += u64::from(kind == EndKind::Expired);
        self.open_by_deadline.remove(&(deadline, id));
        self.ended_by_time.insert((ended_at, id));
        self.count_user(ended.user_id.clone(), |open| open.remove(&id));
        self.sessions.insert(id, Arc::clone(&ended));
        Some(ended)
    }

    /// Drops at most `most` records that ended before `before`; how many those were.
    pub(crate) fn forget(&mut self, before: DateTime<Utc>, most: usize) -> usize {
        let mut forgotten = 0;
        while forgotten < most
            && let Some((ended_at, id)) = self.ended_by_time.first().copied()
            && ended_at < before
        {
            self.ended_by_time.pop_first();
            if let Some(session) = self.sessions.remove(&id)
                && matches!(&session.standing, Standing::Ended(ending)
                    if ending.kind == EndKind::Expired)
            {
                self.expired -= 1;
            }
            forgotten += 1;
        }
        forgotten
    }

    /// A user's open sessions, least recently created first.
    pub(crate) fn open_of(&self, user: &UserId) -> impl Iterator<Item = SessionId> {
        self.open_by_user.get(user).into_iter().flatten().copied()
    }

    /// Those of a user's open sessions that were created before `cursor`, newest first.
    pub(crate) fn open_before(
        &self,
        user: &UserId,
        cursor: Option<SessionId>,
    ) -> impl Iterator<Item = SessionId> {
        let end = cursor.map_or(Bound::Unbounded, Bound::Excluded);
        let open = self.open_by_user.get(user).into_iter();
        open.flat_map(move |open| open.range((Bound::Unbounded, end)).rev().copied())
    }

    pub(crate) fn live_of(&self, user: &UserId, now: DateTime<Utc>) -> usize {
        self.open_of(user)
            .filter(|id| self.is_live(*id, now))
            .count()
    }

    /// The sessions that must go so that with one more the user has at most `max` live ones.
    pub(crate) fn oldest_over(
        &self,
        user: &UserId,
        max: u32,
        now: DateTime<Utc>,
    ) -> Vec<SessionId> {
        let max = max as usize;
        // What is past its deadline counts here: an upper bound, which mostly spares the counting.
        if self.open_by_user.get(user).map_or(0, BTreeSet::len) < max {
            return Vec::new();
        }
        let over = (self.live_of(user, now) + 1).saturating_sub(max);
        self.open_of(user)
            .filter(|id| self.is_live(*id, now))
            .take(over)
            .collect()
    }

    /// At most `most` open sessions that are past their deadline.
    pub(crate) fn due(&self, now: DateTime<Utc>, most: usize) -> Vec<SessionId> {
        let due = self
            .open_by_deadline
            .iter()
            .take_while(|(deadline, _)| *deadline <= now);
        due.map(|(_, id)| *id).take(most).collect()
    }

    pub(crate) fn stats(&self, now: DateTime<Utc>) -> SessionStats {
        let mut due_of: HashMap<&UserId, usize> = HashMap::new();
        let mut due = 0;
        for session in self
            .due(now, DUE_COUNTED)
            .into_iter()
            .filter_map(|id| self.get(id))
        {
            *due_of.entry(&session.user_id).or_default() += 1;
            due += 1;
        }
        // Who has sessions that are due stands elsewhere in the order than the index says. There are
        // at most as many of them as sessions counted as due, so they are all looked at.
        let shifted = due_of.iter().filter_map(|(user, due)| {
            let open = self.open_by_user.get(*user).map_or(0, BTreeSet::len);
            let live = open.saturating_sub(*due);
            (live > 0).then_some((Reverse(live), *user))
        });
        let mut busiest: Vec<_> = shifted.collect();
        let gone = due_of.len() - busiest.len();
        let unmoved = self.users_by_count.iter();
        let unmoved = unmoved.filter(|(_, user)| !due_of.contains_key(user));
        busiest.extend(
            unmoved
                .take(BUSIEST_USERS)
                .map(|(open, user)| (*open, user)),
        );
        busiest.sort_unstable();
        let busiest_users = busiest
            .into_iter()
            .take(BUSIEST_USERS)
            .map(|(Reverse(live), user)| (user.clone(), live as u64))
            .collect();
        SessionStats {
            active: self.open_by_deadline.len() as u64 - due,
            expired: self.expired + due,
            total: self.sessions.len() as u64,
            unique_users: (self.open_by_user.len() - gone) as u64,
            busiest_users,
        }
    }

    fn is_live(&self, id: SessionId, now: DateTime<Utc>) -> bool {
        self.get(id).is_some_and(|session| session.is_live(now))
    }

    /// Changes a user's open sessions and keeps the count beside them true.
    fn count_user(&mut self, user: UserId, change: impl FnOnce(&mut BTreeSet<SessionId>) -> bool) {
        let open = self.open_by_user.entry(user.clone()).or_default();
        let before = open.len();
        change(open);
        let after = open.len();
        if after == 0 {
            self.open_by_user.remove(&user);
        }
        self.users_by_count.remove(&(Reverse(before), user.clone()));
        if after > 0 {
            self.users_by_count.insert((Reverse(after), user));
        }
    }
}
