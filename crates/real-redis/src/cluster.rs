//! A cluster.

use std::time::Duration;

use crate::RedisServer;
use crate::install::{self, Programs};
use crate::options::{Role, ServerOptions};
use crate::server::url_of_many;
use crate::waiting::within;

const PRIMARIES: usize = 3;
const SLOTS: usize = 16_384;

/// Two seconds are usual: for so long a primary that has just started says that the cluster is down.
const LIMIT: Duration = Duration::from_secs(60);

/// After so many milliseconds without an answer a node is taken for dead, and its replica takes over
/// within a few seconds.
const NODE_TIMEOUT: &str = "1500";

/// What a cluster is like. The default is three primaries with one replica each, without
/// persistence.
#[derive(Clone, Debug)]
pub struct ClusterOptions {
    replicas: usize,
    node: ServerOptions,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        let node = ServerOptions::default().role(Role::Node);
        Self {
            replicas: PRIMARIES,
            node: node.setting("cluster-node-timeout", NODE_TIMEOUT),
        }
    }
}

impl ClusterOptions {
    /// Three primaries alone: nobody takes over from one that is gone.
    #[must_use]
    pub fn without_replicas(mut self) -> Self {
        self.replicas = 0;
        self
    }

    /// Keeps an append-only file on each node, written to the disk every second.
    #[must_use]
    pub fn append_only(mut self) -> Self {
        self.node = self.node.append_only();
        self
    }

    /// Adds a line of `redis.conf` to that of each node, as [`ServerOptions::setting`].
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.node = self.node.setting(name, value);
        self
    }
}

/// A running cluster; killed when dropped.
///
/// Its nodes have numbers: 0 to 2 begin as primaries of a third of the slots each, and 3 to 5 as
/// their replicas, in the same order.
#[derive(Debug)]
pub struct RedisCluster {
    nodes: Vec<RedisServer>,
}

impl RedisCluster {
    /// Starts a cluster and waits until it is whole, or says in one line why there is none.
    ///
    /// # Panics
    ///
    /// As [`RedisServer::start`].
    #[must_use]
    pub fn start(options: &ClusterOptions) -> Option<Self> {
        Some(Self::of(&install::or_skip()?, options))
    }

    fn of(programs: &Programs, options: &ClusterOptions) -> Self {
        let count = PRIMARIES + options.replicas;
        let nodes = RedisServer::several(programs, &options.node, count);
        let cluster = Self { nodes };
        cluster.join();
        cluster.until_whole();
        cluster
    }

    /// The addresses of all nodes, by their numbers.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(RedisServer::url).collect()
    }

    /// The addresses of the nodes that began as primaries, in one:
    /// `redis://127.0.0.1:18000,127.0.0.1:18001,127.0.0.1:18002`.
    #[must_use]
    pub fn url(&self) -> String {
        url_of_many(&self.nodes[..PRIMARIES])
    }

    /// A node, to pause it for instance.
    #[must_use]
    pub fn node(&self, number: usize) -> &RedisServer {
        &self.nodes[number]
    }

    /// Which node is the primary of a key, as the first node that runs sees it. One that was killed
    /// stays so until another has taken over.
    ///
    /// # Panics
    ///
    /// Where no node answers, or the cluster has no owner for the key.
    #[must_use]
    pub fn primary_of_key(&self, key: &str) -> usize {
        let ask = |words: &[&str]| {
            let mut answers = self
                .nodes
                .iter()
                .filter_map(|node| node.try_command(words).ok());
            answers.next().expect("a node of the cluster answers")
        };
        let slot = ask(&["CLUSTER", "KEYSLOT", key]);
        let slot = slot.parse().expect("a slot is a number");
        let nodes = ask(&["CLUSTER", "NODES"]);
        let owner = nodes.lines().find(|line| owns(line, slot));
        let port = owner.and_then(port).expect("the slot has an owner");
        let mut ports = self.nodes.iter().map(RedisServer::port);
        ports
            .position(|own| own == port)
            .expect("the owner is one of the nodes")
    }

    /// Ends a node with SIGKILL.
    ///
    /// # Panics
    ///
    /// As [`RedisServer::kill`].
    pub fn kill_node(&mut self, number: usize) {
        self.nodes[number].kill();
    }

    /// Starts a node after its end, as what it was then; it hears from the others what it is now.
    ///
    /// # Panics
    ///
    /// As [`RedisServer::start_again`].
    pub fn start_node_again(&mut self, number: usize) {
        self.nodes[number].start_again();
    }

    /// What a node answers, as [`RedisServer::command`]. For a key of another node that is `MOVED`
    /// and where to.
    ///
    /// # Panics
    ///
    /// As [`RedisServer::command`].
    #[must_use]
    pub fn command(&self, number: usize, words: &[&str]) -> String {
        self.nodes[number].command(words)
    }

    /// Waits until each node says that the cluster is well, knows all others and who has which
    /// slots, and replicas have the data of their primaries.
    ///
    /// # Panics
    ///
    /// Once a minute is over.
    pub fn until_whole(&self) {
        let whole = within(LIMIT, || {
            let mut nodes = self.nodes.iter();
            nodes.all(|node| self.is_whole_to(node)).then_some(())
        });
        assert!(whole.is_some(), "the cluster does not get whole");
    }

    /// Tells the nodes of each other, and which slots they have. Each hears it at first hand: gossip
    /// takes seconds.
    fn join(&self) {
        for (number, node) in self.nodes.iter().enumerate() {
            // Where two have the same epoch, one takes another and all have to hear of it.
            let epoch = (number + 1).to_string();
            done(node, &["CLUSTER", "SET-CONFIG-EPOCH", &epoch]);
            if number < PRIMARIES {
                let first = (number * SLOTS / PRIMARIES).to_string();
                let last = ((number + 1) * SLOTS / PRIMARIES - 1).to_string();
                done(node, &["CLUSTER", "ADDSLOTSRANGE", &first, &last]);
            }
        }
        for (number, node) in self.nodes.iter().enumerate() {
            for other in &self.nodes[number + 1..] {
                let port = other.port().to_string();
                let bus = other.bus().expect("a node has a bus").to_string();
                done(node, &["CLUSTER", "MEET", "127.0.0.1", &port, &bus]);
            }
        }
        for (replica, primary) in self.nodes[PRIMARIES..].iter().zip(&self.nodes) {
            let primary = primary.command(&["CLUSTER", "MYID"]);
            // An unknown node is an error until the two have met.
            let replicates = within(LIMIT, || {
                let said = replica.command(&["CLUSTER", "REPLICATE", &primary]);
                (said == "OK").then_some(())
            });
            assert!(replicates.is_some(), "a replica does not find its primary");
        }
    }

    fn is_whole_to(&self, node: &RedisServer) -> bool {
        let ask = |words: &[&str]| node.try_command(words).unwrap_or_default();
        let info = ask(&["CLUSTER", "INFO"]);
        let says = |line: String| info.lines().any(|said| said == line);
        let nodes = ask(&["CLUSTER", "NODES"]);
        let replicas = nodes.lines().filter(|line| flags(line).contains(&"slave"));
        says("cluster_state:ok".to_owned())
            && says(format!("cluster_slots_ok:{SLOTS}"))
            && says(format!("cluster_known_nodes:{}", self.nodes.len()))
            && replicas.count() == self.nodes.len() - PRIMARIES
            && !nodes.contains("handshake")
            && !nodes.contains("fail")
            && !ask(&["INFO", "replication"]).contains("master_link_status:down")
    }
}

fn done(node: &RedisServer, words: &[&str]) {
    let said = node.command(words);
    assert_eq!(said, "OK", "{words:?}");
}

/// Of a line such as `<id> 127.0.0.1:18000@18001 myself,master - 0 0 1 connected 0-5460`.
fn flags(line: &str) -> Vec<&str> {
    let flags = line.split(' ').nth(2).unwrap_or_default();
    flags.split(',').collect()
}

fn port(line: &str) -> Option<u16> {
    let address = line.split(' ').nth(1)?;
    let (address, _bus) = address.split_once('@')?;
    address.rsplit(':').next()?.parse().ok()
}

fn owns(line: &str, slot: usize) -> bool {
    let mut ranges = line.split(' ').skip(8);
    ranges.any(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        // What is on its way to another node is in brackets, and no number.
        first.parse().is_ok_and(|first: usize| first <= slot)
            && last.parse().is_ok_and(|last: usize| slot <= last)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_cluster_tells_port_flags_and_slots() {
        let line =
            "07c3 127.0.0.1:18000@18001,host myself,master - 0 0 1 connected 0-9 12 [13->-x]";
        assert_eq!(port(line), Some(18_000));
        assert_eq!(flags(line), ["myself", "master"]);
        let owned: Vec<usize> = (0..20).filter(|slot| owns(line, *slot)).collect();
        assert_eq!(owned, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12]);
        assert!(!owns("07c3 127.0.0.1:1@2 slave x 0 0 1 connected", 0));
    }
}
