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
        prop_assert_eq!(PageRequest::new(Some(limit), None).is_ok(), is_fine);
    }
}

#[test]
fn a_page_has_a_hundred_entries_unless_said_otherwise() {
    assert_eq!(
        PageRequest::new(None, None).expect("the default").limit(),
        100
    );
    for (limit, is_fine) in [(0, false), (1, true), (1000, true), (1001, false)] {
        assert_eq!(
            PageRequest::new(Some(limit), None).is_ok(),
            is_fine,
            "{limit}"
        );
    }
    assert!("not a cursor".parse::<Cursor>().is_err());
}
