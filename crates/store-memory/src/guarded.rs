use std::ops::{Deref, DerefMut};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use session_core::ports::StoreError;

/// Tables under a lock, until they are closed.
///
/// A std lock: it is held for a few map operations and never across an `.await`. Reading, which is
/// most of the work, does not exclude reading. Under the lock, tables only call maps of the standard
/// library, which do not panic on our keys, and the one sum that could overflow (a version's) is made
/// before anything is changed: so even a poisoned lock guards tables that agree.
#[derive(Default)]
pub(crate) struct Guarded<T>(RwLock<Guard<T>>);

#[derive(Default)]
pub(crate) struct Guard<T> {
    tables: T,
    is_closed: bool,
}

impl<T: Default> Guarded<T> {
    /// To read; an error once closed.
    pub(crate) fn read(
        &self,
        doing: &'static str,
    ) -> Result<RwLockReadGuard<'_, Guard<T>>, StoreError> {
        let guard = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if guard.is_closed {
            return Err(StoreError::closed(doing));
        }
        Ok(guard)
    }

    /// To read and write; an error once closed.
    pub(crate) fn write(
        &self,
        doing: &'static str,
    ) -> Result<RwLockWriteGuard<'_, Guard<T>>, StoreError> {
        let guard = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if guard.is_closed {
            return Err(StoreError::closed(doing));
        }
        Ok(guard)
    }

    /// Drops what the tables hold; from now on every use is an error.
    pub(crate) fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Guard {
            tables: T::default(),
            is_closed: true,
        };
    }
}

impl<T> Deref for Guard<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.tables
    }
}

impl<T> DerefMut for Guard<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.tables
    }
}
