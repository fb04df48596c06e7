use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Parses a JSON text (RFC 8259) of which every member name is unique at every depth.
///
/// Two members of one name mean different things to different parsers, which is a way past checks;
/// I-JSON (RFC 7493 §2.3) forbids them, and so do we. Names that serde_json keeps for itself are
/// refused too. Nesting is bounded by serde_json's limit of
/// 128. Numbers that fit neither 64 bits nor a finite double are refused.
///
/// # Errors
/// [`StrictJsonError`], which tells the place and never the content.
pub fn parse_strict_json(bytes: &[u8]) -> Result<Value, StrictJsonError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Unique
        .deserialize(&mut deserializer)
        .map_err(|e| StrictJsonError::of(&e))?;
    deserializer.end().map_err(|e| StrictJsonError::of(&e))?;
    Ok(value)
}

/// Why a text is not acceptable as JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at line {line}, column {column}")]
pub struct StrictJsonError {
    problem: &'static str,
    line: usize,
    column: usize,
}

const DUPLICATE: &str = "two members of one name";

/// What member names of serde_json's own begin with.
///
/// An object with such a member is not read as one later on: the text in it is parsed as JSON, past
/// the check for duplicate names and past the limit of nesting.
const RESERVED: &str = "$serde_json::private::";
const RESERVED_NAME: &str = "a member of a reserved name";

impl StrictJsonError {
    fn of(error: &serde_json::Error) -> Self {
        // serde_json's own text may quote the input, so only its kind and place are passed on.
        let problem = match error.classify() {
            serde_json::error::Category::Data if error.to_string().starts_with(RESERVED_NAME) => {
                RESERVED_NAME
            }
            serde_json::error::Category::Data => DUPLICATE,
            serde_json::error::Category::Eof => "the JSON text ends too early",
            _ => "the text is not valid JSON",
        };
        Self {
            problem,
            line: error.line(),
            column: error.column(),
        }
    }
}

/// Builds a [`Value`] like serde_json does, but refuses a member name that came before.
struct Unique;

impl<'de> DeserializeSeed<'de> for Unique {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Unique)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if name.starts_with(RESERVED) {
                return Err(de::Error::custom(RESERVED_NAME));
            }
            let value = members.next_value_seed(Unique)?;
            if object.insert(name, value).is_some() {
                return Err(de::Error::custom(DUPLICATE));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_given_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"x":[{"a":1,"b":2,"a":3}]}"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            let error = parse_strict_json(text.as_bytes()).unwrap_err();
            assert_eq!(error.problem, DUPLICATE, "{text}");
        }
        assert!(parse_strict_json(br#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn what_is_not_json_is_refused_without_being_quoted() {
        let deep = "[".repeat(10_000);
        let texts: [&[u8]; 10] = [
            b"",
            b"{",
            b"{\"secret\": hunter2}",
            b"\xef\xbb\xbf{}",
            b"\"\\ud800\"",
            b"\"\xff\"",
            b"1e400",
            b"{} {}",
            b"NaN",
            deep.as_bytes(),
        ];
        for text in texts {
            let error = parse_strict_json(text).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_name_that_the_parser_keeps_for_itself_is_refused() {
        let text = r#"{"a":[{"$serde_json::private::RawValue":"{\"x\":1,\"x\":2}"}]}"#;
        assert_eq!(
            parse_strict_json(text.as_bytes()).unwrap_err().problem,
            RESERVED_NAME
        );
    }

    #[test]
    fn every_kind_of_value_comes_through() {
        let text = r#"{"a":[null,true,-1,18446744073709551615,0.5,"x"],"b":{}}"#;
        let expected: Value = serde_json::from_str(text).unwrap();
        assert_eq!(parse_strict_json(text.as_bytes()).unwrap(), expected);
    }
}
