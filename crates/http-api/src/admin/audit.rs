use std::sync::Arc;

use app::{SecurityService, SessionError};
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use futures_util::stream;
use serde::{Deserialize, Serialize};
use session_core::{
    Anchor, AuditFilter, AuditOrder, AuditRecord, Cursor, InvalidInput, MAX_PAGE, Page,
    PageRequest, Sequence, UserId,
};
use utoipa::{IntoParams, ToSchema};

use super::guard::Admin;
use crate::api::AppState;
use crate::json::{Json, Query};
use crate::problem::{Problem, ProblemBody};

const NDJSON: &str = "application/x-ndjson";

#[derive(Deserialize, IntoParams)]
pub(crate) struct AuditQuery {
    /// About this user.
    user_id: Option<String>,
    /// About this session, by its handle.
    session_id: Option<String>,
    /// Of this kind: `session_created`, `access_denied`, …
    action: Option<String>,
    /// Not before this moment (RFC 3339).
    since: Option<String>,
    /// Before this moment (RFC 3339).
    until: Option<String>,
    /// Records of a page; 100 unless given, at most 1000.
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl AuditQuery {
    fn filter(&self) -> Result<AuditFilter, InvalidInput> {
        let (user, session) = (self.user_id.as_deref(), self.session_id.as_deref());
        let session = session.map(str::parse).transpose();
        Ok(AuditFilter {
            user_id: user.map(UserId::new).transpose()?,
            session_id: session
                .map_err(|_| InvalidInput::new("session_id", "must be a session's handle"))?,
            action: self.action.as_deref().map(str::parse).transpose()?,
            since: time("since", self.since.as_deref())?,
            until: time("until", self.until.as_deref())?,
        })
    }

    fn page(&self) -> Result<PageRequest<Sequence>, InvalidInput> {
        let cursor = self.cursor.as_deref().map(str::parse).transpose()?;
        PageRequest::new(self.limit, cursor)
    }
}

fn time(field: &'static str, text: Option<&str>) -> Result<Option<DateTime<Utc>>, InvalidInput> {
    text.map(|text| {
        let time = DateTime::parse_from_rfc3339(text);
        time.map(|time| time.to_utc())
            .map_err(|_| InvalidInput::new(field, "must be a time as RFC 3339 has it"))
    })
    .transpose()
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AuditPage {
    /// Newest first.
    #[schema(value_type = Vec<Object>)]
    events: Vec<AuditRecord>,
    /// Where the next page begins; not on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

/// What happened: a page of the audit log, newest first.
///
/// With `Accept: application/x-ndjson` everything that is asked for, oldest first, a record a line.
#[utoipa::path(get, path = "/admin/audit", tag = "admin",
    params(AuditQuery),
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = AuditPage),
        (status = 400, description = "Malformed or out of bounds", body = ProblemBody<'_>),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn audit(
    _: Admin,
    State(state): State<AppState>,
    headers: HeaderMap,
    Query(query): Query<AuditQuery>,
) -> Result<Response, Problem> {
    let filter = query.filter()?;
    let security = &state.services.security;
    if wants_lines(&headers) {
        return export(Arc::clone(security), filter).await;
    }
    let Page { items, next } = security
        .events(&filter, AuditOrder::NewestFirst, query.page()?)
        .await?;
    let page = AuditPage {
        events: items,
        next_cursor: next.map(|cursor| cursor.0.to_string()),
    };
    Ok(Json(page).into_response())
}

fn wants_lines(headers: &HeaderMap) -> bool {
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','))
        .filter_map(|kind| kind.split(';').next())
        .any(|kind| kind.trim().eq_ignore_ascii_case(NDJSON))
}

/// Everything, page by page as the client reads it. A failure on the way cuts the answer off, so that
/// half an export is never taken for a whole one.
async fn export(security: Arc<SecurityService>, filter: AuditFilter) -> Result<Response, Problem> {
    let page = PageRequest::new(Some(MAX_PAGE), None)?;
    // The first page now: a store that is away is told by the status.
    let first = security
        .events(&filter, AuditOrder::OldestFirst, page)
        .await?;
    let rest = first.next;
    let lines = lines_of(&first.items);
    let more = stream::try_unfold(rest, move |at: Option<Cursor<Sequence>>| {
        let (security, filter) = (Arc::clone(&security), filter.clone());
        async move {
            let Some(at) = at else { return Ok(None) };
            let next = page.following(at);
            let page = security
                .events(&filter, AuditOrder::OldestFirst, next)
                .await?;
            Ok::<_, SessionError>(Some((lines_of(&page.items), page.next)))
        }
    });
    let all = futures_util::StreamExt::chain(stream::iter([Ok(lines)]), more);
    Ok(([(CONTENT_TYPE, NDJSON)], Body::from_stream(all)).into_response())
}

fn lines_of(records: &[AuditRecord]) -> String {
    let mut lines = String::new();
    for record in records {
        // Texts, numbers and times: this cannot fail.
        lines.push_str(&serde_json::to_string(record).unwrap_or_default());
        lines.push('\n');
    }
    lines
}

#[derive(Deserialize, IntoParams)]
pub(crate) struct Noted {
    /// A head that was noted at an earlier check.
    noted: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(crate) struct AuditVerdict {
    /// Whether every record is as it was written.
    intact: bool,
    /// How many records were checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    records: Option<u64>,
    /// The last record: note it elsewhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    /// Whether the log still holds what was `noted`: false if that is older than what is kept, so that
    /// nothing tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    holds_noted: Option<bool>,
    /// What is wrong with the first record that does not fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    broken: Option<String>,
}

/// Whether the audit log is as it was written: follows its whole chain of hashes.
#[utoipa::path(get, path = "/admin/audit/verify", tag = "admin",
    params(Noted),
    security(("admin_key" = []), ("admin_session" = [])),
    responses(
        (status = 200, body = AuditVerdict),
        (status = 400, description = "`noted` is no head", body = ProblemBody<'_>),
        (status = 401, description = "No credential, or an unknown one", body = ProblemBody<'_>),
        (status = 403, description = "Not an operator's", body = ProblemBody<'_>),
        (status = 503, description = "The store is away", body = ProblemBody<'_>),
    ))]
pub(crate) async fn verify(
    _: Admin,
    State(state): State<AppState>,
    Query(Noted { noted }): Query<Noted>,
) -> Result<Json<AuditVerdict>, Problem> {
    let noted: Option<Anchor> = noted.as_deref().map(str::parse).transpose()?;
    let verdict = state.services.security.verify_log(noted).await?;
    Ok(Json(match verdict {
        Ok(verified) => AuditVerdict {
            intact: true,
            records: Some(verified.records),
            head: Some(verified.head.to_string()),
            holds_noted: noted.map(|noted| verified.reaches_back_to(&noted)),
            broken: None,
        },
        Err(broken) => AuditVerdict {
            intact: false,
            records: None,
            head: None,
            holds_noted: None,
            broken: Some(broken.to_string()),
        },
    }))
}
