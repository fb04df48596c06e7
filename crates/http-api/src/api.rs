use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use app::Services;
use axum::Router;
use axum::http::HeaderName;
use tokio::sync::Semaphore;
use utoipa_axum::router::OpenApiRouter;

use crate::client::TrustedProxies;
use crate::keys::ServiceKeys;
use crate::request_id::RequestIds;
use crate::{admin, auth, cors, front, oauth2, openapi, operations, security, sessions};

/// Most requests that are carried out to their end at once, waited for or not. Past it the answer is
/// 503: what hangs must not pile up.
const MAX_DETACHED: u32 = 20_000;

/// The whole API, ready to answer requests; see [`Api::respond`].
#[derive(Clone, Debug)]
pub struct Api {
    pub(crate) router: Router,
    pub(crate) shared: Arc<Shared>,
}

/// What the deployment decides about the API.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// The header that carries a session token (`SESSION_HEADER`).
    pub session_header: HeaderName,
    /// Whether cookies are for https only (`SESSION_SECURE_COOKIES`): decides the cookie's name.
    pub secure_cookies: bool,
    /// Whether each request leaves a line in the log (`SESSION_LOG_REQUESTS`).
    pub log_requests: bool,
    /// What the store is called in `/health/sessions`.
    pub store_name: &'static str,
    /// Which proxies are believed when they say for whom they ask (`SESSION_TRUSTED_PROXIES`).
    pub trusted_proxies: TrustedProxies,
    /// Whether plain http is refused (`SESSION_REQUIRE_HTTPS`): a trusted proxy must say that the
    /// client spoke TLS.
    pub require_https: bool,
    /// Whether `/sessions/create` is held to the rule `session_create` (`SESSION_LIMIT_CREATES`).
    pub limit_creates: bool,
    /// Whether a session whose role is `admin` opens the admin face (`SESSION_ADMIN_BY_ROLE`). Who
    /// holds a service key can begin such a session.
    pub admin_by_role: bool,
    /// Whether anyone may register (`SESSION_REGISTRATION`).
    pub registration: bool,
    /// Origins of other sites whose pages may use this API with the user's cookie
    /// (`SESSION_ALLOWED_ORIGINS`), as browsers send them: `https://app.example.org`.
    pub allowed_origins: Vec<String>,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            session_header: HeaderName::from_static("x-session-id"),
            secure_cookies: true,
            log_requests: false,
            store_name: "memory",
            trusted_proxies: TrustedProxies::default(),
            require_https: false,
            limit_creates: false,
            admin_by_role: true,
            registration: false,
            allowed_origins: Vec::new(),
        }
    }
}

impl ApiConfig {
    pub(crate) fn allows_origin(&self, origin: &str) -> bool {
        self.allowed_origins.iter().any(|allowed| allowed == origin)
    }

    /// The name of the cookie that carries a session token.
    ///
    /// The prefix `__Host-` binds it to https and to this host, and browsers enforce that
    /// (RFC 6265bis §4.1.3).
    #[must_use]
    pub const fn session_cookie(&self) -> &'static str {
        if self.secure_cookies {
            "__Host-session"
        } else {
            "session_id"
        }
    }

    /// What the names of the cookies begin with that tie logins to a browser.
    #[must_use]
    pub(crate) const fn login_cookies(&self) -> &'static str {
        if self.secure_cookies {
            "__Host-login-"
        } else {
            "login-"
        }
    }
}

/// What every handler can reach.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) services: Services,
    pub(crate) keys: ServiceKeys,
    pub(crate) config: ApiConfig,
    pub(crate) request_ids: RequestIds,
    pub(crate) draining: AtomicBool,
    /// Requests that are carried out to their end; see [`Api::finish`].
    pub(crate) detached: Arc<Semaphore>,
}

/// The state that axum hands to handlers.
pub(crate) type AppState = Arc<Shared>;

impl Api {
    /// Puts the routes together.
    #[must_use]
    pub fn new(services: Services, keys: ServiceKeys, config: ApiConfig) -> Self {
        let log_requests = config.log_requests;
        let request_ids = RequestIds::starting_at(services.sessions.now());
        let draining = AtomicBool::new(false);
        let detached = Arc::new(Semaphore::new(MAX_DETACHED as usize));
        let shared = Arc::new(Shared {
            services,
            keys,
            config,
            request_ids,
            draining,
            detached,
        });
        let (router, description) = OpenApiRouter::with_openapi(openapi::description())
            .merge(sessions::routes())
            .merge(security::routes())
            .merge(auth::routes())
            .merge(oauth2::routes())
            .merge(admin::routes(&shared))
            .merge(operations::routes())
            .split_for_parts();
        let router = router
            .merge(openapi::routes(description))
            .fallback(front::not_found)
            .method_not_allowed_fallback(front::method_not_allowed);
        let router = match cors::layer(&shared.config) {
            Some(cors) => router.layer(cors),
            None => router,
        };
        let router = if log_requests {
            front::with_route_names(router)
        } else {
            router
        };
        Self {
            router: router.with_state(Arc::clone(&shared)),
            shared,
        }
    }

    /// Waits until everything that was begun and must be carried out to its end has been: also what
    /// nobody waits for any more. To be called when no more requests come, before what they work with
    /// is closed; for as long as the caller cares to wait.
    pub async fn finish(&self) {
        // The semaphore is never closed.
        let _all = self.shared.detached.acquire_many(MAX_DETACHED).await;
    }

    /// From now on `/ready` says no, so that no new work is sent here; everything else goes on.
    pub fn start_draining(&self) {
        self.shared.draining.store(true, Ordering::Relaxed);
    }
}
