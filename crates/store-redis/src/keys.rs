use session_core::{SessionId, UserId};

/// What keys begin with.
///
/// In a cluster the braces say in which hash slot a key lies. Sessions, and the indexes of users, are
/// spread over [`BUCKETS`] of those; everything else shares one, since its steps need several keys at
/// once.
pub(crate) struct Keys {
    root: Vec<u8>,
    buckets: Vec<Vec<u8>>,
}

/// Many more than a cluster has nodes, so that each has about as many. Never to be changed: where a key
/// lies follows from it.
const BUCKETS: usize = 64;

impl Keys {
    /// On one server: nothing needs to be told apart.
    pub(crate) fn on_one_server(name: &str) -> Self {
        let root = format!("{name}:").into_bytes();
        Self {
            buckets: vec![root.clone()],
            root,
        }
    }

    /// In a cluster.
    pub(crate) fn in_cluster(name: &str) -> Self {
        let bucket = |n| format!("{{{name}:{n:02x}}}:").into_bytes();
        Self {
            root: format!("{{{name}}}:").into_bytes(),
            buckets: (0..BUCKETS).map(bucket).collect(),
        }
    }

    /// Of everything that is not spread.
    pub(crate) fn root(&self) -> &[u8] {
        &self.root
    }

    /// Of a session's record, and of the indexes that the record is in.
    pub(crate) fn of_session(&self, id: SessionId) -> &[u8] {
        // The last byte of a UUIDv7 is random.
        self.bucket(usize::from(id.as_bytes()[15]))
    }

    /// Of a user's index.
    pub(crate) fn of_user(&self, user: &UserId) -> &[u8] {
        let hash = user.as_str().bytes().fold(0x811c_9dc5_u32, |hash, byte| {
            (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
        });
        // FNV-1a; folded, since its high bits are the better ones.
        self.bucket((hash ^ (hash >> 16)) as usize)
    }

    /// All of them.
    pub(crate) fn buckets(&self) -> impl Iterator<Item = &[u8]> {
        self.buckets.iter().map(Vec::as_slice)
    }

    /// Whether a session and its user's index may lie in different hash slots.
    pub(crate) const fn are_spread(&self) -> bool {
        self.buckets.len() > 1
    }

    fn bucket(&self, n: usize) -> &[u8] {
        &self.buckets[n % self.buckets.len()]
    }
}

/// A key: what it begins with, and the rest.
pub(crate) fn key(prefix: &[u8], rest: &[&[u8]]) -> Vec<u8> {
    [prefix]
        .iter()
        .chain(rest)
        .copied()
        .flatten()
        .copied()
        .collect()
}
