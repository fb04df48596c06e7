use std::time::SystemTime;

use chrono::{DateTime, TimeDelta, Utc};

/// Longest time that a provider can tell us to stay away. Whoever says more has made a mistake.
const LONGEST: TimeDelta = TimeDelta::days(1);

/// The time that a `Retry-After` tells (RFC 9110 §10.2.3), seen from `now`: never negative, at most a
/// day. `None` for what is neither seconds nor a date.
pub(crate) fn retry_after(value: &str, now: DateTime<Utc>) -> Option<TimeDelta> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        let seconds = value.parse().ok().and_then(TimeDelta::try_seconds);
        return Some(seconds.unwrap_or(LONGEST).min(LONGEST));
    }
    let at: SystemTime = httpdate::parse_http_date(value).ok()?;
    let span = DateTime::<Utc>::from(at) - now;
    Some(span.clamp(TimeDelta::zero(), LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_read_in_each_form_and_bounded() {
        let now = DateTime::from_timestamp(784_111_770, 0).unwrap();
        for (text, expected) in [
            ("0", Some(0)),
            ("7", Some(7)),
            (" 120 ", Some(120)),
            ("86400", Some(86_400)),
            ("86401", Some(86_400)),
            ("9223372036854775808", Some(86_400)),
            ("99999999999999999999999999", Some(86_400)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(7)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", Some(7)),
            ("Sun Nov  6 08:49:37 1994", Some(7)),
            ("Sun, 06 Nov 1994 08:49:00 GMT", Some(0)),
            ("Sat, 06 Nov 2094 08:49:37 GMT", Some(86_400)),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1.5", None),
            ("soon", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ] {
            let expected = expected.map(TimeDelta::seconds);
            assert_eq!(retry_after(text, now), expected, "{text:?}");
        }
    }
}
