//! The graveyard: tables that nobody can reach any more, on their way back to the system.
//!
//! Freeing ten million entries at once stalls other threads' inserts by tens of milliseconds
//! (munmap against page faults), so it goes in steps of about [`STEP_BYTES`], off the request path.
//! Not here: when a table is dropped. Invariant: a table is taken apart only when no reader holds a
//! view of it; what it was charged for is released when it is gone.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::pool::CHUNK_WORDS;
use super::sync::{AtomicU64, Mutex};
use super::table::{Supply, Table, View};

/// Bytes after which a step ends: one full chunk.
const STEP_BYTES: u64 = 8 * CHUNK_WORDS as u64;
/// What each piece adds to a step beside its bytes, so that a step of many small ones ends too.
const PIECE_BYTES: u64 = 512;

#[derive(Debug)]
enum Grave {
    /// Readers may still hold the view.
    Popped(Arc<View>),
    /// Slots are being freed.
    Slots(Box<View>),
    /// Chunks are being freed, once no reader holds an older view.
    Chunks(Arc<Table>),
}

/// What one piece of work on a grave came to.
enum Dug {
    /// So many bytes are free; this is left.
    Part(Grave, u64),
    /// A reader still holds it.
    Held(Grave),
    /// So many bytes are free, and nothing is left.
    Gone(u64),
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Graveyard {
    graves: Mutex<Vec<Grave>>,
    /// Bytes of the tables here.
    bytes: AtomicU64,
}

impl Graveyard {
    /// Takes a table that has been dropped.
    pub(super) fn bury(&self, view: Arc<View>) {
        self.bytes.fetch_add(view.table().held_bytes(), Relaxed);
        self.graves.lock().push(Grave::Popped(view));
    }

    /// Frees one step; true while there is more that can be freed.
    pub(super) fn dig(&self, supply: &Supply) -> bool {
        let mut freed = 0;
        let mut held = Vec::new();
        while freed < STEP_BYTES {
            let Some(grave) = self.graves.lock().pop() else { break };
            let bytes = match grave.dig(supply) {
                Dug::Part(rest, bytes) => {
                    self.graves.lock().push(rest);
                    bytes
                }
                Dug::Held(grave) => {
                    held.push(grave);
                    0
                }
                Dug::Gone(bytes) => bytes,
            };
            // Saturating: a reader's late insert may have grown a table after it was weighed.
            let _ =
                self.bytes.fetch_update(Relaxed, Relaxed, |held| Some(held.saturating_sub(bytes)));
            freed += bytes + PIECE_BYTES;
        }
        self.graves.lock().splice(0..0, held);
        freed >= STEP_BYTES
    }

    /// Tables here.
    pub(super) fn len(&self) -> usize {
        self.graves.lock().len()
    }

    /// Bytes of the tables here.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }
}

impl Grave {
    fn dig(self, supply: &Supply) -> Dug {
        match self {
            // The bucket is gone, so only readers that had it before can hold it, and none is added.
            Grave::Popped(view) => match Arc::try_unwrap(view) {
                Ok(view) => Dug::Part(Grave::Slots(Box::new(view)), 0),
                Err(view) => Dug::Held(Grave::Popped(view)),
            },
            Grave::Slots(mut view) => match view.free_slots() {
                Some(bytes) => Dug::Part(Grave::Slots(view), bytes),
                None => Dug::Part(Grave::Chunks(view.into_table()), 0),
            },
            Grave::Chunks(mut table) => match Arc::get_mut(&mut table) {
                Some(free) => match free.free_chunk(supply) {
                    Some(bytes) => Dug::Part(Grave::Chunks(table), bytes),
                    None => Dug::Gone(free.release(supply)),
                },
                None => Dug::Held(Grave::Chunks(table)),
            },
        }
    }
}
