//! What one crate really brings along: cargo's feature resolution for that crate alone.
//!
//! The tree in `cargo metadata` is that of the whole workspace, where one crate's wish for a
//! feature shows in every other crate that shares the dependency. A rule about one crate has to be
//! judged by what a stranger gets who depends on that crate only.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::graph::{Dependency, Graph, Id, Kind};

/// What is linked into a crate, with all of its own features turned on.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// Each package that was reached, with the features that are on.
    pub(super) packages: BTreeMap<Id, BTreeSet<String>>,
    edges: BTreeMap<Id, BTreeSet<Id>>,
    /// Optional dependencies that a feature turned on, by package and alias.
    opened: BTreeSet<(Id, String)>,
}

impl Reach {
    pub(super) fn of(graph: &Graph, root: Id) -> Self {
        let mut reach = Self::default();
        reach.packages.insert(
            root,
            graph.packages[root].features.keys().cloned().collect(),
        );
        // Each pass can open new dependencies, which bring new features to what is there already.
        while reach.widen(graph) {}
        reach
    }

    /// The shortest way from `from` to a package that `wanted` accepts, looking through nothing
    /// that `walls` accepts.
    pub(super) fn path(
        &self,
        from: Id,
        wanted: impl Fn(Id) -> bool,
        walls: impl Fn(Id) -> bool,
    ) -> Option<Vec<Id>> {
        let mut queue = VecDeque::from([vec![from]]);
        let mut seen = BTreeSet::from([from]);
        while let Some(path) = queue.pop_front() {
            let last = *path.last()?;
            for &next in self.edges.get(&last).into_iter().flatten() {
                let longer = || path.iter().copied().chain([next]).collect();
                if wanted(next) {
                    return Some(longer());
                }
                if seen.insert(next) && !walls(next) {
                    queue.push_back(longer());
                }
            }
        }
        None
    }

    /// One pass over all that was reached; true if it found anything new.
    fn widen(&mut self, graph: &Graph) -> bool {
        let before = self.size();
        for (id, features) in self.packages.clone() {
            for feature in features {
                self.follow(graph, id, &feature);
            }
            for dependency in &graph.packages[id].dependencies {
                if self.counts(graph, id, dependency) {
                    self.arrive(graph, id, dependency);
                }
            }
        }
        self.size() != before
    }

    fn size(&self) -> (usize, usize, usize, usize) {
        let features = self.packages.values().map(BTreeSet::len).sum();
        let edges = self.edges.values().map(BTreeSet::len).sum();
        (self.packages.len(), features, edges, self.opened.len())
    }

    /// Dev-dependencies are exempt. What runs in the compiler is linked into nothing, and a
    /// stranger's build script is none of our crates' doing; our own would be.
    fn counts(&self, graph: &Graph, id: Id, dependency: &Dependency) -> bool {
        let package = &graph.packages[id];
        let linked = match dependency.kind {
            Kind::Normal => !package.is_proc_macro,
            Kind::Build => package.is_member,
            Kind::Dev => false,
        };
        linked && (!dependency.optional || self.opened.contains(&(id, dependency.alias.clone())))
    }

    fn arrive(&mut self, graph: &Graph, id: Id, dependency: &Dependency) {
        self.edges.entry(id).or_default().insert(dependency.package);
        let on = self.packages.entry(dependency.package).or_default();
        on.extend(dependency.features.iter().cloned());
        if dependency.default_features
            && graph.packages[dependency.package]
                .features
                .contains_key("default")
        {
            on.insert("default".to_owned());
        }
    }

    /// Turns on what `feature` of `id` stands for: `dep:x`, `x/feature`, `x?/feature` or a feature.
    fn follow(&mut self, graph: &Graph, id: Id, feature: &str) {
        let package = &graph.packages[id];
        for need in package.features.get(feature).into_iter().flatten() {
            if let Some(alias) = need.strip_prefix("dep:") {
                self.opened.insert((id, alias.to_owned()));
            } else if let Some((alias, feature)) = need.split_once('/') {
                let weak = alias.ends_with('?');
                let alias = alias.trim_end_matches('?');
                if !weak {
                    self.opened.insert((id, alias.to_owned()));
                }
                self.pass_on(graph, id, alias, feature);
            } else {
                self.packages.entry(id).or_default().insert(need.clone());
            }
        }
    }

    /// A feature for a dependency, which it gets only where it is reached at all.
    fn pass_on(&mut self, graph: &Graph, id: Id, alias: &str, feature: &str) {
        for dependency in &graph.packages[id].dependencies {
            if dependency.alias == alias && self.counts(graph, id, dependency) {
                let on = self.packages.entry(dependency.package).or_default();
                on.insert(feature.to_owned());
            }
        }
    }
}
