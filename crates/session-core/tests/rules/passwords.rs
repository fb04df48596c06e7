use proptest::prelude::*;
use session_core::{Email, Password, PasswordHash, PasswordPolicy};

fn password(text: &str) -> Password {
    Password::new(text).expect("a password")
}

fn email() -> Email {
    "ada.lovelace@example.org".parse().expect("an address")
}

/// Whether the shortest allowed policy takes it, so that only the list stands against it.
fn is_good(text: &str) -> bool {
    let policy = PasswordPolicy::new(PasswordPolicy::LEAST_MIN_CHARS).expect("a policy");
    policy.check(&password(text), &email()).is_ok()
}

/// Requirement 27: whatever keyboard it is typed on.
#[test]
fn composed_and_decomposed_are_one_password() {
    let composed = password("caf\u{e9} \u{212b} \u{d55c}");
    let decomposed = password("cafe\u{301} A\u{30a} \u{1112}\u{1161}\u{11ab}");
    assert_eq!(composed.expose(), decomposed.expose());
    assert_eq!(
        composed.expose(),
        "caf\u{e9} \u{e5} \u{d55c}".replace('\u{e5}', "\u{c5}")
    );
    // NFC and no more: case, width and spaces are the password's own.
    for (a, b) in [
        ("a", "A"),
        ("a", "ａ"),
        ("a", "a "),
        ("a", " a"),
        ("ﬁ", "fi"),
    ] {
        assert_ne!(password(a).expose(), password(b).expose());
    }
}

/// Requirement 27.
#[test]
fn a_password_has_at_most_1024_bytes_and_is_never_cut() {
    let longest = "x".repeat(1024);
    assert_eq!(password(&longest).expose(), longest);
    let nearly = "x".repeat(1023);
    assert_ne!(
        password(&format!("{nearly}a")).expose(),
        password(&format!("{nearly}b")).expose()
    );
    let long = [
        "x".repeat(1025),
        "é".repeat(513),
        "x".repeat(1_000_000),
        // U+0958 is two letters of three bytes each in NFC.
        "\u{958}".repeat(341),
        // U+1D160 grows to three times its four bytes, the most that there is.
        "\u{1d160}".repeat(256),
    ];
    for text in long {
        let error = Password::new(&text).expect_err("too long");
        assert_eq!(error.field(), "password", "{}", text.len());
    }
    // 512 of two bytes, and decomposed ones that are too long before they are composed.
    assert!(Password::new(&"é".repeat(512)).is_ok());
    assert!(Password::new(&"\u{958}".repeat(170)).is_ok());
    assert!(Password::new(&"e\u{301}".repeat(342)).is_err());
}

/// Requirement 7.
#[test]
fn nothing_prints_a_password_or_its_hash() {
    let hash = PasswordHash::new("$argon2id$secret");
    assert_eq!(format!("{:?}", password("hunter2")), "[redacted]");
    assert_eq!(format!("{hash:?}"), "[redacted]");
    let policy = PasswordPolicy::default();
    let error = policy
        .check(&password("hunter2"), &email())
        .expect_err("short");
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}

/// Requirement 27.
#[test]
fn a_policy_asks_for_8_to_64_characters() {
    assert_eq!(PasswordPolicy::default().min_chars(), 15);
    for (min_chars, is_fine) in [
        (0, false),
        (7, false),
        (8, true),
        (64, true),
        (65, false),
        (usize::MAX, false),
    ] {
        match PasswordPolicy::new(min_chars) {
            Ok(policy) => assert!(is_fine && policy.min_chars() == min_chars),
            Err(error) => assert!(!is_fine && error.field() == "password_min_length"),
        }
    }
}

#[test]
fn length_is_counted_in_characters() {
    for (min_chars, text, is_fine) in [
        (15, "vzkqpwmrtxhbdn", false),
        (15, "vzkqpwmrtxhbdnl", true),
        // 14 and 15 characters, of more bytes.
        (15, "ключвечерлампа", false),
        (15, "ключвечерлампау", true),
        (8, "雪見大福抹茶氷", false),
        (8, "雪見大福抹茶氷山", true),
        // Eight before composition, four after it.
        (8, "e\u{301}a\u{301}o\u{301}u\u{301}", false),
        (8, "ab🦀cd🐫f", false),
        (8, "ab🦀cd🐫fx", true),
    ] {
        let policy = PasswordPolicy::new(min_chars).expect("a policy");
        let checked = policy.check(&password(text), &email());
        assert_eq!(checked.is_ok(), is_fine, "{text}");
    }
}

/// Requirement 27: what is tried first, in every dress that makes it long enough.
#[test]
fn common_passwords_are_refused() {
    for bad in [
        // A word with padding, after it, before it, around it.
        "password12345678",
        "password2024",
        "Password1!",
        "12345678password",
        "!!!!!!password!!!!!!",
        "dragon123123123123",
        "qwerty1234567890!@#",
        "Sunshine20232024",
        "administrator123",
        "trustno1",
        "letmein!!!!!!!!!",
        "welcome2024welcome2024",
        // In disguise.
        "P@ssw0rd!!!!!!!!",
        "p@55w0rd123456789",
        "P@$$W0RD2024",
        "$3cr3t1234567890",
        "4dm1n1str4t0r1234",
        "b4s3ball",
        "l3tm31n!",
        // Over and over.
        "passwordpassword",
        "PasswordPassword",
        "password1password1",
        "password password",
        "12 dragon 12 dragon",
        "p@ssw0rdp@ssw0rd",
        "correcthorsebatterystaple",
        "thisismypassword",
        // One piece over and over.
        "aaaaaaaaaaaaaaaa",
        "abcabcabcabcabca",
        "abababababababab",
        "xq7!xq7!xq7!xq7!",
        "123abc123abc123abc",
        "эюяэюяэюяэюяэюя",
        "😀😀😀😀😀😀😀😀😀😀",
        "😀🙃😀🙃😀🙃😀🙃😀🙃",
        "                ",
        // Runs, there, back and in turn.
        "1234567890123456",
        "0987654321098765",
        "9876543210987654",
        "qwertyuiopasdfgh",
        "QWERTYUIOPASDFGH",
        "poiuytrewqlkjhgf",
        "qwertzuiopasdfgh",
        "azertyuiopqsdfgh",
        "abcdefghijklmnop",
        "zyxwvutsrqponmlk",
        "1q2w3e4r5t6y7u8i",
        "1qaz2wsx3edc4rfv",
        "qazwsxedcrfvtgby",
        "asdfghjklasdfghjkl",
        "abcd1234efgh5678",
        "1111222233334444",
        "aaaabbbbccccdddd",
        "1234567890!@#$%^",
        "qwertyuiop12345x",
        "abc123abc456abc789",
        // The address.
        "ada.lovelace@example.org",
        "Ada.Lovelace@Example.org",
        "ada.lovelace1234",
        "Ada.Lovelace2024!",
        "99ada.lovelace99",
        "ada.lovelace@example.org1",
        "ada.lovelaceada.lovelace",
    ] {
        assert!(!is_good(bad), "{bad}");
    }
}

/// Requirement 27: what only looks like it. No list may stand against a phrase.
#[test]
fn good_passwords_are_taken() {
    for good in [
        "correct horse battery stapler",
        "correcthorsebatterystapler",
        "vzkqpwmrtxhbdnl",
        "tR7#kq9!mZ2$",
        "kx7!mqkx",
        "passwords are a nuisance",
        "my dragon ate the password",
        // Each of them is a common word.
        "dragon coffee samurai guitar",
        "sunshine-monkey-oracle",
        "secret garden of the moon",
        "iloveyou more than cheese",
        "abandon the seven lamps",
        "was were poet tree",
        "we are the people",
        "assessment classes",
        // A word beside a long number is worth as much as the number.
        "dog90210847362519",
        "8473920184756abc",
        "5910482736mars",
        "40718295360417",
        "password83920174650",
        // A phrase that is said twice is still a phrase.
        "blue lamps over the bay blue lamps over the bay",
        "lamps over baylamps over bay",
        "der Hund schläft im Garten",
        "le chat dort sous la pluie",
        "собака спит в саду",
        "пароли скучны каждый день",
        "犬が庭で静かに眠っている",
        "강아지가 정원에서 잔다",
        "الكلب ينام في الحديقة",
        "कुत्ता बगीचे में सोता है",
        "🦀🐫🎈🍎🚲🌵📎🔔",
        // No rules on kinds of characters.
        "lampsoverthebay",
        "LAMPSOVERTHEBAY",
        "lovelace wrote programs",
        "ada met babbage in june",
    ] {
        assert!(is_good(good), "{good}");
    }
}

/// What is common for one is not for another.
#[test]
fn an_address_is_refused_to_its_owner_alone() {
    let policy = PasswordPolicy::default();
    let chosen = password("grace.hopper1906");
    let grace: Email = "Grace.Hopper@navy.example".parse().expect("an address");
    assert!(policy.check(&chosen, &email()).is_ok());
    assert!(policy.check(&chosen, &grace).is_err());
    // An address of nothing but digits and signs has no name in it.
    let digits: Email = "1815@12.10".parse().expect("an address");
    assert!(
        policy
            .check(&password("lamps over the bay"), &digits)
            .is_ok()
    );
    assert!(
        policy
            .check(&password("1815@12.10 and more"), &digits)
            .is_ok()
    );
}

#[test]
fn a_refusal_names_the_password_and_says_what_to_do() {
    let policy = PasswordPolicy::default();
    let error = policy
        .check(&password("passwordpassword"), &email())
        .expect_err("common");
    assert_eq!(error.field(), "password");
    assert!(error.to_string().contains("choose another"), "{error}");
    let error = policy
        .check(&password("short"), &email())
        .expect_err("short");
    assert!(error.to_string().contains("15 characters"), "{error}");
}

/// Whatever nearly fits for a thousand bytes is looked at to its end, and none is misjudged.
#[test]
fn the_longest_passwords_are_judged_too() {
    for piece in [
        "a",
        "abcd",
        "qwe",
        "password",
        "p@ssw0rd",
        "qwertyuiop",
        "é",
        "12",
    ] {
        let bad = piece.repeat(1000 / piece.len());
        assert!(!is_good(&bad), "{piece}");
        let good = format!("{bad} kzv mxq");
        assert!(is_good(&good), "{piece}");
    }
    for good in ["ab1", "qw", "$@4", "p4"] {
        let good = format!("{}xkzv mq", format!("{good} é7").repeat(100));
        assert!(is_good(&good), "{good}");
    }
}

proptest! {
    #[test]
    fn a_password_is_kept_in_nfc_whatever_it_is(text in any::<String>()) {
        if let Ok(first) = Password::new(&text) {
            let again = password(first.expose());
            prop_assert_eq!(again.expose(), first.expose());
            prop_assert!(first.expose().len() <= Password::MAX_BYTES);
        }
    }

    /// Signs at the ends, disguised letters and characters of several bytes in any order.
    #[test]
    fn no_password_makes_the_check_panic(
        text in "([a-z]|[0-9]|[@$!#]|password|qwerty|é|ß|İ|😀|\u{301}|Σ|.){0,40}", address in "[a-z0-9é$]{1,9}",
    ) {
        let address: Email = format!("{address}@x.org").parse().expect("an address");
        let policy = PasswordPolicy::new(8).expect("a policy");
        let _ = policy.check(&password(&text), &address);
    }

    /// Whatever the digits are, as long as they are few.
    #[test]
    fn a_common_word_with_digits_is_refused(
        word in "(password|dragon|sunshine|monkey)", before in "[0-9]{0,4}", after in "[0-9!?.]{2,4}",
    ) {
        let text = format!("{before}{word}{after}");
        prop_assert!(!is_good(&text), "{}", text);
    }

    /// A random password of lower-case letters is as good as any.
    #[test]
    fn random_letters_are_taken(text in "[a-z]{20}") {
        prop_assert!(is_good(&text));
    }

    #[test]
    fn random_words_are_taken(words in proptest::sample::subsequence(
        vec!["lamp", "dragon", "river", "password", "stone", "monkey", "cloud", "secret", "qwerty"], 4..=6,
    )) {
        for between in [" ", "-", "", "7"] {
            prop_assert!(is_good(&words.join(between)), "{:?}", words);
        }
    }
}
