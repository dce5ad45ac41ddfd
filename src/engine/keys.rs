//! A key as Redis's generic commands see it: any name that has a live counter or a keyspace value.
//!
//! A scan goes through the keyspace first, then table by table; its cursor is a table id (0 = the
//! keyspace) above a place in it. Where a key's scales are not known, `series` is every live one
//! ([`Engine::series`]). Invariant: a key that exists throughout a scan is returned at
//! least once.

use super::Engine;
use super::count::count_of;
use crate::store::{Held, Reader, Series, Value, Whole};

/// Bytes of key names after which a page ends, whatever count was asked for.
const PAGE_BYTES_MAX: usize = 64 * 1024;
/// Bits of a place within a table; the table id is above them.
const PLACE_BITS: u32 = 32;

/// One step of a scan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScanPage {
    /// Where to go on; 0 = the scan is complete.
    pub cursor: u64,
    /// Names, sorted; one with several counters may come again in a later page, as in Redis.
    pub keys: Vec<Vec<u8>>,
}

/// Looks (keys times live series) that one command may ask for: about 0.1 s of work that nobody else
/// on the thread gets a turn in.
pub const LOOKS_MAX: usize = 1 << 20;

impl Engine {
    /// When the last of the key's live counters ends, ms since the epoch; `None` if it has none.
    pub fn counted_until_ms(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        key: &[u8],
        series: &[Series],
    ) -> Option<u64> {
        let ends = series.iter().map(|series| self.expires_at_ms(reader, now_ms, key, *series));
        ends.max().filter(|end_ms| *end_ms > 0)
    }

    /// True if the key has a live counter.
    pub fn is_counted(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        key: &[u8],
        series: &[Series],
    ) -> bool {
        series.iter().any(|series| {
            self.live_windows(now_ms, key, *series).any(|name| count_of(reader, &name) > 0)
        })
    }

    /// Forgets the key's value and all its counters; true if it existed.
    pub fn delete(&self, reader: &mut Reader<'_>, held: &mut Held<'_>, key: &[u8]) -> bool {
        let value = held.remove(key);
        let counters = self.reset_all(reader, held.now_ms(), key);
        if counters > 0 {
            held.note_lasting();
        }
        counters > 0 || value
    }

    /// The series that have counters, in the order of their buckets at `now_ms`: whoever looks a key
    /// up in all of them then finds each bucket once.
    pub fn series(&self, now_ms: u64) -> Vec<Series> {
        let mut all = self.windows.supply().registry.all();
        all.sort_by_cached_key(|series| series.bucket_ms(series.window(now_ms)));
        all
    }

    /// Live counters plus keyspace keys.
    pub fn key_count(&self, now_ms: u64) -> u64 {
        self.windows.live(now_ms) + self.keyspace.len()
    }

    /// Bytes that the key's counters take.
    pub fn counted_bytes(
        &self,
        reader: &mut Reader<'_>,
        now_ms: u64,
        key: &[u8],
        series: &[Series],
    ) -> u64 {
        let counters = series
            .iter()
            .flat_map(|series| self.live_windows(now_ms, key, *series))
            .filter(|name| count_of(reader, name) > 0)
            .count();
        counters as u64 * crate::store::counter_bytes(key.len())
    }

    /// The next page of a scan that asks for about `count` names.
    pub fn scan(
        &self,
        now_ms: u64,
        whole: &mut Whole<'_, '_>,
        cursor: u64,
        count: usize,
    ) -> ScanPage {
        self.scan_names(now_ms, whole, cursor, count, Names::All)
    }

    /// The next page of a scan for some names only.
    pub fn scan_names(
        &self,
        now_ms: u64,
        whole: &mut Whole<'_, '_>,
        cursor: u64,
        count: usize,
        names: Names,
    ) -> ScanPage {
        let mut page = Page { keys: Vec::new(), bytes: 0, count: count.max(1) };
        let (mut id, mut place) = (cursor >> PLACE_BITS, cursor & ((1 << PLACE_BITS) - 1));
        if id == 0 {
            let visit = |key: &[u8], value: &Value| {
                if names.takes(value) {
                    page.take(key.to_vec());
                }
                page.bytes < PAGE_BYTES_MAX
            };
            if let Some(next) = whole.walk(place, count, visit) {
                return page.ending_at(0, next);
            }
            (id, place) = (1, 0);
        }
        if !names.takes_counters() {
            return page.ending_at(0, 0);
        }
        for view in self.windows.views_from(u32::try_from(id).unwrap_or(u32::MAX)) {
            let Some(view) = view.as_deref() else { continue };
            let table = view.table();
            // The table named by the cursor may have ended: begin the next one from its start.
            let mut from = if u64::from(table.id) == id { place } else { 0 };
            loop {
                if page.is_full() {
                    return page.ending_at(u64::from(table.id), from);
                }
                let next = view.walk(from, page.rest(), |entry| {
                    let series = entry.series();
                    if series.is_some_and(|s| s.expires_in_bucket_ms(table.end_ms) > now_ms) {
                        let mut key = Vec::new();
                        entry.key_into(&mut key);
                        page.take(key);
                    }
                });
                match next {
                    Some(next) => from = next,
                    None => break,
                }
            }
        }
        page.ending_at(0, 0)
    }
}

/// Which names a scan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// All.
    All,
    /// Those of keyspace values.
    Values,
    /// Those of strings.
    Strings,
    /// Those of lists.
    Lists,
    /// Those of hashes.
    Hashes,
    /// Those of sorted sets.
    SortedSets,
    /// Those of GCRA cells and of window counters.
    Limits,
    /// Those of window counters.
    Counters,
    /// None.
    None,
}

impl Names {
    fn takes(self, value: &Value) -> bool {
        match self {
            Names::All | Names::Values => true,
            Names::Strings => matches!(value, Value::Counter(_) | Value::Text(_)),
            Names::Lists => matches!(value, Value::List(_)),
            Names::Hashes => matches!(value, Value::Hash(_)),
            Names::SortedSets => matches!(value, Value::Sorted(_)),
            Names::Limits => matches!(value, Value::Cell { .. }),
            Names::Counters | Names::None => false,
        }
    }

    fn takes_counters(self) -> bool {
        matches!(self, Names::All | Names::Limits | Names::Counters)
    }
}

/// A page being filled.
struct Page {
    keys: Vec<Vec<u8>>,
    bytes: usize,
    count: usize,
}

impl Page {
    fn take(&mut self, key: Vec<u8>) {
        self.bytes += key.len();
        self.keys.push(key);
    }

    fn is_full(&self) -> bool {
        self.keys.len() >= self.count || self.bytes >= PAGE_BYTES_MAX
    }

    /// Names still wanted, in steps whose bytes stay within bounds.
    fn rest(&self) -> usize {
        self.count.saturating_sub(self.keys.len()).clamp(1, 256)
    }

    fn ending_at(mut self, id: u64, place: u64) -> ScanPage {
        self.keys.sort_unstable();
        self.keys.dedup();
        ScanPage { cursor: id << PLACE_BITS | place, keys: self.keys }
    }
}
