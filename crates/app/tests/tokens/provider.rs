//! A provider with rotating refresh tokens, which does what it is told to instead when it is told to.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Mutex;
use std::time::Duration;

use chrono::TimeDelta;
use session_core::ports::{Introspection, TokenProvider};
use session_core::{ProviderFailure, ProviderToken, TokenAnswer, TokenKind};
use tokio::time::Instant;

#[derive(Default)]
pub(crate) struct RotatingProvider {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What the next calls do instead of working.
    script: VecDeque<Step>,
    /// Which family each refresh token ever issued is of.
    families: HashMap<String, usize>,
    /// The one token of a family that is good; none of a dead one.
    current: Vec<Option<String>>,
    issued: usize,
    calls: Vec<Instant>,
    revoked: Vec<String>,
    dead: HashSet<String>,
    /// How long it takes to hear of an end.
    slow_ends: Duration,
    /// How long it takes to give new tokens.
    slow_answers: Duration,
    /// How long it says that access tokens live; an hour unless told.
    life: Option<TimeDelta>,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// Fails without doing anything.
    Fail(ProviderFailure),
    /// Does its work, and the answer is lost.
    LoseAnswer,
    /// Does its work after this time.
    After(Duration),
    /// Does its work, and answers after this time.
    AnswerAfter(Duration),
    /// Keeps the refresh token, and answers after this time.
    KeepRefresh(Duration),
}

/// How long its access tokens live.
pub(crate) const LIFE: TimeDelta = TimeDelta::minutes(60);

impl RotatingProvider {
    /// The tokens of a new login.
    pub(crate) fn issue(&self) -> TokenAnswer {
        let mut state = self.state.lock().unwrap();
        let family = state.current.len();
        state.current.push(None);
        state.rotate(family)
    }

    pub(crate) fn next(&self, step: Step) {
        self.state.lock().unwrap().script.push_back(step);
    }

    /// From now on, ends are heard after this time.
    pub(crate) fn hears_ends_after(&self, pause: Duration) {
        self.state.lock().unwrap().slow_ends = pause;
    }

    /// From now on, tokens are given after this time.
    pub(crate) fn works_for(&self, pause: Duration) {
        self.state.lock().unwrap().slow_answers = pause;
    }

    /// From now on, access tokens live so long.
    pub(crate) fn lives(&self, life: TimeDelta) {
        self.state.lock().unwrap().life = Some(life);
    }

    /// How often it was asked for tokens.
    pub(crate) fn calls(&self) -> usize {
        self.state.lock().unwrap().calls.len()
    }

    /// When it was asked.
    pub(crate) fn call_times(&self) -> Vec<Instant> {
        self.state.lock().unwrap().calls.clone()
    }

    pub(crate) fn revoked(&self) -> Vec<String> {
        self.state.lock().unwrap().revoked.clone()
    }

    /// Whether the login that a token descends from is good.
    pub(crate) fn is_alive(&self, refresh: &ProviderToken) -> bool {
        let state = self.state.lock().unwrap();
        let family = state.families[refresh.expose()];
        state.current[family].is_some()
    }
}

impl State {
    fn rotate(&mut self, family: usize) -> TokenAnswer {
        self.issued += 1;
        let (access, refresh) = (
            format!("access-{}", self.issued),
            format!("refresh-{}", self.issued),
        );
        self.families.insert(refresh.clone(), family);
        self.current[family] = Some(refresh.clone());
        TokenAnswer {
            access_token: token(&access),
            token_type: "Bearer".into(),
            expires_in: Some(self.life.unwrap_or(LIFE)),
            refresh_token: Some(token(&refresh)),
            id_token: None,
            scopes: None,
        }
    }

    fn refresh(&mut self, refresh: &str) -> Result<TokenAnswer, ProviderFailure> {
        let Some(&family) = self.families.get(refresh) else {
            return Err(ProviderFailure::ReauthRequired);
        };
        if self.current[family].as_deref() != Some(refresh) {
            self.current[family] = None;
            return Err(ProviderFailure::ReauthRequired);
        }
        Ok(self.rotate(family))
    }
}

#[async_trait::async_trait]
impl TokenProvider for RotatingProvider {
    async fn refresh(&self, refresh: &ProviderToken) -> Result<TokenAnswer, ProviderFailure> {
        let step = {
            let mut state = self.state.lock().unwrap();
            state.calls.push(Instant::now());
            state.script.pop_front()
        };
        let pause = self.state.lock().unwrap().slow_answers;
        // A timer takes a millisecond at least.
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        let work = || self.state.lock().unwrap().refresh(refresh.expose());
        match step {
            None => work(),
            Some(Step::Fail(failure)) => Err(failure),
            Some(Step::LoseAnswer) => {
                let _ = work();
                Err(ProviderFailure::Ambiguous("reset after sending".into()))
            }
            Some(Step::After(pause)) => {
                tokio::time::sleep(pause).await;
                work()
            }
            Some(Step::AnswerAfter(pause)) => {
                let answer = work();
                tokio::time::sleep(pause).await;
                answer
            }
            Some(Step::KeepRefresh(pause)) => {
                let mut answer = {
                    let mut state = self.state.lock().unwrap();
                    let family = state.families[refresh.expose()];
                    let answer = state.rotate(family);
                    state.current[family] = Some(refresh.expose().to_owned());
                    answer
                };
                answer.refresh_token = None;
                tokio::time::sleep(pause).await;
                Ok(answer)
            }
        }
    }

    async fn introspect(
        &self,
        token: &ProviderToken,
        _: TokenKind,
    ) -> Result<Option<Introspection>, ProviderFailure> {
        let is_active = !self.state.lock().unwrap().dead.contains(token.expose());
        Ok(Some(Introspection {
            is_active,
            ..Introspection::default()
        }))
    }

    async fn revoke(&self, token: &ProviderToken, _: TokenKind) -> Result<bool, ProviderFailure> {
        let pause = self.state.lock().unwrap().slow_ends;
        tokio::time::sleep(pause).await;
        let mut state = self.state.lock().unwrap();
        if let Some(Step::Fail(failure)) = state.script.front().cloned() {
            state.script.pop_front();
            return Err(failure);
        }
        state.revoked.push(token.expose().to_owned());
        if let Some(&family) = state.families.get(token.expose()) {
            state.current[family] = None;
        }
        Ok(true)
    }
}

pub(crate) fn token(text: &str) -> ProviderToken {
    ProviderToken::new("token", text).unwrap()
}
