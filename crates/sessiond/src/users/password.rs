use std::io::{self, BufRead as _, IsTerminal as _};

use session_core::Password;
use zeroize::Zeroizing;

use super::UsersError;

/// Room for the longest password and the end of its line.
const LINE: usize = Password::MAX_BYTES + 2;

/// Asks for a password twice where somebody sits at a terminal, else takes a line of standard input. It
/// never is an argument: those are for everybody on the machine to see.
pub(super) fn ask() -> Result<Password, UsersError> {
    if io::stdin().is_terminal() {
        let prompt = |text: &str| -> Result<Zeroizing<String>, UsersError> {
            let typed = rpassword::prompt_password(text);
            typed.map(Zeroizing::new).map_err(UsersError::Terminal)
        };
        let (first, second) = (prompt("Password: ")?, prompt("The same again: ")?);
        if *first != *second {
            return Err(UsersError::PasswordsDiffer);
        }
        return Ok(Password::new(&first)?);
    }
    read(io::stdin().lock())
}

fn read(input: impl io::BufRead) -> Result<Password, UsersError> {
    // One more byte than fits, so that what is too long is refused and not cut; and the room for all
    // of it at once, so that growing leaves no copy behind.
    let mut line = Zeroizing::new(Vec::with_capacity(LINE + 1));
    let mut input = input.take(LINE as u64 + 1);
    input
        .read_until(b'\n', &mut line)
        .map_err(UsersError::Terminal)?;
    let text = line.strip_suffix(b"\n").unwrap_or(&line);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    if text.is_empty() {
        return Err(UsersError::NoPassword);
    }
    let text = std::str::from_utf8(text).map_err(|_| UsersError::PasswordNotText)?;
    Ok(Password::new(text)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> Result<String, String> {
        let password = read(bytes).map_err(|error| error.to_string())?;
        Ok(password.expose().to_owned())
    }

    #[test]
    fn a_line_is_a_password_without_its_end() {
        for input in ["a pass word", "a pass word\n", "a pass word\r\nmore\n"] {
            assert_eq!(of(input.as_bytes()), Ok("a pass word".to_owned()));
        }
        assert_eq!(of(b" both ends \n"), Ok(" both ends ".to_owned()));
        let longest = "x".repeat(Password::MAX_BYTES);
        assert_eq!(of(format!("{longest}\r\n").as_bytes()), Ok(longest));
    }

    #[test]
    fn what_is_no_password_is_never_cut_nor_repeated() {
        for input in ["", "\n", "\r\n"] {
            let error = of(input.as_bytes()).unwrap_err();
            assert_eq!(error, "there is no password on standard input");
        }
        let long = "x".repeat(Password::MAX_BYTES + 1);
        for long in [long.clone(), format!("{long}\n"), long.repeat(100)] {
            let error = of(long.as_bytes()).unwrap_err();
            assert_eq!(error, "`password` must be at most 1024 bytes");
        }
        let error = of(b"\xff\xfe secret\n").unwrap_err();
        assert_eq!(error, "the password on standard input is not UTF-8");
    }
}
