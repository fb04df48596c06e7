//! What is measured, on which server, and what it is measured against.

/// A server under load; the settings decide what it measures.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) name: &'static str,
    pub(super) settings: &'static [(&'static str, &'static str)],
    /// Whether it is on the Redis of this bench, with keys of its own.
    pub(super) on_redis: bool,
}

/// Creating and ending fill a server with what validating should not have to carry, so each has
/// servers of its own.
pub(super) const SETUPS: &[Setup] = &[
    Setup {
        name: "memory-strict",
        settings: &[("SESSION_STORE", "memory"), ("SESSION_CACHE", "strict")],
        on_redis: false,
    },
    Setup {
        name: "memory-cached",
        settings: &[("SESSION_STORE", "memory"), ("SESSION_CACHE", "cached")],
        on_redis: false,
    },
    Setup {
        name: "sqlite-strict",
        settings: &[("SESSION_STORE", "sqlite"), ("SESSION_CACHE", "strict")],
        on_redis: false,
    },
    Setup {
        name: "sqlite-cached",
        settings: &[("SESSION_STORE", "sqlite"), ("SESSION_CACHE", "cached")],
        on_redis: false,
    },
    Setup {
        name: "sqlite-uncached",
        settings: &[
            ("SESSION_STORE", "sqlite"),
            ("SESSION_CACHE", "strict"),
            ("SESSION_CACHE_ENTRIES", "0"),
        ],
        on_redis: false,
    },
    Setup {
        name: "memory-writes",
        settings: &[("SESSION_STORE", "memory")],
        on_redis: false,
    },
    Setup {
        name: "sqlite-writes",
        settings: &[("SESSION_STORE", "sqlite")],
        on_redis: false,
    },
    Setup {
        name: "redis-strict",
        settings: &[("SESSION_CACHE", "strict")],
        on_redis: true,
    },
    Setup {
        name: "redis-cached",
        settings: &[("SESSION_CACHE", "cached")],
        on_redis: true,
    },
    Setup {
        name: "redis-writes",
        settings: &[],
        on_redis: true,
    },
];

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Validate,
    Create,
    End,
    List,
}

impl Kind {
    /// The method and route by which the bare server answers in its stead.
    pub(super) fn route(self) -> (&'static str, &'static str) {
        match self {
            Self::Validate => ("GET", "/sessions/validate"),
            Self::Create => ("POST", "/sessions/create"),
            Self::End => ("DELETE", "/sessions/{session_id}"),
            Self::List => ("GET", "/sessions/user/{user_id}/sessions"),
        }
    }
}

/// A bound that must hold and the one that is wished for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    pub(super) bound: f64,
    pub(super) aim: f64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) setup: &'static str,
    /// Requests per second as a part of the bare route's: at least.
    pub(super) speed: Option<Budget>,
    /// Processor time per request as a multiple of the bare route's: at most.
    pub(super) cpu: Option<Budget>,
}

const IN_MEMORY: Option<Budget> = budget(0.85, 0.95);
const WRITES: Option<Budget> = budget(0.20, 0.35);
const LEAN: Option<Budget> = budget(1.15, 1.05);

const fn budget(bound: f64, aim: f64) -> Option<Budget> {
    Some(Budget { bound, aim })
}

const fn path(
    name: &'static str,
    kind: Kind,
    setup: &'static str,
    speed: Option<Budget>,
    cpu: Option<Budget>,
) -> Path {
    Path {
        name,
        kind,
        setup,
        speed,
        cpu,
    }
}

pub(super) const PATHS: &[Path] = &[
    path(
        "validate, memory, strict",
        Kind::Validate,
        "memory-strict",
        IN_MEMORY,
        LEAN,
    ),
    path(
        "validate, memory, cached",
        Kind::Validate,
        "memory-cached",
        IN_MEMORY,
        LEAN,
    ),
    path(
        "validate, SQLite, strict",
        Kind::Validate,
        "sqlite-strict",
        budget(0.80, 0.95),
        None,
    ),
    path(
        "validate, SQLite, cached",
        Kind::Validate,
        "sqlite-cached",
        IN_MEMORY,
        LEAN,
    ),
    path(
        "validate, SQLite, not in the cache",
        Kind::Validate,
        "sqlite-uncached",
        budget(0.22, 0.40),
        None,
    ),
    path(
        "create, memory",
        Kind::Create,
        "memory-writes",
        budget(0.70, 0.85),
        None,
    ),
    path(
        "create, SQLite, durable",
        Kind::Create,
        "sqlite-writes",
        WRITES,
        None,
    ),
    path("end, memory", Kind::End, "memory-writes", None, None),
    path(
        "end, SQLite, durable",
        Kind::End,
        "sqlite-writes",
        WRITES,
        None,
    ),
    path(
        "list a user's 5, memory",
        Kind::List,
        "memory-strict",
        budget(0.60, 0.80),
        None,
    ),
    path(
        "list a user's 5, SQLite",
        Kind::List,
        "sqlite-cached",
        // The budget is for lists from memory; this one is read from the file.
        None,
        None,
    ),
    path(
        "validate, Redis, strict",
        Kind::Validate,
        "redis-strict",
        budget(0.58, 0.65),
        budget(2.3, 2.1),
    ),
    path(
        "validate, Redis, cached",
        Kind::Validate,
        "redis-cached",
        IN_MEMORY,
        LEAN,
    ),
    path(
        "create, Redis",
        Kind::Create,
        "redis-writes",
        budget(0.45, 0.57),
        None,
    ),
    path("end, Redis", Kind::End, "redis-writes", None, None),
    path(
        "list a user's 5, Redis",
        Kind::List,
        "redis-strict",
        None,
        None,
    ),
];
