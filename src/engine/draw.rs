//! A key drawn at random, for RANDOMKEY.
//!
//! Not here: fairness to the last key; a table is entered at a random place and its next live key
//! taken. Invariant: where any key exists, one is drawn.

use super::Engine;
use super::keys::Names;
use crate::store::Whole;

/// Names looked at in one step from the random place on.
const STEP: usize = 16;

impl Engine {
    /// A key that exists, `None` if none does.
    pub fn random_key(&self, now_ms: u64, whole: &mut Whole<'_, '_>) -> Option<Vec<u8>> {
        let random = whole.draw();
        let values = self.keyspace.len();
        let all = values.saturating_add(self.windows.live(now_ms)).max(1);
        let tables = if random % all < values {
            [Names::Values, Names::Counters]
        } else {
            [Names::Counters, Names::Values]
        };
        tables.into_iter().find_map(|names| {
            let place = self.random_place(names, random >> 32);
            [place, 0]
                .into_iter()
                .find_map(|from| self.first_from(now_ms, whole, from, names, random))
        })
    }

    /// A scan's cursor in the middle of the keyspace or of a window's table.
    fn random_place(&self, names: Names, random: u64) -> u64 {
        if names == Names::Values {
            return random >> 1;
        }
        let views = self.windows.views_from(0);
        let at = usize::try_from(random).unwrap_or(0) % views.len().max(1);
        let id = views.get(at).and_then(|view| view.as_deref().map(|view| view.table().id));
        // Eight bits of a shard above a place in it.
        u64::from(id.unwrap_or(0)) << 32 | (random & 0xFF) << 24
    }

    fn first_from(
        &self,
        now_ms: u64,
        whole: &mut Whole<'_, '_>,
        mut cursor: u64,
        names: Names,
        random: u64,
    ) -> Option<Vec<u8>> {
        loop {
            let page = self.scan_names(now_ms, whole, cursor, STEP, names);
            let found = u64::try_from(page.keys.len()).unwrap_or(0);
            if let Some(at) = random.checked_rem(found) {
                return page.keys.into_iter().nth(usize::try_from(at).unwrap_or(0));
            }
            cursor = page.cursor;
            if cursor == 0 {
                return None;
            }
        }
    }
}
