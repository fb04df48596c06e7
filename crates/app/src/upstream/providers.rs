use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use session_core::ProviderName;
use session_core::ports::{LoginProvider, TokenProvider};

use super::circuit::Circuit;
use super::pace::Pace;
use super::shares::Shares;

/// The outside providers that the settings name.
#[derive(Clone, Default)]
pub struct Providers(BTreeMap<ProviderName, Arc<Provider>>);

/// One of them.
pub struct Provider {
    /// Its name.
    pub name: ProviderName,
    /// Renewing and taking back its tokens.
    pub tokens: Arc<dyn TokenProvider>,
    /// Signing in with it, where that is possible.
    pub login: Option<Arc<dyn LoginProvider>>,
    pub(crate) circuit: Circuit,
    pub(crate) pace: Pace,
    pub(crate) shares: Shares,
}

impl Providers {
    /// Adds a provider, of which this process renews at most `rate` grants a second; whether the name
    /// was free.
    pub fn add(
        &mut self,
        name: ProviderName,
        tokens: Arc<dyn TokenProvider>,
        login: Option<Arc<dyn LoginProvider>>,
        rate: u32,
    ) -> bool {
        let provider = Provider {
            name: name.clone(),
            tokens,
            login,
            circuit: Circuit::default(),
            pace: Pace::of(rate),
            shares: Shares::default(),
        };
        let is_free = !self.0.contains_key(&name);
        if is_free {
            self.0.insert(name, Arc::new(provider));
        }
        is_free
    }

    /// The provider of a name.
    #[must_use]
    pub fn get(&self, name: &ProviderName) -> Option<&Arc<Provider>> {
        self.0.get(name)
    }

    /// The only provider there is; `None` where there are none or several.
    #[must_use]
    pub fn only(&self) -> Option<&Arc<Provider>> {
        let mut all = self.0.values();
        all.next().filter(|_| all.next().is_none())
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Provider>> {
        self.0.values()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("name", &self.name)
            .field("has_login", &self.login.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Providers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.keys()).finish()
    }
}
