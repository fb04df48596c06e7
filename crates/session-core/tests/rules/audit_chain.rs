//! Requirement 46: an edited, removed, inserted or moved record is found, and named.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use session_core::{
    Anchor, AuditAction, AuditEvent, BrokenRecord, ChainCheck, ChainHash, EventId, Fault, Verified,
};

/// A record as a store holds it.
type Row = (i128, String, Vec<u8>);

fn event(n: u8) -> AuditEvent {
    let at: DateTime<Utc> = DateTime::from_timestamp_millis(1_750_000_000_000).expect("a time");
    let id = EventId::at(at, [n; 10]);
    AuditEvent {
        details: format!("event {n}").into(),
        ..AuditEvent::new(id, at, AuditAction::Logout)
    }
}

/// A chain of `count` records of which the first `forgotten` are gone: its rows, base and head.
fn chain(count: u8, forgotten: u8) -> (Vec<Row>, Anchor, Anchor) {
    let (mut base, mut head, mut rows) = (Anchor::START, Anchor::START, Vec::new());
    for n in 1..=count {
        let line = event(n).to_line();
        head = head.next(line.as_bytes());
        if n <= forgotten {
            base = head;
        } else {
            let hash = head.hash.as_bytes().to_vec();
            rows.push((i128::from(head.sequence), line, hash));
        }
    }
    (rows, base, head)
}

fn check(
    rows: &[Row],
    base: Anchor,
    head: Anchor,
    noted: Option<Anchor>,
) -> Result<Verified, BrokenRecord> {
    let mut check = ChainCheck::new(base, head, noted);
    for (sequence, line, hash) in rows {
        check.record(*sequence, line.as_bytes(), hash)?;
    }
    check.finish()
}

proptest! {
    #[test]
    fn an_intact_chain_verifies(count in 0..40_u8, forgotten in 0..40_u8) {
        let forgotten = forgotten.min(count);
        let (rows, base, head) = chain(count, forgotten);
        let verified = check(&rows, base, head, None).expect("it is whole");
        let expected = Verified { records: u64::from(count - forgotten), base, head };
        prop_assert_eq!(verified, expected);
    }

    #[test]
    fn whatever_is_done_to_one_record_is_found(
        count in 2..20_u8,
        forgotten in 0..10_u8,
        place in any::<prop::sample::Index>(),
        other in any::<prop::sample::Index>(),
        what in 0..6,
    ) {
        let forgotten = forgotten.min(count - 2);
        let (mut rows, base, head) = chain(count, forgotten);
        let place = place.index(rows.len());
        let sequence = rows[place].0 as u64;
        let (named, fault) = match what {
            0 => {
                rows[place].1 = rows[place].1.replace("event", "Event");
                (sequence, Fault::Hash)
            }
            1 => {
                rows[place].2[7] ^= 1;
                (sequence, Fault::Hash)
            }
            2 => {
                rows.remove(place);
                (sequence, Fault::Missing)
            }
            3 => {
                // Closing the gap does not help, unless it was the last.
                rows.remove(place);
                for row in &mut rows[place..] {
                    row.0 -= 1;
                }
                let is_last = place == rows.len();
                (sequence, if is_last { Fault::Missing } else { Fault::Hash })
            }
            4 => {
                let mut second = other.index(rows.len());
                if second == place {
                    second = (place + 1) % rows.len();
                }
                let (a, b) = (place.min(second), place.max(second));
                let (left, right) = (rows[a].clone(), rows[b].clone());
                rows[a] = (left.0, right.1, right.2);
                rows[b] = (right.0, left.1, left.2);
                (rows[a].0 as u64, Fault::Hash)
            }
            _ => {
                // In between, with everything behind it moved on.
                let inserted = (rows[place].0, event(99).to_line(), rows[place].2.clone());
                for row in &mut rows[place..] {
                    row.0 += 1;
                }
                rows.insert(place, inserted);
                (sequence, Fault::Hash)
            }
        };
        let broken = check(&rows, base, head, None).expect_err("it was tampered with");
        prop_assert_eq!((broken.sequence, broken.fault), (named, fault));
    }
}

#[test]
fn what_stands_outside_of_the_chain_is_found() {
    let (mut rows, base, head) = chain(6, 2);
    for sequence in [2, 1, 0, -4] {
        let mut rows = rows.clone();
        rows.insert(0, (sequence, event(9).to_line(), vec![0; 32]));
        let broken = check(&rows, base, head, None).expect_err("it stands before");
        assert_eq!(broken.fault, Fault::Extra);
        assert_eq!(broken.event, Some(event(9).id));
    }
    rows.push((
        7,
        event(9).to_line(),
        head.next(event(9).to_line().as_bytes())
            .hash
            .as_bytes()
            .to_vec(),
    ));
    let broken = check(&rows, base, head, None).expect_err("it stands behind");
    assert_eq!((broken.sequence, broken.fault), (7, Fault::Extra));
}

#[test]
fn what_the_store_notes_of_its_ends_is_checked() {
    let (rows, base, head) = chain(6, 2);
    let other = |anchor: Anchor| Anchor {
        hash: ChainHash::START,
        ..anchor
    };
    let broken = check(&rows, other(base), head, None).expect_err("another base");
    assert_eq!((broken.sequence, broken.fault), (3, Fault::Hash));
    let broken = check(&rows, base, other(head), None).expect_err("another head");
    assert_eq!((broken.sequence, broken.fault), (6, Fault::Hash));
    let broken = check(&[], base, head, None).expect_err("all are gone");
    assert_eq!((broken.sequence, broken.fault), (3, Fault::Missing));
}

/// The place is part of the hash: records that were renumbered, ends and all, are found.
#[test]
fn a_renumbered_chain_is_found() {
    let (mut rows, base, head) = chain(6, 2);
    for row in &mut rows {
        row.0 += 1;
    }
    let moved = |anchor: Anchor| Anchor {
        sequence: anchor.sequence + 1,
        ..anchor
    };
    let broken = check(&rows, moved(base), moved(head), None).expect_err("it was renumbered");
    assert_eq!((broken.sequence, broken.fault), (4, Fault::Hash));
}

#[test]
fn a_noted_head_tells_a_rewritten_chain() {
    let (rows, base, head) = chain(6, 2);
    for noted in [3, 4, 6] {
        let row = &rows[noted - 3];
        let hash = ChainHash::from_bytes(row.2.clone().try_into().expect("32 bytes"));
        let noted = Anchor {
            sequence: noted as u64,
            hash,
        };
        check(&rows, base, head, Some(noted)).expect("it is the same");
        let other = Anchor {
            hash: ChainHash::START,
            ..noted
        };
        let broken = check(&rows, base, head, Some(other)).expect_err("it is another");
        assert_eq!(
            (broken.sequence, broken.fault),
            (noted.sequence, Fault::Rewritten)
        );
    }
    check(&rows, base, head, Some(base)).expect("where it begins now");
    let other = Anchor {
        hash: ChainHash::START,
        ..base
    };
    check(&rows, base, head, Some(other)).expect_err("it began elsewhere");
    // What was forgotten in the meantime cannot be told any more.
    let forgotten = Anchor {
        sequence: 1,
        hash: ChainHash::START,
    };
    check(&rows, base, head, Some(forgotten)).expect("nothing to compare with");
    let beyond = Anchor {
        sequence: 7,
        ..head
    };
    let broken = check(&rows, base, head, Some(beyond)).expect_err("it was longer");
    assert_eq!((broken.sequence, broken.fault), (7, Fault::Missing));
}

#[test]
fn an_anchor_reads_as_it_is_written() {
    let (_, _, head) = chain(3, 0);
    assert_eq!(head.to_string().parse(), Ok(head));
    let digits = "0".repeat(64);
    let wrong = [
        String::new(),
        "3".to_owned(),
        format!(":{digits}"),
        format!("-1:{digits}"),
        format!("3:{}", &digits[1..]),
        format!("3:{digits}0"),
        format!("3:{}g", &digits[1..]),
        format!("3:+{}", &digits[1..]),
        format!("3:{}é", &digits[2..]),
    ];
    for text in wrong {
        assert!(text.parse::<Anchor>().is_err(), "{text}");
    }
}
