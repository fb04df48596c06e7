use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};

/// What somebody who signed in got.
#[derive(Clone)]
pub struct Issued {
    /// The access token.
    pub access_token: String,
    /// The refresh token, unless the settings say that there is none.
    pub refresh_token: Option<String>,
    /// The ID token, unless the settings say that there is none.
    pub id_token: Option<String>,
    /// For how long the access token is good, if the provider says.
    pub expires_in: Option<TimeDelta>,
    /// What was granted.
    pub scope: String,
    /// Who signed in.
    pub subject: String,
    /// The provider's name for their presence (`sid`).
    pub session: String,
}

/// Without the tokens: a failing test prints it.
impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued")
            .field("subject", &self.subject)
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}

/// All that descends from one login.
#[derive(Debug)]
pub(crate) struct Grant {
    pub(crate) subject: String,
    pub(crate) session: String,
    pub(crate) scope: String,
    pub(crate) is_alive: bool,
    /// Whose use is a use of a stolen one, or of one that was sent twice.
    pub(crate) was_reused: bool,
    pub(crate) refreshes: u64,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Access {
    pub(crate) grant: usize,
    pub(crate) issued_at: DateTime<Utc>,
    pub(crate) expires_at: Option<DateTime<Utc>>,
    is_revoked: bool,
}

#[derive(Debug, Clone, Copy)]
struct Refresh {
    grant: usize,
    is_used: bool,
}

/// A code, and what whoever brings it must know.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) grant: usize,
    pub(crate) redirect_uri: String,
    pub(crate) challenge: Option<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) is_used: bool,
}

/// Every grant and every token that there ever was.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    grants: Vec<Grant>,
    access: HashMap<String, Access>,
    refresh: HashMap<String, Refresh>,
    codes: HashMap<String, Code>,
}

impl Grants {
    pub(crate) fn open(&mut self, subject: &str, session: String, scope: &str) -> usize {
        self.grants.push(Grant {
            subject: subject.to_owned(),
            session,
            scope: scope.to_owned(),
            is_alive: true,
            was_reused: false,
            refreshes: 0,
        });
        self.grants.len() - 1
    }

    pub(crate) fn grant(&self, grant: usize) -> &Grant {
        &self.grants[grant]
    }

    pub(crate) fn add_access(
        &mut self,
        token: String,
        grant: usize,
        issued_at: DateTime<Utc>,
        expires_at: Option<DateTime<Utc>>,
    ) {
        let access = Access {
            grant,
            issued_at,
            expires_at,
            is_revoked: false,
        };
        self.access.insert(token, access);
    }

    pub(crate) fn add_refresh(&mut self, token: String, grant: usize) {
        let refresh = Refresh {
            grant,
            is_used: false,
        };
        self.refresh.insert(token, refresh);
    }

    pub(crate) fn add_code(&mut self, text: String, code: Code) {
        self.codes.insert(text, code);
    }

    /// Uses a refresh token; which grant it is of, if it is good. One that was used before ends the
    /// grant, where tokens rotate.
    pub(crate) fn use_refresh(&mut self, token: &str, rotates: bool) -> Option<usize> {
        let refresh = self.refresh.get_mut(token)?;
        let grant = &mut self.grants[refresh.grant];
        if refresh.is_used {
            grant.is_alive = false;
            grant.was_reused = true;
        }
        if !grant.is_alive {
            return None;
        }
        refresh.is_used = rotates;
        grant.refreshes += 1;
        Some(refresh.grant)
    }

    /// Uses a code. One that was used before ends the grant (RFC 6749 §4.1.2).
    pub(crate) fn use_code(&mut self, text: &str) -> Option<Code> {
        let code = self.codes.get_mut(text)?;
        if code.is_used {
            self.grants[code.grant].is_alive = false;
            return None;
        }
        code.is_used = true;
        Some(code.clone())
    }

    /// The access token, if it is good.
    pub(crate) fn good_access(&self, token: &str, now: DateTime<Utc>) -> Option<&Access> {
        let access = self.access.get(token)?;
        let is_good = !access.is_revoked
            && self.grants[access.grant].is_alive
            && access.expires_at.is_none_or(|end| now < end);
        is_good.then_some(access)
    }

    /// The grant of a refresh token that would still be taken.
    pub(crate) fn good_refresh(&self, token: &str) -> Option<usize> {
        let refresh = self.refresh.get(token)?;
        (!refresh.is_used && self.grants[refresh.grant].is_alive).then_some(refresh.grant)
    }

    /// The grant that a token, of whatever kind and good or not, descends from.
    pub(crate) fn grant_of(&self, token: &str) -> Option<usize> {
        let access = self.access.get(token).map(|access| access.grant);
        let refresh = self.refresh.get(token).map(|refresh| refresh.grant);
        access.or(refresh)
    }

    /// Ends a grant with all its tokens.
    pub(crate) fn end(&mut self, grant: usize) {
        self.grants[grant].is_alive = false;
    }
}
