use session_core::{BUSIEST_USERS, SessionStats, UserId};

use crate::error::Failure;

/// What is counted, before it is put together.
#[derive(Default)]
pub(super) struct Counts {
    /// Not noted as ended.
    pub(super) open: u64,
    /// Past their deadline among those, as far as they were looked at.
    pub(super) due: u64,
    /// Noted as expired.
    pub(super) expired: u64,
    /// Ended otherwise.
    pub(super) ended: u64,
    /// Users with open sessions.
    pub(super) users: u64,
    /// Users some of whose sessions are due, and how many of theirs are live.
    pub(super) shifted: Vec<(String, i64)>,
    /// The others with most sessions.
    pub(super) busiest: Vec<(String, i64)>,
}

impl Counts {
    pub(super) fn summed_up(self) -> Result<SessionStats, Failure> {
        let told_of = self.shifted.len() as u64;
        let shifted: Vec<_> = self
            .shifted
            .into_iter()
            .filter(|(_, live)| *live > 0)
            .collect();
        let gone = told_of - shifted.len() as u64;
        let mut busiest = Vec::with_capacity(shifted.len() + self.busiest.len());
        for (user, live) in shifted.into_iter().chain(self.busiest) {
            let user = UserId::new(&user);
            let user = user.map_err(|_| Failure::Corrupt("a user's id cannot be read"))?;
            busiest.push((user, live.unsigned_abs()));
        }
        busiest.sort_unstable_by(|(name, live), (other_name, other_live)| {
            other_live.cmp(live).then_with(|| name.cmp(other_name))
        });
        busiest.truncate(BUSIEST_USERS);
        Ok(SessionStats {
            active: self.open.saturating_sub(self.due),
            expired: self.expired + self.due,
            total: self.open + self.expired + self.ended,
            unique_users: self.users.saturating_sub(gone),
            busiest_users: busiest,
        })
    }
}
