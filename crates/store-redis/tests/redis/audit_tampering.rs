//! Requirement 46: whoever edits, removes, inserts or moves audit records in Redis is found.

use session_core::ports::{AuditLog as _, StoreErrorKind};
use session_core::{Anchor, AuditEvent, Fault};

use crate::audit::{append, at, event};
use crate::raw::Raw;

const RECORDS: u64 = 12;

/// An entry of the stream: its id, and its field and value.
type Entry = (String, Vec<Vec<u8>>);

/// What somebody makes of the stream.
type Edit<'a> = &'a dyn Fn(&mut Vec<Entry>);

/// A log of twelve records, of which the oldest `forgotten` were forgotten.
async fn log(forgotten: i64) -> Raw {
    let raw = Raw::new().await;
    let store = raw.store().await;
    let events: Vec<_> = (1..=RECORDS).map(event).collect();
    append(&store, &events).await;
    let done = store.forget_events(at(forgotten + 1), 100).await;
    done.expect("it forgets");
    let verified = store.verify(None).await.expect("it can be read");
    let verified = verified.expect("it is whole");
    assert_eq!(verified.records, RECORDS - forgotten.unsigned_abs());
    raw
}

/// The stream made anew: it cannot be edited in place.
async fn edit(raw: &Raw, edit: Edit<'_>) {
    let mut entries: Vec<Entry> = raw
        .ask(raw.about("XRANGE", b"audit").arg("-").arg("+"))
        .await;
    edit(&mut entries);
    let _: i64 = raw.ask(&raw.about("DEL", b"audit")).await;
    for (id, fields) in entries {
        let _: String = raw
            .ask(raw.about("XADD", b"audit").arg(id).arg(fields))
            .await;
    }
}

async fn set_end(raw: &Raw, end: &str, sequence: u64, hash: &[u8]) {
    let anchor = [b"1", &sequence.to_be_bytes()[..], hash].concat();
    let mut set = raw.about("HSET", b"audit:ends");
    let _: i64 = raw.ask(set.arg(end).arg(anchor)).await;
}

/// The check names this record, and the fault; also after the log went on.
async fn is_found(raw: &Raw, sequence: u64, fault: Fault) {
    let store = raw.store().await;
    let broken = store.verify(None).await.expect("it can be read");
    let broken = broken.expect_err("it was tampered with");
    assert_eq!((broken.sequence, broken.fault), (sequence, fault));
    append(&store, &[event(99)]).await;
    let again = store.verify(None).await.expect("it can be read");
    again.expect_err("it was tampered with");
    let mut newest = raw.about("XREVRANGE", b"audit");
    let newest: Vec<Entry> = raw.ask(newest.arg("+").arg("-").arg("COUNT").arg(1)).await;
    let line = event(99).to_line();
    assert_eq!(
        &newest[0].1[1][32..],
        line.as_bytes(),
        "what happens is recorded"
    );
}

async fn is_found_after(forgotten: i64, change: Edit<'_>, sequence: u64, fault: Fault) {
    let raw = log(forgotten).await;
    edit(&raw, change).await;
    is_found(&raw, sequence, fault).await;
}

fn place(n: u64, forgotten: u64) -> usize {
    usize::try_from(n - forgotten - 1).expect("small")
}

/// The line of an entry with another text in it.
fn replaced(entry: &Entry, from: &str, to: &[u8]) -> Vec<u8> {
    let value = &entry.1[1];
    let at = value
        .windows(from.len())
        .position(|part| part == from.as_bytes());
    let at = at.expect("it is there");
    [&value[..at], to, &value[at + from.len()..]].concat()
}

#[tokio::test]
async fn an_edited_record_is_found_and_named() {
    let edits: [(&str, &[u8]); 6] = [
        ("\"success\":true", b"\"success\":false"),
        ("\"user_id\":\"ada\"", b"\"user_id\":\"eve\""),
        (":40.000Z\"", b":41.000Z\""),
        ("event ", b""),
        ("{\"id\"", b" {\"id\""),
        // Bytes that are no text, which a reader might take for the sign that stands for such bytes.
        ("\u{fffd}", b"\xff"),
    ];
    for (from, to) in edits {
        for n in [1, 5, RECORDS] {
            let change = |entries: &mut Vec<Entry>| {
                let entry = &mut entries[place(n, 0)];
                entry.1[1] = replaced(entry, from, to);
            };
            is_found_after(0, &change, n, Fault::Hash).await;
        }
    }
    for n in [1, 5, RECORDS] {
        let no_hash = |entries: &mut Vec<Entry>| entries[place(n, 0)].1[1][..32].fill(0);
        is_found_after(0, &no_hash, n, Fault::Hash).await;
        let more = |entries: &mut Vec<Entry>| {
            entries[place(n, 0)]
                .1
                .extend([b"x".to_vec(), b"y".to_vec()]);
        };
        let raw = log(0).await;
        edit(&raw, &more).await;
        let verdict = raw
            .store()
            .await
            .verify(None)
            .await
            .expect("it can be read");
        let broken = verdict.expect_err("it says more than it did");
        assert_eq!((broken.sequence, broken.fault), (n, Fault::Hash));
    }
    let raw = log(0).await;
    let other = |entries: &mut Vec<Entry>| {
        entries[4].1[1] = replaced(&entries[4], "\"system\"", b"\"eve\"");
    };
    edit(&raw, &other).await;
    let verdict = raw
        .store()
        .await
        .verify(None)
        .await
        .expect("it can be read");
    let broken = verdict.expect_err("it was edited");
    assert_eq!(broken.event, Some(event(5).id));
}

#[tokio::test]
async fn a_removed_record_is_found_and_named() {
    for n in [1, 2, 7, RECORDS] {
        let change = |entries: &mut Vec<Entry>| drop(entries.remove(place(n, 0)));
        is_found_after(0, &change, n, Fault::Missing).await;
        // In place.
        let raw = log(0).await;
        let mut delete = raw.about("XDEL", b"audit");
        let _: i64 = raw.ask(delete.arg(format!("{n}-0"))).await;
        is_found(&raw, n, Fault::Missing).await;
    }
    is_found_after(0, &|entries| entries.truncate(9), 10, Fault::Missing).await;
    is_found_after(0, &|entries| entries.clear(), 1, Fault::Missing).await;
    // Closing the gap does not help.
    let closed = |entries: &mut Vec<Entry>| {
        entries.remove(4);
        for (entry, n) in entries.iter_mut().zip(1..) {
            entry.0 = format!("{n}-0");
        }
    };
    is_found_after(0, &closed, 5, Fault::Hash).await;
}

#[tokio::test]
async fn a_tail_that_was_cut_off_with_its_end_is_found_by_a_head_that_was_noted() {
    let raw = log(0).await;
    let store = raw.store().await;
    let noted = store
        .verify(None)
        .await
        .expect("it answers")
        .expect("whole")
        .head;
    let mut tail = Vec::new();
    edit(&raw, &|entries| entries.truncate(9)).await;
    let entries: Vec<Entry> = raw
        .ask(raw.about("XRANGE", b"audit").arg("9").arg("9"))
        .await;
    tail.extend_from_slice(&entries[0].1[1][..32]);
    set_end(&raw, "head", 9, &tail).await;
    let verdict = store.verify(None).await.expect("it can be read");
    verdict.expect("by itself it is whole");
    let verdict = store.verify(Some(noted)).await.expect("it can be read");
    let broken = verdict.expect_err("it is too short");
    assert_eq!((broken.sequence, broken.fault), (10, Fault::Missing));
}

#[tokio::test]
async fn an_inserted_record_is_found_and_named() {
    let insert = |at: usize, id: &'static str| {
        move |entries: &mut Vec<Entry>| {
            let value = replaced(&entries[2], "event ", b"other ");
            entries.insert(at, (id.to_owned(), vec![b"1".to_vec(), value]));
        }
    };
    is_found_after(0, &insert(0, "0-1"), 0, Fault::Extra).await;
    is_found_after(0, &insert(0, "0-9"), 0, Fault::Extra).await;
    is_found_after(0, &insert(5, "5-1"), 5, Fault::Extra).await;
    is_found_after(0, &insert(12, "12-1"), 12, Fault::Extra).await;
    is_found_after(0, &insert(12, "13-0"), 13, Fault::Extra).await;
    is_found_after(0, &insert(12, "9000-0"), 9000, Fault::Extra).await;
    // Where scripts cannot count any more nothing can follow: it is found, and told at each append.
    for end in [1 << 53, u64::MAX] {
        let raw = log(0).await;
        let last = |entries: &mut Vec<Entry>| {
            let value = replaced(&entries[2], "event ", b"other ");
            entries.push((format!("{end}-{end}"), vec![b"1".to_vec(), value]));
        };
        edit(&raw, &last).await;
        let store = raw.store().await;
        let verdict = store.verify(None).await.expect("it can be read");
        let broken = verdict.expect_err("there is one more");
        assert_eq!((broken.sequence, broken.fault), (end, Fault::Extra));
        let error = store.append(&[event(99)]).await.expect_err("no place");
        assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    }
    // In between, with all that follows moved.
    let raw = log(0).await;
    let between = |entries: &mut Vec<Entry>| {
        let value = replaced(&entries[2], "event ", b"other ");
        entries.insert(6, (String::new(), vec![b"1".to_vec(), value]));
        for (entry, n) in entries.iter_mut().zip(1..) {
            entry.0 = format!("{n}-0");
        }
    };
    edit(&raw, &between).await;
    set_end(&raw, "head", 13, &[7; 32]).await;
    is_found(&raw, 7, Fault::Hash).await;
}

/// A stream whose last id was moved takes no record at the next place: the log goes on behind it.
#[tokio::test]
async fn a_gap_in_the_places_is_found() {
    let raw = log(0).await;
    let _: () = raw.ask(raw.about("XSETID", b"audit").arg("50-0")).await;
    let store = raw.store().await;
    let verdict = store.verify(None).await.expect("it can be read");
    verdict.expect("nothing stands there yet");
    append(&store, &[event(99)]).await;
    let verdict = store.verify(None).await.expect("it can be read");
    let broken = verdict.expect_err("places are missing");
    assert_eq!((broken.sequence, broken.fault), (13, Fault::Missing));
    append(&store, &[event(100)]).await;
}

#[tokio::test]
async fn swapped_records_are_found_and_named() {
    for (a, b) in [(1, 2), (4, 9), (1, RECORDS)] {
        let swap = |entries: &mut Vec<Entry>| {
            let (a, b) = (place(a, 0), place(b, 0));
            let first = entries[a].1.clone();
            entries[a].1 = entries[b].1.clone();
            entries[b].1 = first;
        };
        is_found_after(0, &swap, a, Fault::Hash).await;
    }
    // The same content under an id that is not ours.
    let moved = |entries: &mut Vec<Entry>| entries[4].0 = "5-1".to_owned();
    is_found_after(0, &moved, 5, Fault::Hash).await;
}

/// After retention it still verifies, and is still found.
#[tokio::test]
async fn after_the_oldest_were_forgotten_the_rest_is_still_checked() {
    for n in [6, 9, RECORDS] {
        let change = |entries: &mut Vec<Entry>| {
            let entry = &mut entries[place(n, 5)];
            entry.1[1] = replaced(entry, "\"system\"", b"\"eve\"");
        };
        is_found_after(5, &change, n, Fault::Hash).await;
        let remove = |entries: &mut Vec<Entry>| drop(entries.remove(place(n, 5)));
        is_found_after(5, &remove, n, Fault::Missing).await;
    }
    let back = |entries: &mut Vec<Entry>| {
        let fields = entries[0].1.clone();
        entries.insert(0, ("5-0".to_owned(), fields));
    };
    is_found_after(5, &back, 5, Fault::Extra).await;
    for (end, sequence, found, fault) in [
        ("base", 5, 6, Fault::Hash),
        ("base", 4, 5, Fault::Missing),
        ("base", 6, 6, Fault::Extra),
        ("head", 12, 12, Fault::Hash),
        ("head", 11, 12, Fault::Extra),
        ("head", 13, 13, Fault::Missing),
    ] {
        let raw = log(5).await;
        set_end(&raw, end, sequence, &[0; 32]).await;
        let verdict = raw.store().await.verify(None).await;
        let broken = verdict.expect("it can be read").expect_err("another end");
        assert_eq!((broken.sequence, broken.fault), (found, fault), "{end}");
    }
    for end in ["base", "head"] {
        let raw = log(5).await;
        let _: i64 = raw.ask(raw.about("HDEL", b"audit:ends").arg(end)).await;
        let verdict = raw.store().await.verify(None).await;
        let verdict = verdict.expect("it can be read");
        verdict.expect_err("an end is gone");
    }
}

/// Without its ends the log goes on, and the check tells.
#[tokio::test]
async fn ends_that_were_removed_are_found() {
    let raw = log(0).await;
    let _: i64 = raw.ask(&raw.about("DEL", b"audit:ends")).await;
    is_found(&raw, 1, Fault::Extra).await;
}

/// Retention does not sweep away what tells of a tampering: it stops before it, and goes on behind
/// nothing that is missing.
#[tokio::test]
async fn what_was_tampered_with_is_not_forgotten() {
    fn old(entry: &mut Entry) {
        entry.1[1] = replaced(entry, "\"timestamp\":\"2025", b"\"timestamp\":\"2001");
    }
    fn before(entries: &mut Vec<Entry>) {
        let fields = entries[0].1.clone();
        entries.insert(0, ("3-0".to_owned(), fields));
    }
    let cases: [(Edit<'_>, usize, u64, Fault); 6] = [
        (
            &|entries| drop(entries.remove(place(8, 5))),
            4,
            8,
            Fault::Missing,
        ),
        (&|entries| drop(entries.remove(0)), 6, 6, Fault::Missing),
        (
            &|entries| {
                entries.drain(..place(9, 5));
                old(&mut entries[0]);
            },
            4,
            6,
            Fault::Missing,
        ),
        (&|entries| old(&mut entries[1]), 6, 7, Fault::Hash),
        (&before, 1, 3, Fault::Extra),
        (
            &|entries| {
                let fields = entries[0].1.clone();
                entries.push(("13-0".to_owned(), fields));
            },
            1,
            13,
            Fault::Extra,
        ),
    ];
    for (n, (change, kept, sequence, fault)) in cases.into_iter().enumerate() {
        let raw = log(5).await;
        edit(&raw, change).await;
        let store = raw.store().await;
        for _ in 0..2 {
            let done = store.forget_events(at(100), 100).await;
            assert!(!done.expect("it answers").more, "case {n}");
        }
        let rest: usize = raw.ask(&raw.about("XLEN", b"audit")).await;
        assert_eq!(rest, kept, "case {n}");
        let broken = store.verify(None).await.expect("it can be read");
        let broken = broken.expect_err("it was tampered with");
        let found = (broken.sequence, broken.fault);
        assert_eq!(found, (sequence, fault), "case {n}");
    }
}

/// Whoever can write there can also rewrite the whole chain: what was noted elsewhere tells.
#[tokio::test]
async fn a_rewritten_log_is_found_by_a_head_that_was_noted() {
    let raw = log(0).await;
    let store = raw.store().await;
    let noted = store
        .verify(None)
        .await
        .expect("it answers")
        .expect("whole")
        .head;
    let forge = |entries: &mut Vec<Entry>| {
        let mut chain = Anchor::START;
        for (entry, n) in entries.iter_mut().zip(1..) {
            let forged = AuditEvent {
                actor: "nobody".into(),
                ..event(n)
            };
            let line = forged.to_line();
            chain = chain.next(line.as_bytes());
            entry.1[1] = [chain.hash.as_bytes(), line.as_bytes()].concat();
        }
    };
    edit(&raw, &forge).await;
    let last: Vec<Entry> = raw
        .ask(raw.about("XRANGE", b"audit").arg("12").arg("12"))
        .await;
    set_end(&raw, "head", RECORDS, &last[0].1[1][..32]).await;
    let verdict = store.verify(None).await.expect("it can be read");
    verdict.expect("by itself it is whole");
    let verdict = store.verify(Some(noted)).await.expect("it can be read");
    let broken = verdict.expect_err("it was rewritten");
    assert_eq!((broken.sequence, broken.fault), (RECORDS, Fault::Rewritten));
}
