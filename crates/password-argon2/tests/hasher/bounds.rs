use password_argon2::{Argon2Params, HashLimits};

/// Requirement 26: nobody can ask for weaker ones, and for none that stop the machine.
#[test]
fn parameters_are_never_weaker_than_the_default() {
    let least = Argon2Params::default();
    assert_eq!(
        (least.memory_kib(), least.passes(), least.lanes()),
        (19_456, 2, 1)
    );
    assert_eq!(Argon2Params::new(19_456, 2, 1), Ok(least));
    assert!(Argon2Params::new(262_144, 10, 16).is_ok());
    for (memory, passes, lanes, field) in [
        (19_455, 2, 1, "password_hash_memory"),
        (0, 2, 1, "password_hash_memory"),
        (262_145, 2, 1, "password_hash_memory"),
        (u32::MAX, 2, 1, "password_hash_memory"),
        (19_456, 1, 1, "password_hash_passes"),
        (47_104, 1, 1, "password_hash_passes"),
        (19_456, 11, 1, "password_hash_passes"),
        (19_456, 2, 0, "password_hash_lanes"),
        (19_456, 2, 17, "password_hash_lanes"),
    ] {
        let error = Argon2Params::new(memory, passes, lanes).expect_err("out of bounds");
        assert_eq!(error.field(), field, "{memory} {passes} {lanes}");
    }
}

#[test]
fn at_least_one_is_hashed_at_a_time() {
    for (at_once, queue, is_fine) in [
        (1, 0, true),
        (1024, 65_536, true),
        (0, 1, false),
        (1025, 0, false),
        (1, 65_537, false),
        (usize::MAX, usize::MAX, false),
    ] {
        let limits = HashLimits::new(at_once, queue);
        assert_eq!(limits.is_ok(), is_fine, "{at_once} {queue}");
        if let Ok(limits) = limits {
            assert_eq!((limits.at_once(), limits.queue()), (at_once, queue));
        }
    }
}

/// Requirement 30: one for each core, and a queue that is served soon.
#[test]
fn by_default_each_core_hashes_one_and_sixteen_wait_for_it() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let limits = HashLimits::default();
    assert_eq!((limits.at_once(), limits.queue()), (cores, cores * 16));
}
