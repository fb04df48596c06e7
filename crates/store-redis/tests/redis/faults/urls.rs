//! Where Redis is, as people write it.

use store_redis::{BadUrl, Options, Topology};

const PASSWORD: &str = "hunter2-hunter2";

#[test]
fn good_addresses_are_understood() {
    for (url, shown, database) in [
        ("redis://localhost", "redis://localhost:6379", 0),
        ("redis://localhost/", "redis://localhost:6379", 0),
        ("redis://localhost:7000/3", "redis://localhost:7000", 3),
        ("rediss://a.example:1", "rediss://a.example:1", 0),
        ("redis://10.0.0.1:65535/15", "redis://10.0.0.1:65535", 15),
        ("redis://[::1]", "redis://::1:6379", 0),
        ("redis://[::1]:7000/1", "redis://::1:7000", 1),
        (
            "redis://a,b:2,[fe80::1]:3",
            "redis://a:6379,b:2,fe80::1:3",
            0,
        ),
        ("redis://u:p@h", "redis://h:6379", 0),
        ("redis://:p@h", "redis://h:6379", 0),
        ("redis://u@h", "redis://h:6379", 0),
        ("redis://u:p%40%2F%3A%2C@h:1,i:2/4", "redis://h:1,i:2", 4),
        ("redis://u:p:q@h", "redis://h:6379", 0),
        ("redis://u:p@q@h", "redis://h:6379", 0),
        ("redis://u:%E2%82%AC@h", "redis://h:6379", 0),
        ("redis://@h", "redis://h:6379", 0),
    ] {
        let options = Options::from_url(url).unwrap_or_else(|bad| panic!("{url}: {bad}"));
        assert_eq!(options.shown(), shown, "{url}");
        assert_eq!(options.database(), database, "{url}");
        assert_eq!(options.uses_tls(), url.starts_with("rediss"), "{url}");
        let hosts = shown.split(',').count();
        assert_eq!(options.address_count(), hosts, "{url}");
    }
    let sentinels = Topology::Sentinel {
        service: "main".to_owned(),
    };
    let options = Options::from_url("redis://a,b:1").expect("good");
    let options = options.topology(sentinels);
    assert_eq!(options.shown(), "redis://a:26379,b:1 (Sentinels)");
}

#[test]
fn bad_addresses_are_told_from_one_another() {
    for (url, expected) in [
        ("", BadUrl::Scheme),
        ("localhost", BadUrl::Scheme),
        ("http://h", BadUrl::Scheme),
        ("REDIS://h", BadUrl::Scheme),
        ("redis:h", BadUrl::Scheme),
        (" redis://h", BadUrl::Scheme),
        ("unix:///tmp/redis", BadUrl::Scheme),
        ("redis+unix:///tmp/redis", BadUrl::Scheme),
        ("redis://", BadUrl::Address),
        ("redis:///1", BadUrl::Address),
        ("redis://:7000", BadUrl::Address),
        ("redis://h:", BadUrl::Address),
        ("redis://h:0", BadUrl::Address),
        ("redis://h:65536", BadUrl::Address),
        ("redis://h:-1", BadUrl::Address),
        ("redis://h:1x", BadUrl::Address),
        ("redis://h:+1", BadUrl::Address),
        ("redis://h:1:2", BadUrl::Address),
        ("redis://h,", BadUrl::Address),
        ("redis://,h", BadUrl::Address),
        ("redis://h,,i", BadUrl::Address),
        ("redis://::1", BadUrl::Address),
        ("redis://[::1", BadUrl::Address),
        ("redis://::1]", BadUrl::Address),
        ("redis://[]", BadUrl::Address),
        ("redis://[::1]x", BadUrl::Address),
        ("redis://[::1]:0", BadUrl::Address),
        ("redis://[not an address]", BadUrl::Address),
        ("redis://[gibberish]", BadUrl::Address),
        ("redis://h h", BadUrl::Address),
        ("redis://h\n", BadUrl::Address),
        ("redis://h\0", BadUrl::Address),
        ("redis://h\t:1", BadUrl::Address),
        ("redis://h?db=1", BadUrl::Address),
        ("redis://h#1", BadUrl::Address),
        ("redis://h:1?db=1", BadUrl::Address),
        ("redis://u:p@", BadUrl::Address),
        ("redis://h/x", BadUrl::Database),
        ("redis://h/-1", BadUrl::Database),
        ("redis://h/+1", BadUrl::Database),
        ("redis://h/1.5", BadUrl::Database),
        ("redis://h/1/", BadUrl::Database),
        ("redis://h/65536", BadUrl::Database),
        ("redis://h/ 1", BadUrl::Database),
        ("redis://h/1?x=y", BadUrl::Database),
        ("redis://%FF:p@h", BadUrl::Login),
        ("redis://u:%FF@h", BadUrl::Login),
        ("redis://u:%C3%28@h", BadUrl::Login),
    ] {
        let read = Options::from_url(url).map(|options| options.shown());
        assert_eq!(read, Err(expected), "{url:?}");
    }
}

/// Whatever is wrong, and wherever the password stands.
#[test]
fn no_error_shows_any_of_the_address() {
    for around in [
        "redis://u:#@h",
        "redis://u:#@h:0",
        "redis://u:#@h/x",
        "redis://u:#",
        "redis://#@h:99999",
        "redis://u:#%FF@h",
        "#://u@h",
        "redis://h/#",
        "redis://h:#",
        "#",
    ] {
        let url = around.replace('#', PASSWORD);
        let told = match Options::from_url(&url) {
            Ok(options) => format!("{options:?} {options:#?} {}", options.shown()),
            Err(bad) => format!("{bad} {bad:?}"),
        };
        // A host is no secret, and who writes a password there shows it to the network.
        assert!(!told.contains(PASSWORD), "{url}: {told}");
    }
}

#[test]
fn what_keys_begin_with_is_a_plain_word() {
    let longest = "x".repeat(64);
    for good in ["a", "sessiond", "a:b", "a-b_c.d", "a:", "A9", &longest] {
        assert!(Options::is_good_prefix(good), "{good}");
    }
    let too_long = "x".repeat(65);
    for bad in [
        "", ":", "::", "a b", "{a}", "a\n", "a*", "ä", "a/b", &too_long,
    ] {
        assert!(!Options::is_good_prefix(bad), "{bad}");
    }
}
