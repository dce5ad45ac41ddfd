//! What a shard of a table keeps beside its slots, under its lock.
//!
//! An override is what an entry's two words cannot say: that counts were given back, or that the
//! counter was set or forgotten (a stamp: later ones win over counts made under earlier ones).
//! Invariant: an entry without the override flag has a count above 0 and is in the census.

use std::collections::HashMap;

use super::account::Account;
use super::census::Census;
use super::ledger::{Ledger, SLOT_BYTES};

/// What an override takes: its place in the map at the average fill.
const OVERRIDE_BYTES: u64 = 64;

/// Boxed where it is used: it is rare, and a shard is one of 256 in a table.
type Overrides = HashMap<u32, Override>;

/// One shard's bookkeeping.
#[derive(Debug, Default)]
pub struct Shard {
    /// Entries, live or not.
    pub used: usize,
    /// Bytes of its slot array.
    pub slots_bytes: u64,
    /// Offsets of the entries changed since the last drain.
    pub changed: Vec<u32>,
    /// Live counters by series.
    pub census: Census,
    /// Offsets of changed entries that are near a limit: to be told first.
    pub urgent: Vec<u32>,
    /// What other origins said; empty on a node that is alone.
    pub(super) ledger: Option<Box<Ledger>>,
    /// By entry offset; most shards have none.
    pub overrides: Option<Box<Overrides>>,
}

/// What was done to a counter beside counting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Override {
    /// Stamp of the last SET or RESET (ms << 16 | random), 0 = none.
    pub stamp: u64,
    /// Given back under this stamp by this node; only rises.
    pub refunded: u64,
    /// Given back under this stamp by others.
    pub foreign_refunded: u64,
    /// The census counts the entry as live.
    pub counted: bool,
}

impl Shard {
    /// The override of the entry at `offset`, if any.
    pub fn override_of(&self, offset: u32) -> Option<Override> {
        self.overrides.as_ref()?.get(&offset).copied()
    }

    /// Bytes that its slot array, overrides and ledger are charged for.
    pub fn held_bytes(&self) -> u64 {
        let overrides = self.overrides.as_ref().map_or(0, |overrides| overrides.len() as u64);
        let told = self.ledger.as_ref().map_or(0, |ledger| ledger.len() as u64);
        self.slots_bytes + overrides * OVERRIDE_BYTES + told * SLOT_BYTES
    }

    /// The override of the entry at `offset`, made (and charged, whatever the limit: giving back and
    /// forgetting must not fail for want of memory) if there is none.
    pub fn override_mut(&mut self, offset: u32, account: &Account) -> &mut Override {
        self.overrides.get_or_insert_default().entry(offset).or_insert_with(|| {
            account.charge_anyway(OVERRIDE_BYTES);
            Override { counted: true, ..Override::default() }
        })
    }
}
