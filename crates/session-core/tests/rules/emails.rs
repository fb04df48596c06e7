use proptest::prelude::*;
use session_core::Email;

fn email(text: &str) -> Email {
    text.parse().expect("an address")
}

#[test]
fn it_does_not_matter_how_an_address_is_typed() {
    for (typed, canonical) in [
        ("ada@example.org", "ada@example.org"),
        ("Ada@Example.ORG", "ada@example.org"),
        ("  ada@example.org\r\n", "ada@example.org"),
        ("\u{a0}ada@example.org\u{3000}", "ada@example.org"),
        ("ada+tag@example.org", "ada+tag@example.org"),
        ("o'hara@example.org", "o'hara@example.org"),
        ("ÅSA@EXAMPLE.ORG", "åsa@example.org"),
        ("АДА@XN--E1AFMKFD.XN--P1AI", "ада@xn--e1afmkfd.xn--p1ai"),
        (
            "用户@xn--fsqu00a.xn--55qw42g",
            "用户@xn--fsqu00a.xn--55qw42g",
        ),
        ("ada@localhost", "ada@localhost"),
        ("ada@[192.0.2.1]", "ada@[192.0.2.1]"),
    ] {
        assert_eq!(email(typed).as_str(), canonical, "{typed:?}");
    }
}

#[test]
fn composed_and_decomposed_are_one_address() {
    let composed = email("jos\u{e9}@example.org");
    assert_eq!(email("jose\u{301}@example.org"), composed);
    assert_eq!(email("JOSE\u{301}@EXAMPLE.ORG"), composed);
    assert_eq!(composed.as_str(), "jos\u{e9}@example.org");
    assert_ne!(email("jose@example.org"), composed);
    // The letter with its sign is one in lower case, and two in upper case.
    assert_eq!(email("J\u{30c}@x"), email("\u{1f0}@x"));
    // The Ångström sign is the letter.
    assert_eq!(email("\u{212b}@x"), email("\u{e5}@x"));
}

/// The same on every system and in every language; what Unicode keeps apart stays apart.
#[test]
fn letters_without_a_single_counterpart_have_one_form() {
    for (typed, canonical) in [
        // Not the Turkish rule: `I` is `i` for everybody.
        ("I@x", "i@x"),
        ("\u{130}@x", "i\u{307}@x"),
        ("\u{131}@x", "\u{131}@x"),
        ("ß@x", "ß@x"),
        ("ẞ@x", "ß@x"),
        ("SS@x", "ss@x"),
        // The Kelvin sign is the letter.
        ("\u{212a}@x", "k@x"),
        // Compatibility is another matter (NFKC): these are kept.
        ("ﬁ@x", "ﬁ@x"),
        ("ａ@x", "ａ@x"),
    ] {
        assert_eq!(email(typed).as_str(), canonical, "{typed:?}");
        assert_eq!(email(canonical).as_str(), canonical);
    }
}

#[test]
fn what_is_no_address_is_refused() {
    for bad in [
        "",
        " ",
        "@",
        "ada",
        "ada@",
        "@example.org",
        "ada@ example.org",
        "ada @example.org",
        "ada love@example.org",
        "ada@exam\tple.org",
        "ada@example.org\nBcc: all@example.org",
        "ada@example.org@example.com",
        "\"a@b\"@example.org",
        "ada\0@example.org",
        "ada\u{1b}[31m@example.org",
        "ada\u{85}x@example.org",
        "ada\u{2028}@example.org",
        // Nobody sees these, or they show the rest the other way round.
        "a\u{200b}da@example.org",
        "a\u{ad}da@example.org",
        "ada\u{202e}gro.elpmaxe@x",
        "\u{feff}ada@example.org",
        // What fills no place, selects a variant, or is anyone's to give a meaning.
        "a\u{34f}da@example.org",
        "a\u{115f}da@example.org",
        "a\u{3164}da@example.org",
        "a\u{ffa0}da@example.org",
        "a\u{fe0f}da@example.org",
        "a\u{e0061}da@example.org",
        "a\u{e0100}da@example.org",
        "a\u{e000}da@example.org",
        // Second spellings of a mailbox.
        "\"ada\"@example.org",
        "ada@bücher.example",
        "ada@例子.广告",
        "ada@example.org.",
        "ada@example\u{3002}org",
        "ada@ｅxample.org",
        "ada@.example.org",
        "ada@example..org",
        "ada@-example.org",
        "ada@example_.org",
        "ada@[]",
        "ada@exam\u{2066}ple.org",
    ] {
        let error = bad.parse::<Email>().expect_err(bad);
        assert_eq!(error.field(), "email", "{bad:?}");
    }
}

#[test]
fn an_address_has_at_most_254_bytes() {
    let of = |bytes: usize| format!("{}@x.org", "a".repeat(bytes - 6));
    assert!(of(254).parse::<Email>().is_ok());
    assert!(of(255).parse::<Email>().is_err());
    // The room around it is none of it.
    assert!(format!("  {}  ", of(254)).parse::<Email>().is_ok());
    // Bytes, not characters.
    let wide = |letters: usize| format!("{}@x.org", "é".repeat(letters));
    assert!(wide(124).parse::<Email>().is_ok());
    assert!(wide(125).parse::<Email>().is_err());
    // `İ` grows from two bytes to three.
    let growing = format!("{}@x.org", "\u{130}".repeat(124));
    assert!(growing.parse::<Email>().is_err());
}

#[test]
fn what_stands_before_the_at_is_the_local_part() {
    assert_eq!(email("Ada+x@Example.org").local_part(), "ada+x");
}

/// Requirement 45: it is written to logs.
#[test]
fn an_address_is_printed_with_its_quotes_escaped() {
    let email = email("o\\hara@example.org");
    assert_eq!(email.to_string(), "o\\hara@example.org");
    assert_eq!(format!("{email:?}"), r#""o\\hara@example.org""#);
    assert_eq!(
        serde_json::to_string(&email).expect("text"),
        r#""o\\hara@example.org""#
    );
}

proptest! {
    /// Otherwise an account that is stored would not be found again by what is stored.
    #[test]
    fn the_canonical_form_is_its_own(local in "\\PC{1,20}", host in "[a-zA-Z0-9.-]{1,20}") {
        if let Ok(email) = format!("{local}@{host}").parse::<Email>() {
            let again: Email = email.as_str().parse().expect("its own form");
            prop_assert_eq!(again.as_str(), email.as_str());
            prop_assert!(email.as_str().len() <= Email::MAX_BYTES);
        }
    }

    #[test]
    fn case_never_tells_two_addresses_apart(local in "[a-zäöüéñåø0-9._+-]{1,20}") {
        let lower = email(&format!("{local}@example.org"));
        prop_assert_eq!(email(&format!("{}@EXAMPLE.org", local.to_uppercase())), lower);
    }

    #[test]
    fn nothing_that_is_sent_makes_it_panic(text in any::<String>(), host in ".{0,9}") {
        let _ = text.parse::<Email>();
        let _ = format!("{text}@{host}").parse::<Email>();
    }
}
