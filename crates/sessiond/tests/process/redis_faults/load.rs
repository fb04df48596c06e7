//! Requests of all kinds, without a pause, and what came of each.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::node::{self, now};
use crate::support::{Client, Server, Whole};

/// What was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Create,
    Validate,
    /// As a browser, whose cookie is at stake.
    Browse,
    End,
}

/// A request and its answer.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) kind: Kind,
    pub(super) began: Instant,
    pub(super) answered: Instant,
    pub(super) status: u16,
}

/// Everything that was acknowledged, or may have been.
#[derive(Debug, Default)]
pub(super) struct Account {
    pub(super) asked: Vec<Asked>,
    /// Tokens of sessions whose create was acknowledged, and that nobody tried to end; when it was.
    pub(super) live: Vec<(String, Instant)>,
    /// Tokens of sessions whose end was acknowledged, and when.
    pub(super) ended: Vec<(String, Instant)>,
    /// Answers that must not be.
    pub(super) wrong: Vec<String>,
}

impl Account {
    fn note(&mut self, kind: Kind, began: Instant, answer: &Whole) -> bool {
        let status = answer.status;
        self.asked.push(Asked {
            kind,
            began,
            answered: now(),
            status,
        });
        let head = answer.head.to_ascii_lowercase();
        let is_refusal = status == 503
            && head.contains("retry-after: ")
            && !head.contains("set-cookie")
            && !head.contains("clear-site-data");
        if status != 200 && !is_refusal {
            self.wrong
                .push(format!("{kind:?}: {} {}", answer.head, answer.body));
        }
        status == 200
    }

    /// The answers to what was asked between two moments.
    pub(super) fn between(&self, from: Instant, to: Instant) -> impl Iterator<Item = &Asked> {
        let within = move |asked: &&Asked| asked.began >= from && asked.answered <= to;
        self.asked.iter().filter(within)
    }

    /// The longest that anybody waited.
    pub(super) fn longest(&self) -> Duration {
        let waits = self.asked.iter().map(|asked| asked.answered - asked.began);
        waits.max().unwrap_or_default()
    }

    /// From a moment on: until when somebody was still refused, and when all kinds had been answered.
    pub(super) fn well_since(&self, from: Instant) -> Option<Duration> {
        let after = || self.asked.iter().filter(|asked| asked.answered >= from);
        let last_refused = after().filter(|asked| asked.status != 200);
        let last_refused = last_refused.map(|asked| asked.answered).max();
        let firsts = [Kind::Create, Kind::Validate, Kind::Browse, Kind::End].map(|kind| {
            let of_kind = after().filter(|asked| asked.kind == kind && asked.status == 200);
            of_kind.map(|asked| asked.answered).min()
        });
        let mut well = last_refused.unwrap_or(from);
        for first in firsts {
            well = well.max(first?);
        }
        Some(well - from)
    }

    fn add(&mut self, other: Self) {
        self.asked.extend(other.asked);
        self.live.extend(other.live);
        self.ended.extend(other.ended);
        self.wrong.extend(other.wrong);
    }
}

const CALLERS: usize = 3;

/// Loads each server while `meanwhile` runs.
pub(super) fn under_load<T>(servers: &[&Server], meanwhile: impl FnOnce() -> T) -> (T, Account) {
    struct Over<'a>(&'a AtomicBool);
    impl Drop for Over<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    let over = AtomicBool::new(false);
    let all = Mutex::new(Account::default());
    let done = std::thread::scope(|scope| {
        for (place, server) in servers.iter().enumerate() {
            for caller in 0..CALLERS {
                let (all, over) = (&all, &over);
                let mut client = server.connect();
                scope.spawn(move || {
                    let name = format!("user-{place}-{caller}");
                    let account = call(&mut client, &name, over);
                    all.lock().unwrap().add(account);
                });
            }
        }
        let _over = Over(&over);
        meanwhile()
    });
    (done, all.into_inner().unwrap())
}

fn call(client: &mut Client, name: &str, over: &AtomicBool) -> Account {
    let mut account = Account::default();
    let mut round = 0;
    while !over.load(Ordering::Relaxed) {
        round += 1;
        let began = now();
        // Few of each user, so that no limit ends any.
        let answer = node::create(client, &format!("{name}-{}", round / 4));
        if account.note(Kind::Create, began, &answer) {
            let token = node::token_in(&answer);
            if round % 3 == 0 {
                let began = now();
                let path = format!("/sessions/{token}");
                let answer = node::service(client, "DELETE", &path, None);
                if account.note(Kind::End, began, &answer) {
                    account.ended.push((token, now()));
                }
            } else {
                account.live.push((token, now()));
            }
        }
        // One of the first, and the last.
        let last = account.live.len().checked_sub(1);
        for n in [Some(0), last].into_iter().flatten() {
            let Some((token, _)) = account.live.get(n).cloned() else {
                continue;
            };
            let began = now();
            let answer = node::validate(client, &token);
            account.note(Kind::Validate, began, &answer);
            let began = now();
            let answer = node::with_cookie(client, "GET", "/auth/me", &token);
            account.note(Kind::Browse, began, &answer);
        }
        // A load, and not a flood: the machine has others to serve.
        std::thread::sleep(Duration::from_millis(3));
    }
    account
}
