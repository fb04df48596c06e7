use redis::{Arg, Cmd};

/// A step that Redis runs as one, in Lua; Redis knows it by its hash once it has seen it.
pub(crate) struct Script {
    source: String,
    hash: String,
}

impl Script {
    /// Of several parts, the last of which does the work with what the others define.
    pub(crate) fn of(parts: &[&str]) -> Self {
        let source = parts.concat();
        let hash = redis::Script::new(&source).get_hash().to_owned();
        Self { source, hash }
    }

    /// A call, to be given its arguments.
    ///
    /// The one key is the prefix of all keys. Scripts make the others of it, and in a cluster it says
    /// where they all are: it carries the hash tag that they share.
    pub(crate) fn call(&self, prefix: &[u8]) -> Cmd {
        let mut call = redis::cmd("EVALSHA");
        call.arg(self.hash.as_bytes()).arg(1).arg(prefix);
        call
    }

    /// The same call for a server that has not seen the script: it brings it along.
    pub(crate) fn introduction(&self, call: &Cmd) -> Cmd {
        let mut introduction = redis::cmd("EVAL");
        introduction.arg(self.source.as_bytes());
        for arg in call.args_iter().skip(2) {
            if let Arg::Simple(arg) = arg {
                introduction.arg(arg);
            }
        }
        introduction
    }
}
