//! What the store's threads share: atomics, locks, and the cell in which a view is swapped.
//!
//! Everything in the store takes them from here, so that the model (`store/model.rs`, built with
//! `--cfg shuttle`) can run the same code under a scheduler that chooses every interleaving. Not
//! here: memory orderings; the model takes each as the strongest, so they are argued where they
//! stand. Invariant: in a normal build these are the originals under another path.

use std::sync::Arc;

#[cfg(shuttle)]
pub(super) use self::modelled::*;
#[cfg(not(shuttle))]
pub(super) use self::original::*;

#[cfg(not(shuttle))]
mod original {
    use zerocopy::FromZeros;

    use super::Arc;

    pub(in super::super) use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize};

    pub(in super::super) use arc_swap::ArcSwapOption as Swapped;
    pub(in super::super) use parking_lot::{Mutex, MutexGuard, RwLock};

    /// What a [`Swapped`] held when it was looked at.
    pub(in super::super) type Held<T> = arc_swap::Guard<Option<Arc<T>>>;

    /// Zeroed words; `None` where the system has no memory.
    pub(in super::super) fn zeroed_words(words: usize) -> Option<Box<[AtomicU64]>> {
        <[AtomicU64]>::new_box_zeroed_with_elems(words).ok()
    }
}

#[cfg(shuttle)]
mod modelled {
    use super::Arc;

    pub(in super::super) use shuttle::sync::MutexGuard;
    pub(in super::super) use shuttle::sync::atomic::{
        AtomicBool, AtomicU32, AtomicU64, AtomicUsize,
    };
    use shuttle::sync::{RwLockReadGuard, RwLockWriteGuard};

    const POISONED: &str = "a panic ends the run of the model";

    #[derive(Debug, Default)]
    pub struct Mutex<T>(shuttle::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(in super::super) fn new(value: T) -> Mutex<T> {
            Mutex(shuttle::sync::Mutex::new(value))
        }

        pub(in super::super) fn lock(&self) -> MutexGuard<'_, T> {
            self.0.lock().expect(POISONED)
        }

        pub(in super::super) fn get_mut(&mut self) -> &mut T {
            self.0.get_mut().expect(POISONED)
        }
    }

    #[derive(Debug, Default)]
    pub(in super::super) struct RwLock<T>(shuttle::sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(in super::super) fn read(&self) -> RwLockReadGuard<'_, T> {
            self.0.read().expect(POISONED)
        }

        pub(in super::super) fn write(&self) -> RwLockWriteGuard<'_, T> {
            self.0.write().expect(POISONED)
        }
    }

    pub(in super::super) type Held<T> = Option<Arc<T>>;

    #[derive(Debug)]
    pub(in super::super) struct Swapped<T>(Mutex<Option<Arc<T>>>);

    impl<T> Swapped<T> {
        pub(in super::super) fn from_pointee(value: T) -> Swapped<T> {
            Swapped(Mutex::new(Some(Arc::new(value))))
        }

        pub(in super::super) fn load(&self) -> Held<T> {
            self.0.lock().clone()
        }

        pub(in super::super) fn load_full(&self) -> Option<Arc<T>> {
            self.load()
        }

        pub(in super::super) fn swap(&self, new: Option<Arc<T>>) -> Option<Arc<T>> {
            std::mem::replace(&mut *self.0.lock(), new)
        }

        /// In steps as the original: others may swap between the look and the change.
        pub(in super::super) fn rcu(&self, change: impl Fn(&Option<Arc<T>>) -> Option<Arc<T>>) {
            loop {
                let seen = self.load();
                let new = change(&seen);
                let mut held = self.0.lock();
                if held.as_ref().map(Arc::as_ptr) == seen.as_ref().map(Arc::as_ptr) {
                    *held = new;
                    return;
                }
            }
        }
    }

    pub(in super::super) fn zeroed_words(words: usize) -> Option<Box<[AtomicU64]>> {
        Some((0..words).map(|_| AtomicU64::new(0)).collect())
    }
}
