use proptest::prelude::*;
use session_core::{Cursor, Page, PageRequest, SessionId};

use crate::sample::at;

proptest! {
    #[test]
    fn pages_cover_a_list_once_and_in_order(count in 0..50_u8, limit in 1..20_usize) {
        let all: Vec<_> = (0..count).map(|n| SessionId::at(at(i64::from(n)), [0; 10])).collect();
        let mut seen = Vec::new();
        let mut after: Option<Cursor> = None;
        loop {
            let rest = all.iter().copied().filter(|id| after.is_none_or(|cursor| *id > cursor.0));
            let page = Page::cut(rest.take(limit + 1).collect(), limit, |id| *id);
            prop_assert!(page.items.len() <= limit);
            prop_assert_eq!(page.next.is_some(), seen.len() + page.items.len() < all.len());
            seen.extend(page.items);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        prop_assert_eq!(seen, all);
    }

    #[test]
    fn a_page_has_from_one_to_a_thousand_entries(limit in any::<usize>()) {
        let is_fine = (1..=1000).contains(&limit);
        prop_assert_eq!(PageRequest::<SessionId>::new(Some(limit), None).is_ok(), is_fine);
    }
}

#[test]
fn a_page_has_a_hundred_entries_unless_said_otherwise() {
    assert_eq!(
        PageRequest::<SessionId>::new(None, None)
            .expect("the default")
            .limit(),
        100
    );
    for (limit, is_fine) in [(0, false), (1, true), (1000, true), (1001, false)] {
        assert_eq!(
            PageRequest::<SessionId>::new(Some(limit), None).is_ok(),
            is_fine,
            "{limit}"
        );
    }
    assert!("not a cursor".parse::<Cursor>().is_err());
}

proptest! {
    #[test]
    fn a_cursor_is_the_handle_of_the_last_entry(tail: [u8; 10], count in 2..20_usize) {
        let id = SessionId::at(at(0), tail);
        let page = Page::cut(vec![id; count], count - 1, |id| *id);
        prop_assert_eq!(page.items.len(), count - 1);
        prop_assert_eq!(page.next, Some(Cursor(id)));
        prop_assert_eq!(id.to_string().parse::<Cursor>(), Ok(Cursor(id)));
    }

    #[test]
    fn a_full_page_without_a_spare_entry_is_the_last(limit in 1..20_usize) {
        let id = SessionId::at(at(0), [0; 10]);
        let page = Page::cut(vec![id; limit], limit, |id| *id);
        prop_assert_eq!((page.items.len(), page.next), (limit, None));
    }

    /// Requirement 3: a cursor is untrusted like any id.
    #[test]
    fn no_text_is_a_cursor_but_an_id(text in ".{0,40}") {
        let is_id = text.parse::<SessionId>().is_ok();
        match text.parse::<Cursor>() {
            Ok(_) => prop_assert!(is_id),
            Err(error) => prop_assert!(!is_id && error.field() == "cursor"),
        }
    }
}

#[test]
fn an_empty_list_is_one_empty_page() {
    let page = Page::cut(Vec::<SessionId>::new(), 1, |id| *id);
    assert_eq!((page.items.len(), page.next), (0, None));
}

#[test]
fn a_request_keeps_what_was_asked_for() {
    let cursor = Cursor(SessionId::at(at(0), [0; 10]));
    let request = PageRequest::new(Some(7), Some(cursor)).expect("in bounds");
    assert_eq!((request.limit(), request.after()), (7, Some(cursor)));
    let default = PageRequest::<SessionId>::default();
    assert_eq!(PageRequest::<SessionId>::new(None, None), Ok(default));
    assert_eq!((default.limit(), default.after()), (100, None));
    let error = PageRequest::<SessionId>::new(Some(0), None).expect_err("none at all");
    assert_eq!(
        (error.field(), error.to_string().as_str()),
        ("limit", "`limit` must be from 1 to 1000")
    );
}
