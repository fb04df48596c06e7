use std::collections::HashSet;
use std::hash::Hash;

/// Splits requests into rounds in which each key occurs once, keeping the order per key.
///
/// A statement over many rows reads them all before it writes: two requests for one row must not
/// meet in the same statement. Yields the places of the requests; nearly always one round.
pub(crate) fn rounds<T, K: Hash + Eq>(requests: &[T], key: impl Fn(&T) -> K) -> Vec<Vec<usize>> {
    let mut rounds: Vec<(HashSet<K>, Vec<usize>)> = Vec::new();
    for (place, request) in requests.iter().enumerate() {
        let key = key(request);
        // The first round after the last one that holds the key.
        let fit = rounds
            .iter()
            .rposition(|(keys, _)| keys.contains(&key))
            .map_or(0, |at| at + 1);
        if fit == rounds.len() {
            rounds.push((HashSet::new(), Vec::new()));
        }
        rounds[fit].0.insert(key);
        rounds[fit].1.push(place);
    }
    rounds.into_iter().map(|(_, places)| places).collect()
}

#[cfg(test)]
mod tests {
    use super::rounds;

    #[test]
    fn a_key_occurs_once_in_a_round_and_in_its_order() {
        let split = rounds(&["a", "b", "a", "c", "a", "b"], |key| *key);
        assert_eq!(split, [vec![0, 1, 3], vec![2, 5], vec![4]]);
        assert!(rounds(&[] as &[&str], |key| *key).is_empty());
    }
}
