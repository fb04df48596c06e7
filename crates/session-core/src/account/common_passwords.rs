//! Passwords that are tried first: by name, and by the pattern that makes a short one long.

/// Words that lists of leaked passwords begin with, in lower case and without what is put around them.
const WORDS: &str = include_str!("common_passwords.txt");

/// Runs of keys and letters that fingers know.
const RUNS: [&str; 8] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789012345678901234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1q2w3e4r5t6y7u8i9o0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
];

/// Whether a password in lower case is one that is tried first.
pub(super) fn is_common(lower: &str) -> bool {
    let plain = without_disguise(lower);
    let core = plain.trim_matches(|c: char| !c.is_alphabetic());
    is_word(core) || is_word(lower) || is_repetition(&plain) || is_run(lower)
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && WORDS.lines().any(|word| word == text)
}

/// Letters for the signs that stand for them: `p@ssw0rd`.
fn without_disguise(lower: &str) -> String {
    let inner = lower.trim_end_matches(|c: char| !c.is_alphabetic() && c != '$' && c != '@');
    let plain = |c| match c {
        '@' | '4' => 'a',
        '3' => 'e',
        '1' | '!' => 'i',
        '0' => 'o',
        '$' | '5' => 's',
        '7' => 't',
        other => other,
    };
    if inner.chars().any(char::is_alphabetic) {
        let end = &lower[inner.len()..];
        inner.chars().map(plain).chain(end.chars()).collect()
    } else {
        lower.to_owned()
    }
}

/// One short piece over and over, or a known word over and over: `abcabcabc`, `passwordpassword`.
fn is_repetition(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    let repeats = |size: usize| {
        chars
            .iter()
            .zip(chars.iter().skip(size))
            .all(|(a, b)| a == b)
    };
    let short = (1..=4).any(|size| chars.len() > size && repeats(size));
    let word = (5..=chars.len() / 2).find(|size| repeats(*size));
    short || word.is_some_and(|size| is_word(&chars[..size].iter().collect::<String>()))
}

/// A stretch of one of the runs, there or back, or several of them in turn.
fn is_run(text: &str) -> bool {
    // Shorter stretches are in every word.
    const SHORTEST: usize = 4;
    let back: String = text.chars().rev().collect();
    [text, &back].into_iter().any(|text| {
        let mut rest = text;
        while !rest.is_empty() {
            let longest = (SHORTEST..=rest.len())
                .rev()
                .filter(|end| rest.is_char_boundary(*end))
                .find(|end| RUNS.iter().any(|run| run.contains(&rest[..*end])));
            let Some(longest) = longest else {
                return false;
            };
            rest = &rest[longest..];
        }
        true
    })
}
