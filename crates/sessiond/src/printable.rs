/// A text that stays in its line and its column, and moves no terminal's cursor.
pub(crate) fn printable(text: &str) -> String {
    let escaped = |c: char| -> String {
        if c.is_control() {
            c.escape_unicode().collect()
        } else {
            c.to_string()
        }
    };
    text.chars().map(escaped).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_stays_in_its_line() {
        assert_eq!(printable("a\tb\n\u{1b}[2Jé"), "a\\u{9}b\\u{a}\\u{1b}[2Jé");
    }
}
