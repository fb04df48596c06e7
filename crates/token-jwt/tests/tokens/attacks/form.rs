//! What can be done to the text of a token.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::Attack;
use crate::forgery::{decode, encode, payload};

/// What can be done to a good token without a key.
pub(super) fn forms(good: &str) -> Vec<Attack> {
    let parts: Vec<&str> = good.split('.').collect();
    let [header, body, signature] = parts[..] else {
        panic!("three parts: {good}");
    };
    let mut richer = payload();
    richer["role"] = json!("admin");
    let richer = encode(richer.to_string());
    let bytes = decode(signature);
    let mut attacks: Vec<Attack> = [
        ("nothing", String::new()),
        ("dots", "..".to_owned()),
        ("one part", header.to_owned()),
        ("no signature", format!("{header}.{body}")),
        ("an empty signature", format!("{header}.{body}.")),
        ("no header", format!(".{body}.{signature}")),
        ("no payload", format!("{header}..{signature}")),
        ("an extra part", format!("{good}.{signature}")),
        ("an extra empty part", format!("{good}.")),
        ("a leading dot", format!(".{good}")),
        ("five parts", format!("{good}.{body}.{signature}")),
        ("altered payload", format!("{header}.{richer}.{signature}")),
        (
            "a shorter signature",
            format!("{header}.{body}.{}", encode(&bytes[..16])),
        ),
        (
            "a byte less",
            format!("{header}.{body}.{}", encode(&bytes[..bytes.len() - 1])),
        ),
        (
            "a byte more",
            format!("{header}.{body}.{}", encode([&bytes[..], &[0]].concat())),
        ),
        (
            "a signature of zeros",
            format!("{header}.{body}.{}", encode(vec![0; bytes.len()])),
        ),
        ("padded signature", format!("{good}=")),
        ("doubly padded signature", format!("{good}==")),
        ("padded header", format!("{header}=.{body}.{signature}")),
        ("a trailing line feed", format!("{good}\n")),
        ("a leading space", format!(" {good}")),
        ("a space inside", format!("{header} .{body}.{signature}")),
        (
            "a letter outside of ASCII",
            format!("{header}.{body}é.{signature}"),
        ),
        ("a scheme", format!("Bearer {good}")),
        ("quoted", format!("\"{good}\"")),
        (
            "JSON serialisation",
            json!({ "payload": body, "signature": signature }).to_string(),
        ),
        ("huge", "A".repeat(10_000_000)),
        ("huge, with dots", ".".repeat(1_000_000)),
        ("trailing bits", with_trailing_bit(good)),
    ]
    .map(|(attack, token)| (attack.to_owned(), token))
    .to_vec();
    for bit in 0..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let token = format!("{header}.{body}.{}", encode(altered));
        attacks.push((format!("bit {bit} of the signature"), token));
    }
    attacks
}

/// The same bytes for a lenient decoder, in another text.
fn with_trailing_bit(good: &str) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let (rest, last) = good.split_at(good.len() - 1);
    let digit = DIGITS.iter().position(|digit| *digit == last.as_bytes()[0]);
    let digit = digit.expect("a digit of base64url");
    assert_eq!(digit % 2, 0, "the last bit is none of a byte");
    assert!(
        URL_SAFE_NO_PAD
            .decode(good.rsplit('.').next().expect("a part"))
            .is_ok()
    );
    format!("{rest}{}", char::from(DIGITS[digit + 1]))
}
