use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::MutexGuard;

use serde_json::{Value, json};

use crate::endpoints::{description, path};
use crate::serve::{Command, Thread};
use crate::state::{Shared, State};
use crate::{Call, Endpoint, Fault, Held, Key, Settings};

/// A provider that runs until this is dropped.
#[derive(Debug)]
pub struct ScriptedProvider {
    shared: Shared,
    thread: Thread,
    address: SocketAddr,
    issuer: String,
}

/// Starting, stopping, and where it is.
impl ScriptedProvider {
    /// Starts one that behaves as [`Settings::default`] says.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Settings::default())
    }

    /// Starts one on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When there is no port or no thread to be had.
    #[must_use]
    pub fn start_with(settings: Settings) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("its address");
        let issuer = format!("http://{address}");
        let shared = Shared::new(settings, issuer.clone());
        let thread = Thread::start(listener, shared.clone()).expect("a thread");
        Self {
            shared,
            thread,
            address,
            issuer,
        }
    }

    /// Closes its port and every connection: from now on it is not to be reached.
    pub fn go_away(&self) {
        self.thread.tell(Command::GoAway);
    }

    /// Opens its port again, after [`go_away`](Self::go_away).
    ///
    /// # Panics
    /// When somebody else took the port meanwhile.
    pub fn come_back(&self) {
        self.thread.tell(Command::ComeBack);
    }

    /// Its issuer identifier: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where this is asked.
    #[must_use]
    pub fn url(&self, endpoint: Endpoint) -> String {
        format!("{}{}", self.issuer, path(endpoint))
    }

    /// What it says of itself, for a test that says something else of it.
    #[must_use]
    pub fn description(&self) -> Value {
        description(&self.lock())
    }

    /// The id of the client that it knows.
    #[must_use]
    pub fn client_id(&self) -> String {
        self.lock().settings.client_id.clone()
    }

    /// The secret of the client that it knows.
    #[must_use]
    pub fn client_secret(&self) -> Option<String> {
        self.lock().settings.client_secret.clone()
    }

    /// Changes how it behaves from now on.
    pub fn change(&self, change: impl FnOnce(&mut Settings)) {
        change(&mut self.lock().settings);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.lock()
    }
}

/// Signing.
impl ScriptedProvider {
    /// A logout token (OpenID Connect Back-Channel Logout 1.0 §2.4), good now.
    #[must_use]
    pub fn logout_token(&self, subject: Option<&str>, session: Option<&str>) -> String {
        let claims = self.logout_claims(subject, session);
        let state = self.lock();
        let key = state.key();
        let header =
            json!({ "alg": key.algorithm().as_str(), "kid": key.id(), "typ": "logout+jwt" });
        key.sign_as(&header, &claims)
    }

    /// The claims of a logout token, for a test that changes one.
    #[must_use]
    pub fn logout_claims(&self, subject: Option<&str>, session: Option<&str>) -> Value {
        self.lock().logout_claims(subject, session)
    }

    /// The claims of an ID token, for a test that changes one.
    #[must_use]
    pub fn id_claims(&self, subject: &str, nonce: &str) -> Value {
        self.lock().id_claims(subject, "sid-of-a-test", Some(nonce))
    }

    /// Signs these claims with the present key and the usual header.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        self.lock().key().sign(claims)
    }

    /// Signs these claims with the present key, under a header that a test made up.
    #[must_use]
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        self.lock().key().sign_as(header, claims)
    }

    /// The name of the key that signs now.
    #[must_use]
    pub fn key_id(&self) -> String {
        self.lock().key().id().to_owned()
    }

    /// Signs with a new key from now on. The old ones are shown still.
    pub fn rotate_keys(&self) {
        self.lock().make_key();
    }

    /// Signs with this key from now on. The old ones are shown still.
    pub fn add_key(&self, key: Key) {
        self.lock().keys.push(key);
    }

    /// Shows no key from now on but the one that signs.
    pub fn forget_old_keys(&self) {
        let mut state = self.lock();
        let old = state.keys.len() - 1;
        state.keys.drain(..old);
    }
}

/// What goes wrong.
impl ScriptedProvider {
    /// The next call that has no fault yet goes wrong like this.
    pub fn next(&self, endpoint: Endpoint, fault: Fault) {
        self.lock().script.push(endpoint, Some(fault));
    }

    /// The next call of the token endpoint that has no fault yet goes wrong like this.
    pub fn next_token_call(&self, fault: Fault) {
        self.next(Endpoint::Token, fault);
    }

    /// The next call that has no fault yet goes well, whatever [`always`](Self::always) says.
    pub fn next_goes_well(&self, endpoint: Endpoint) {
        self.lock().script.push(endpoint, None);
    }

    /// Every call that nothing else is said of goes wrong like this from now on; or none, again.
    pub fn always(&self, endpoint: Endpoint, fault: Option<Fault>) {
        self.lock().script.set_always(endpoint, fault);
    }

    /// Nothing is done for the next call until the test says so.
    #[must_use]
    pub fn hold_next(&self, endpoint: Endpoint) -> Held {
        let held = Held::new();
        self.next(endpoint, Fault::HoldBefore(held.clone()));
        held
    }

    /// The next call is done, and answered when the test says so.
    #[must_use]
    pub fn hold_next_answer(&self, endpoint: Endpoint) -> Held {
        let held = Held::new();
        self.next(endpoint, Fault::HoldAfter(held.clone()));
        held
    }
}

/// What it saw.
impl ScriptedProvider {
    /// Every call of an endpoint, in the order in which they came.
    #[must_use]
    pub fn calls(&self, endpoint: Endpoint) -> Vec<Call> {
        let state = self.lock();
        let calls = state.calls.iter();
        calls
            .filter(|call| call.endpoint == endpoint)
            .cloned()
            .collect()
    }

    /// How often an endpoint was called.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.calls(endpoint).len()
    }

    /// Every refresh that was asked for, in the order in which they came.
    #[must_use]
    pub fn refresh_calls(&self) -> Vec<Call> {
        let mut calls = self.calls(Endpoint::Token);
        calls.retain(|call| call.get("grant_type") == Some("refresh_token"));
        calls
    }

    /// Every secret that it ever handed out or was sent: tokens, codes, verifiers, the client's
    /// secret. None of them belongs into a log, or in plain into a file.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.lock().secrets.clone()
    }
}
