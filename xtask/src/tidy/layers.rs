//! The column "must never hold" of `docs/architecture.md`, as data, and its check.

use super::Finding;
use super::features::Reach;
use super::graph::{Graph, Id};

/// What one crate, or several of a kind, must never hold.
struct Layer {
    crates: &'static [&'static str],
    bans: &'static [Ban],
}

/// A name may end in `*`. Dev-dependencies are exempt everywhere.
enum Ban {
    /// Linked in, by whatever way.
    Package {
        names: &'static [&'static str],
        why: &'static str,
    },
    /// Linked in by a way that does not lead through one of `through`.
    PackageBut {
        names: &'static [&'static str],
        through: &'static [&'static str],
        why: &'static str,
    },
    /// A feature of a package, turned on by whatever way.
    Feature {
        package: &'static str,
        features: &'static [&'static str],
        why: &'static str,
    },
}

const RUNTIMES: &[&str] = &["tokio", "async-std", "smol", "async-io"];
const DATABASES: &[&str] = &[
    "sqlx*",
    "rusqlite",
    "libsqlite3-sys",
    "redis",
    "deadpool-redis",
];
const HTTP: &[&str] = &["axum*", "hyper*", "tower-http", "reqwest"];
const HTTP_SERVERS: &[&str] = &["axum*", "tower-http"];
/// What is made of parts that a server could be made of too.
const HTTP_CLIENTS: &[&str] = &["reqwest"];
const ADAPTERS: &[&str] = &[
    "store-*",
    "password-argon2",
    "token-cipher",
    "token-jwt",
    "oauth-client",
];
const ABOVE: &[&str] = &["app", "http-api", "sessiond"];
const RANDOMNESS: &[&str] = &["getrandom", "rand", "rand_core", "fastrand"];

const PURE: &str = "models and rules do no I/O, so that every rule can be proven without any";
const ONE_ADAPTER: &str = "an adapter knows the ports and nothing else, so that each stands alone";
const OUTSIDE: &str = "it stands for the world outside, and shares nothing with what is tested";
const NO_WEB: &str = "an adapter serves whatever program it is built into, not a web face";

const LAYERS: &[Layer] = &[
    Layer {
        crates: &["session-core"],
        bans: &[
            Ban::Package {
                names: RUNTIMES,
                why: PURE,
            },
            Ban::Package {
                names: DATABASES,
                why: PURE,
            },
            Ban::Package {
                names: HTTP,
                why: PURE,
            },
            Ban::Package {
                names: ABOVE,
                why: PURE,
            },
            Ban::Package {
                names: ADAPTERS,
                why: "the core holds the ports; adapters hang on them",
            },
            Ban::Package {
                names: RANDOMNESS,
                why: "random bytes come through the Entropy port, so that a test can choose them",
            },
            Ban::Feature {
                package: "chrono",
                features: &["clock", "now", "oldtime"],
                why: "the time comes through the Clock port, so that a test can move it",
            },
            Ban::Feature {
                package: "uuid",
                features: &["rng*", "fast-rng", "v1", "v4"],
                why: "ids are made from the Clock and Entropy ports",
            },
        ],
    },
    Layer {
        crates: &["store-memory", "store-sqlite", "store-redis"],
        bans: &[
            Ban::Package {
                names: ADAPTERS,
                why: ONE_ADAPTER,
            },
            Ban::Package {
                names: ABOVE,
                why: ONE_ADAPTER,
            },
            Ban::Package {
                names: HTTP,
                why: NO_WEB,
            },
        ],
    },
    Layer {
        crates: &["password-argon2"],
        bans: &[
            Ban::Package {
                names: ADAPTERS,
                why: ONE_ADAPTER,
            },
            Ban::Package {
                names: ABOVE,
                why: ONE_ADAPTER,
            },
            Ban::Package {
                names: HTTP,
                why: NO_WEB,
            },
            Ban::Package {
                names: RANDOMNESS,
                why: "salts come through the Entropy port, so that a test can choose them",
            },
        ],
    },
    Layer {
        // These two speak HTTP to someone else's server, and serve none.
        crates: &["store-upstash", "oauth-client"],
        bans: &[
            Ban::Package {
                names: ADAPTERS,
                why: ONE_ADAPTER,
            },
            Ban::Package {
                names: ABOVE,
                why: ONE_ADAPTER,
            },
            Ban::PackageBut {
                names: HTTP_SERVERS,
                through: HTTP_CLIENTS,
                why: NO_WEB,
            },
        ],
    },
    Layer {
        crates: &["token-jwt"],
        bans: &[
            Ban::Package {
                names: ADAPTERS,
                why: ONE_ADAPTER,
            },
            Ban::Package {
                names: ABOVE,
                why: ONE_ADAPTER,
            },
            Ban::Package {
                names: HTTP,
                why: "the keys of a token are ours: none is ever fetched",
            },
            Ban::Package {
                names: RUNTIMES,
                why: "signing and checking wait for nobody",
            },
            Ban::Package {
                names: RANDOMNESS,
                why: "seeds come through the Entropy port, so that a test can choose them",
            },
        ],
    },
    Layer {
        crates: &["token-cipher"],
        bans: &[
            Ban::Package {
                names: ADAPTERS,
                why: ONE_ADAPTER,
            },
            Ban::Package {
                names: ABOVE,
                why: ONE_ADAPTER,
            },
            Ban::Package {
                names: HTTP,
                why: NO_WEB,
            },
            Ban::Package {
                names: RUNTIMES,
                why: "sealing and opening wait for nobody",
            },
            Ban::Package {
                names: RANDOMNESS,
                why: "keys and nonces come through the Entropy port, so that a test can choose them",
            },
        ],
    },
    Layer {
        crates: &["store-contract"],
        bans: &[
            Ban::Package {
                names: ADAPTERS,
                why: "the contract is the same for every store",
            },
            Ban::Package {
                names: ABOVE,
                why: "anyone's adapter can be held to it, without our server",
            },
            Ban::Package {
                names: HTTP,
                why: "anyone's adapter can be held to it, without our server",
            },
        ],
    },
    Layer {
        crates: &["scripted-provider"],
        bans: &[
            Ban::Package {
                names: ADAPTERS,
                why: "the other side of an adapter knows none",
            },
            Ban::Package {
                names: ABOVE,
                why: "anyone's client can be held to it, without our server",
            },
        ],
    },
    Layer {
        crates: &["real-provider", "real-redis"],
        bans: &[
            Ban::Package {
                names: &["session-core"],
                why: OUTSIDE,
            },
            Ban::Package {
                names: ADAPTERS,
                why: OUTSIDE,
            },
            Ban::Package {
                names: ABOVE,
                why: OUTSIDE,
            },
        ],
    },
    Layer {
        crates: &["app"],
        bans: &[
            Ban::PackageBut {
                names: DATABASES,
                through: ADAPTERS,
                why: "use cases speak to ports; SQL and Redis commands live in the adapters",
            },
            Ban::PackageBut {
                names: HTTP_SERVERS,
                through: HTTP_CLIENTS,
                why: "use cases know nothing of the face that calls",
            },
            Ban::Package {
                names: &["http-api", "sessiond"],
                why: "the face calls the use cases",
            },
        ],
    },
    Layer {
        crates: &["http-api"],
        bans: &[
            Ban::PackageBut {
                names: ADAPTERS,
                through: &["app"],
                why: "the face speaks to use cases, whatever store is behind them",
            },
            Ban::PackageBut {
                names: DATABASES,
                through: &["app"],
                why: "the face speaks to use cases, whatever store is behind them",
            },
            Ban::Package {
                names: &["sessiond"],
                why: "the binary is made of the face",
            },
        ],
    },
    Layer {
        crates: &["sessiond"],
        bans: &[Ban::PackageBut {
            names: DATABASES,
            through: &["app", "http-api", "store-*"],
            why: "the binary starts and stops things; what they do is decided elsewhere",
        }],
    },
    Layer {
        crates: &["xtask"],
        bans: &[],
    },
];

/// Holds for every crate, whatever its row says.
const EVERYWHERE: Ban = Ban::Package {
    names: &["store-contract", "scripted-provider"],
    why: "what is for tests is a dev-dependency alone",
};

/// Holds for every crate but the chores, which install them before the tests.
const BUT_CHORES: Ban = Ban::Package {
    names: &["real-provider", "real-redis"],
    why: "the real other side is for tests, and so a dev-dependency alone",
};

/// Every crate of the workspace against its row.
pub(super) fn check(graph: &Graph) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (id, package) in graph.members() {
        let reach = Reach::of(graph, id);
        let Some(layer) = LAYERS
            .iter()
            .find(|layer| matches(layer.crates, &package.name))
        else {
            findings.push(Finding {
                place: package.name.clone(),
                what: "has no row in xtask/src/tidy/layers.rs".to_owned(),
                why: "a crate without a rule can grow any dependency",
            });
            continue;
        };
        let but_chores = (package.name != "xtask").then_some(&BUT_CHORES);
        let bans = layer.bans.iter().chain([&EVERYWHERE]).chain(but_chores);
        findings.extend(bans.filter_map(|ban| broken(graph, id, &reach, ban)));
    }
    findings
}

fn broken(graph: &Graph, id: Id, reach: &Reach, ban: &Ban) -> Option<Finding> {
    let name = |id: Id| graph.packages[id].name.as_str();
    let place = name(id).to_owned();
    let found = |names: &[&str], walls: &[&str], why| {
        let path = reach.path(
            id,
            |to| to != id && matches(names, name(to)),
            |at| matches(walls, name(at)),
        )?;
        let way: Vec<&str> = path.iter().map(|&step| name(step)).collect();
        let what = format!("must not reach {} by {}", way.last()?, way.join(" → "));
        Some(Finding {
            place: place.clone(),
            what,
            why,
        })
    };
    match ban {
        Ban::Package { names, why } => found(names, &[], why),
        Ban::PackageBut {
            names,
            through,
            why,
        } => found(names, through, why),
        Ban::Feature {
            package,
            features,
            why,
        } => {
            let mut on = reach
                .packages
                .iter()
                .filter(|(to, _)| name(**to) == *package);
            let feature =
                on.find_map(|(_, on)| on.iter().find(|feature| matches(features, feature)))?;
            let what = format!("must not turn on the feature `{feature}` of {package}");
            Some(Finding {
                place: place.clone(),
                what,
                why,
            })
        }
    }
}

fn matches(patterns: &[&str], name: &str) -> bool {
    patterns
        .iter()
        .any(|pattern| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => *pattern == name,
        })
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
