//! Passwords that are tried first: by name, and by the pattern that makes a short one long.
//!
//! Whoever guesses takes a word that many choose, disguises some letters, puts digits around it or says
//! it twice; or lets the fingers run over the keys. What is so built is common. Whatever else is in a
//! password speaks for it, so a phrase of several words is never refused, whichever they are.

use std::iter;

use zeroize::Zeroizing;

/// Words that lists of leaked passwords begin with, in lower case and without what is put around them.
/// Each begins and ends with a letter or digit.
const WORDS: &str = include_str!("common_passwords.txt");

/// Runs of keys and letters that fingers know, there and back. ASCII.
const RUNS: [&str; 9] = [
    "abcdefghijklmnopqrstuvwxyz",
    // Round the corner, either way.
    "012345678901234567890",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
    "1q2w3e4r5t6y7u8i9o0p",
    "qazwsxedcrfvtgbyhnujmikolp",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "!@#$%^&*()_+",
];

/// Whether a password in lower case is one that is tried first: everywhere, or for the one whose
/// `names` these are.
pub(super) fn is_common(lower: &str, names: &[&str]) -> bool {
    // One or two signs that are put to a run make no secret of it.
    const MOST_LOOSE: usize = 2;
    loose_chars(lower).nth(MOST_LOOSE).is_none()
        || is_repetition(lower)
        || is_word_in_padding(lower, names)
}

/// One short piece over and over: `abcabcabc`.
fn is_repetition(text: &str) -> bool {
    // Six characters that are well chosen are still no more than six.
    const LONGEST_PIECE: usize = 6;
    let count = text.chars().count();
    (1..=LONGEST_PIECE.min(count / 2)).any(|size| {
        text.chars()
            .zip(text.chars().skip(size))
            .all(|(a, b)| a == b)
    })
}

/// A known word, once or over and over, with nothing but digits and signs around it: `password2024`,
/// `p@ssw0rd!!!`, `12 dragon 12 dragon`.
fn is_word_in_padding(lower: &str, names: &[&str]) -> bool {
    // More than this that follow no pattern are a secret of their own: a card's number, say.
    const MOST_LOOSE: usize = 8;
    let is_word = |text: &str, around: [&str; 2]| {
        let letters = text.trim_start_matches(|c: char| !c.is_alphabetic());
        WORDS
            .lines()
            .chain(names.iter().copied())
            // Nearly always the end of it: so a long text is not searched for each word.
            .filter(|word| !word.is_empty() && letters.starts_with(word))
            .filter(|word| {
                !text
                    .split(word)
                    .any(|piece| piece.contains(char::is_alphabetic))
            })
            .any(|word| {
                let padding = around.into_iter().chain(text.split(word));
                padding.flat_map(loose_chars).nth(MOST_LOOSE).is_none()
            })
    };
    is_word(lower, [""; 2])
        || cuts(lower).any(|(start, end)| {
            let plain = without_disguise(&lower[start..end]);
            is_word(&plain, [&lower[..start], &lower[end..]])
        })
}

/// Where a word in disguise may begin and end: at the first and last letter, or at signs right beside
/// them that stand for letters, as in `$ecre7`.
fn cuts(text: &str) -> impl Iterator<Item = (usize, usize)> {
    // No word of the list has more at its ends.
    const MOST_SIGNS: usize = 2;
    let is_sign = |c: &char| letter_behind(*c).is_some();
    let start = text.find(char::is_alphabetic).unwrap_or(text.len());
    let end = text.trim_end_matches(|c: char| !c.is_alphabetic()).len();
    let before = text[..start].chars().rev().take_while(is_sign).count();
    let after = text[end.max(start)..].chars().take_while(is_sign).count();
    // Signs are ASCII, so each is one byte.
    let starts = (0..=before.min(MOST_SIGNS)).map(move |signs| start - signs);
    starts.flat_map(move |start| {
        (0..=after.min(MOST_SIGNS))
            .map(move |signs| (start, end + signs))
            .filter(|(start, end)| start < end)
    })
}

/// Letters for the signs that stand for them.
fn without_disguise(text: &str) -> Zeroizing<String> {
    // As many bytes as before at most, so that no copy is left behind.
    let mut plain = Zeroizing::new(String::with_capacity(text.len()));
    plain.extend(text.chars().map(|c| letter_behind(c).unwrap_or(c)));
    plain
}

fn letter_behind(sign: char) -> Option<char> {
    match sign {
        '@' | '4' => Some('a'),
        '3' => Some('e'),
        '1' | '!' => Some('i'),
        '0' => Some('o'),
        '$' | '5' => Some('s'),
        '7' => Some('t'),
        _ => None,
    }
}

/// What is left when the stretches are taken out that fingers do by themselves.
fn loose_chars(text: &str) -> impl Iterator<Item = char> {
    // Two keys side by side are in every word.
    const SHORTEST: usize = 3;
    let mut rest = text;
    iter::from_fn(move || {
        while let Some(first) = rest.chars().next() {
            let stretch = stretch(rest, first);
            let is_loose = stretch.chars().nth(SHORTEST - 1).is_none();
            rest = &rest[if is_loose {
                first.len_utf8()
            } else {
                stretch.len()
            }..];
            if is_loose {
                return Some(first);
            }
        }
        None
    })
}

/// The stretch that `text` begins with: `first` over and over, or one of the runs there or back.
fn stretch(text: &str, first: char) -> &str {
    let same = text.len() - text.trim_start_matches(first).len();
    let there = |run: &str| Some(common_start(run[run.find(first)?..].chars(), text));
    let back = |run: &str| Some(common_start(run[..=run.rfind(first)?].chars().rev(), text));
    let runs = RUNS.into_iter().flat_map(|run| [there(run), back(run)]);
    let longest = runs.flatten().fold(same, usize::max);
    &text[..longest]
}

/// How many bytes of `text` are the same as in `run`, which is ASCII.
fn common_start(run: impl Iterator<Item = char>, text: &str) -> usize {
    run.zip(text.chars()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is looked up begins with a letter and is in lower case: another word would never be found.
    #[test]
    fn every_word_can_be_found() {
        for word in WORDS.lines() {
            assert!(word.starts_with(char::is_alphabetic), "{word}");
            assert_eq!(word.to_lowercase(), word);
            assert!(is_word_in_padding(word, &[]), "{word}");
        }
        assert!(WORDS.lines().is_sorted_by(|a, b| a < b), "each once");
    }

    #[test]
    fn runs_are_ascii() {
        assert!(RUNS.iter().all(|run| run.is_ascii()));
    }

    #[test]
    fn what_fingers_do_by_themselves_is_not_loose() {
        for (text, left) in [
            ("", ""),
            ("abc", ""),
            ("ab", "ab"),
            ("cbaxyz", ""),
            ("1234567890", ""),
            ("890123", ""),
            ("321098", ""),
            ("aaab", "b"),
            ("ééé3", "3"),
            ("a😀😀😀b", "ab"),
            ("k1234q", "kq"),
        ] {
            let loose: String = loose_chars(text).collect();
            assert_eq!(loose, left, "{text}");
        }
    }
}
