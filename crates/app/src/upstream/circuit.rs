use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use session_core::ProviderFailure;
use tokio::time::Instant;

/// How long a provider is left alone that does not know us.
const REST: Duration = Duration::from_secs(60);

/// Keeps calls from a provider that refuses this client, since it would refuse each of them: one call a
/// minute finds out whether that is mended.
#[derive(Debug, Default)]
pub(crate) struct Circuit(Mutex<Option<Open>>);

#[derive(Debug)]
struct Open {
    until: Instant,
    cause: ProviderFailure,
}

impl Circuit {
    /// What the provider said and how long it is left alone yet, if it is.
    pub(crate) fn rest(&self) -> Option<(ProviderFailure, Duration)> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = state.as_ref()?;
        let rest = open.until.saturating_duration_since(Instant::now());
        (!rest.is_zero()).then(|| (open.cause.clone(), rest))
    }

    /// Lets a call pass, or says what the provider said and how long it is left alone yet.
    pub(crate) fn admit(&self) -> Result<(), (ProviderFailure, Duration)> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(open) = &mut *state else {
            return Ok(());
        };
        let now = Instant::now();
        if now < open.until {
            return Err((open.cause.clone(), open.until - now));
        }
        // One goes ahead; the others wait for what it finds.
        open.until = now + REST;
        Ok(())
    }

    /// Notes what came of a call; whether the circuit was closed before and is open now.
    pub(crate) fn note<T>(&self, outcome: &Result<T, ProviderFailure>) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Err(cause @ ProviderFailure::ClientRefused(_)) => {
                let was_closed = state.is_none();
                *state = Some(Open {
                    until: Instant::now() + REST,
                    cause: cause.clone(),
                });
                was_closed
            }
            // It says nothing of whether the provider knows us.
            Err(failure) if failure.is_passing() => false,
            Ok(_) | Err(_) => {
                *state = None;
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> Result<(), ProviderFailure> {
        Err(ProviderFailure::ClientRefused("status 401".into()))
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_refused_asks_once_a_minute() {
        let circuit = Circuit::default();
        assert!(circuit.admit().is_ok());
        assert!(circuit.note(&refused()), "the alarm is raised");
        assert!(!circuit.note(&refused()), "once");
        let (_, rest) = circuit.admit().unwrap_err();
        assert_eq!(rest, REST);
        assert_eq!(circuit.rest().unwrap().1, REST);
        tokio::time::sleep(REST).await;
        assert!(circuit.rest().is_none(), "asking uses nothing up");
        assert!(circuit.admit().is_ok(), "one finds out");
        assert!(circuit.admit().is_err(), "and no more than one");
        circuit.note(&Err::<(), _>(ProviderFailure::Unavailable("gone".into())));
        assert!(
            circuit.admit().is_err(),
            "an outage is no sign of being known"
        );
        circuit.note(&Ok(()));
        assert!(circuit.admit().is_ok() && circuit.admit().is_ok());
    }
}
