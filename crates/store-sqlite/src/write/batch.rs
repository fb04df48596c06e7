use std::sync::Arc;

use session_core::ports::StoreError;
use session_core::{Activity, Session, SessionId, TokenHash};
use sqlx::SqliteConnection;
use tokio::sync::oneshot;

use super::{
    account_add, account_change, account_remove, append, create, end, end_user, extend, forget,
    grant_add, grant_begin, grant_change, grant_claim, grant_finish, grant_remove, mark, rate,
    rate_reset, revoke, suspend, sweep, touch, update,
};
use crate::copies::AllCopies;
use crate::error::Failure;

/// A kind of write: how all requests of the kind in a batch are carried out together.
///
/// The requests of one batch run at the same time as far as their callers can tell, since none has
/// been answered: so they may be carried out in any order that suits.
pub(crate) trait Kind: Sized + Send + 'static {
    /// What the caller gets.
    type Outcome: Send + 'static;
    /// Reads well after "failed to".
    const DOING: &'static str;

    /// Carries the requests out inside of an open transaction; one outcome for each, in order.
    fn apply(
        connection: &mut SqliteConnection,
        requests: &[Self],
        effects: &mut Effects,
    ) -> impl Future<Output = Result<Vec<Self::Outcome>, Failure>> + Send;
}

/// Where a kind has its place in the queue and in a batch; written by the macro below.
pub(crate) trait Queueable: Kind {
    fn pending(batch: &mut Batch) -> &mut Pending<Self>;
    fn queued(request: Queued<Self>) -> Job;
}

/// What a batch changed, for the copies in memory: applied after the commit, in this order.
#[derive(Default)]
pub(crate) struct Effects {
    pub(crate) written: Vec<Arc<Session>>,
    pub(crate) touched: Vec<Activity>,
    pub(crate) gone: Vec<SessionId>,
    /// Tokens whose revocations were added, changed or forgotten.
    pub(crate) revoked: Vec<TokenHash>,
}

impl Effects {
    pub(crate) fn apply(self, copies: &AllCopies) {
        for session in &self.written {
            copies.sessions.replace(session);
        }
        for activity in &self.touched {
            copies.sessions.touch(activity.id, activity.at);
        }
        for id in self.gone {
            copies.sessions.remove(id);
        }
        for token in self.revoked {
            copies.revocations.remove(token);
        }
    }
}

/// A request and where its answer goes.
pub(crate) struct Queued<K: Kind> {
    pub(crate) request: K,
    pub(crate) answer: oneshot::Sender<Result<K::Outcome, StoreError>>,
}

/// The requests of one kind in a batch, and later their outcomes.
pub(crate) struct Pending<K: Kind> {
    requests: Vec<K>,
    answers: Vec<oneshot::Sender<Result<K::Outcome, StoreError>>>,
    outcomes: Vec<K::Outcome>,
}

impl<K: Kind> Default for Pending<K> {
    fn default() -> Self {
        Self {
            requests: Vec::new(),
            answers: Vec::new(),
            outcomes: Vec::new(),
        }
    }
}

impl<K: Kind> Pending<K> {
    fn push(&mut self, queued: Queued<K>) {
        self.requests.push(queued.request);
        self.answers.push(queued.answer);
    }

    async fn apply(
        &mut self,
        connection: &mut SqliteConnection,
        effects: &mut Effects,
    ) -> Result<(), Failure> {
        if !self.requests.is_empty() {
            self.outcomes = K::apply(connection, &self.requests, effects).await?;
        }
        Ok(())
    }

    fn succeed(self) {
        for (answer, outcome) in self.answers.into_iter().zip(self.outcomes) {
            // A caller that went away does not unmake what was committed.
            let _ = answer.send(Ok(outcome));
        }
    }

    fn fail(self, failure: &Failure) {
        for answer in self.answers {
            let _ = answer.send(Err(failure.clone().into_store_error(K::DOING)));
        }
    }

    fn singly(self) -> impl Iterator<Item = Batch>
    where
        K: Queueable,
    {
        self.requests
            .into_iter()
            .zip(self.answers)
            .map(|(request, answer)| {
                let mut batch = Batch::default();
                batch.push(Queued { request, answer });
                batch
            })
    }
}

macro_rules! kinds {
    ($($name:ident),+) => {
        /// A request of any kind, in the queue.
        #[expect(non_camel_case_types, reason = "a variant is named like its module")]
        pub(crate) enum Job {
            $($name(Box<Queued<$name::Request>>)),+
        }

        /// What shares one transaction.
        #[derive(Default)]
        pub(crate) struct Batch {
            $(pub(crate) $name: Pending<$name::Request>),+
        }

        impl Batch {
            pub(crate) fn add(&mut self, job: Job) {
                match job {
                    $(Job::$name(queued) => self.push(*queued)),+
                }
            }

            pub(crate) fn len(&self) -> usize {
                0 $(+ self.$name.requests.len())+
            }

            /// Carries everything out inside of an open transaction, kind by kind.
            pub(crate) async fn apply(
                &mut self,
                connection: &mut SqliteConnection,
            ) -> Result<Effects, Failure> {
                let mut effects = Effects::default();
                $(self.$name.apply(connection, &mut effects).await?;)+
                Ok(effects)
            }

            /// Answers everyone with their outcome: the transaction is on the disk.
            pub(crate) fn succeed(self) {
                $(self.$name.succeed();)+
            }

            /// Tells everyone that nothing was written.
            pub(crate) fn fail(self, failure: &Failure) {
                $(self.$name.fail(failure);)+
            }

            /// The same requests, each in a batch of its own.
            pub(crate) fn singly(self) -> Vec<Batch> {
                let mut batches = Vec::new();
                $(batches.extend(self.$name.singly());)+
                batches
            }
        }

        $(impl Queueable for $name::Request {
            fn pending(batch: &mut Batch) -> &mut Pending<Self> {
                &mut batch.$name
            }

            fn queued(request: Queued<Self>) -> Job {
                Job::$name(Box::new(request))
            }
        })+
    };
}

// In this order within a transaction.
kinds!(
    create,
    touch,
    extend,
    update,
    suspend,
    end,
    end_user,
    sweep,
    revoke,
    rate,
    rate_reset,
    account_add,
    account_change,
    account_remove,
    grant_add,
    grant_begin,
    grant_change,
    grant_finish,
    grant_claim,
    grant_remove,
    mark,
    append,
    forget
);

impl Batch {
    fn push<K: Queueable>(&mut self, queued: Queued<K>) {
        K::pending(self).push(queued);
    }
}
