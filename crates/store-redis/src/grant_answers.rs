//! What steps say of grants.

use std::sync::Arc;

use session_core::{Grant, SessionId};

use crate::error::Failure;
use crate::grant_fields::{Fields, read_present};
use crate::record::session_id;

/// Of one grant: a word, and the grant where the word asks for it.
pub(crate) type Said = (String, Option<Fields>);

/// Of several: whose they are, and what they are; nothing where that is no hash.
pub(crate) type Told = Vec<(Vec<u8>, Option<Fields>)>;

/// The grant that a step tells of.
pub(crate) fn read_said(id: SessionId, fields: Option<Fields>) -> Result<Arc<Grant>, Failure> {
    let fields = fields.ok_or(Failure::Corrupt("a grant is none"))?;
    read_present(id, fields)
}

/// Why a step cannot judge a grant.
pub(crate) fn unsound(id: SessionId, fields: Option<Fields>) -> Failure {
    match read_said(id, fields) {
        Err(failure) => failure,
        Ok(_) => Failure::Corrupt("a grant cannot be judged"),
    }
}

/// Those that can be read. That the others cannot must not be in the way of what is done with them all.
pub(crate) fn readable(told: Told) -> Vec<Arc<Grant>> {
    let grants = told.into_iter().filter_map(|(id, fields)| {
        let grant = session_id(&id).and_then(|id| read_said(id, fields));
        let log = |failure| tracing::error!(?failure, "a grant in redis is damaged");
        grant.map_err(log).ok()
    });
    grants.collect()
}
