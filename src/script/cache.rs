//! The scripts that the server knows, by the SHA1 of their source: one cache for all workers.
//!
//! Not here: compiled code, which belongs to one worker's Lua state. Invariant: a script that left
//! the cache says so itself ([`Script::is_gone`]), so that no worker runs it by an old copy.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::digest::{SHA_BYTES, sha1_hex};
use super::shebang::{self, ScriptFlags};

/// One script.
#[derive(Debug)]
pub struct Script {
    sha: [u8; SHA_BYTES],
    source: Box<[u8]>,
    code_at: usize,
    flags: ScriptFlags,
    /// SCRIPT LOAD put it here: it stays until SCRIPT FLUSH.
    loaded: AtomicBool,
    gone: AtomicBool,
    used_ns: AtomicU64,
    needs_all: AtomicBool,
}

impl Script {
    /// Reads the shebang of `source`; the script belongs to no cache yet.
    pub(super) fn new(sha: [u8; SHA_BYTES], source: &[u8]) -> Result<Self, String> {
        let (flags, code_at) = shebang::read(source)?;
        Ok(Script {
            sha,
            source: source.into(),
            code_at,
            flags,
            loaded: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            used_ns: AtomicU64::new(0),
            needs_all: AtomicBool::new(false),
        })
    }

    /// The SHA1 of its source, 40 lower-case hexadecimal digits.
    pub fn sha(&self) -> &str {
        std::str::from_utf8(&self.sha).unwrap_or_default()
    }

    pub(super) fn key(&self) -> [u8; SHA_BYTES] {
        self.sha
    }

    /// The flags that its first line declares.
    pub fn flags(&self) -> ScriptFlags {
        self.flags
    }

    /// Its source as it was given.
    pub fn source(&self) -> &[u8] {
        &self.source
    }

    /// What Lua compiles: the source after the shebang's words.
    pub(super) fn code(&self) -> &[u8] {
        self.source.get(self.code_at..).unwrap_or_default()
    }

    /// Whether it was flushed or evicted: EVALSHA no longer finds it.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Notes that no cache knows it.
    pub(super) fn leave(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Whether it once reached a key that it had not declared ([`Script::note_needs_all`]).
    pub fn needs_all(&self) -> bool {
        self.needs_all.load(Ordering::Relaxed)
    }

    /// Remembers that it reaches keys that it does not declare.
    pub fn note_needs_all(&self) {
        self.needs_all.store(true, Ordering::Relaxed);
    }

    pub(super) fn touch(&self, now_ns: u64) {
        self.used_ns.store(now_ns, Ordering::Relaxed);
    }
}

/// How much a cache holds.
#[derive(Clone, Copy, Debug)]
pub struct CacheLimits {
    /// Scripts that only EVAL brought, beyond which the one unused for longest goes (Redis 7.4: 500).
    pub evictable_count: usize,
    /// Source bytes of all scripts. Beyond it those that EVAL brought go, then SCRIPT LOAD is
    /// refused and EVAL runs without being remembered.
    pub source_bytes: usize,
}

impl Default for CacheLimits {
    /// 500 evictable scripts, 16 MiB of source: a hundred times what any known limiter loads.
    fn default() -> Self {
        CacheLimits { evictable_count: 500, source_bytes: 16 << 20 }
    }
}

#[derive(Default)]
struct Known {
    scripts: BTreeMap<[u8; SHA_BYTES], Arc<Script>>,
    source_bytes: usize,
    evictable_count: usize,
    evicted_count: u64,
}

/// The scripts that all workers share.
pub struct ScriptCache {
    limits: CacheLimits,
    known: Mutex<Known>,
}

impl ScriptCache {
    /// An empty cache.
    pub fn new(limits: CacheLimits) -> Self {
        ScriptCache { limits, known: Mutex::default() }
    }

    /// The script of this SHA1: 40 hexadecimal digits in any case.
    pub fn get(&self, sha: &[u8]) -> Option<Arc<Script>> {
        let key = key(sha)?;
        self.known.lock().scripts.get(&key).cloned()
    }

    /// Whether a script of this SHA1 is known (SCRIPT EXISTS).
    pub fn contains(&self, sha: &[u8]) -> bool {
        key(sha).is_some_and(|key| self.known.lock().scripts.contains_key(&key))
    }

    /// Remembers `script`, or gives the one that is there already. With `load` it stays until a
    /// flush.
    ///
    /// # Errors
    /// The bytes of all scripts reach the limit and nothing may go for this one: a text with its
    /// code. The cache is as before but for what was evicted.
    pub(super) fn insert(&self, script: Arc<Script>, load: bool) -> Result<Arc<Script>, String> {
        let mut known = self.known.lock();
        if let Some(there) = known.scripts.get(&script.sha).cloned() {
            if load && !there.loaded.swap(true, Ordering::Relaxed) {
                known.evictable_count = known.evictable_count.saturating_sub(1);
            }
            return Ok(there);
        }
        known.make_room(&self.limits, script.source.len(), load)?;
        script.loaded.store(load, Ordering::Relaxed);
        known.source_bytes = known.source_bytes.saturating_add(script.source.len());
        known.evictable_count += usize::from(!load);
        known.scripts.insert(script.sha, script.clone());
        Ok(script)
    }

    /// Forgets every script (SCRIPT FLUSH).
    pub fn flush(&self) {
        let mut known = self.known.lock();
        for script in std::mem::take(&mut known.scripts).values() {
            script.gone.store(true, Ordering::Release);
        }
        known.source_bytes = 0;
        known.evictable_count = 0;
    }

    /// How many scripts are known (INFO's `number_of_cached_scripts`).
    pub fn count(&self) -> usize {
        self.known.lock().scripts.len()
    }

    /// The bytes of their sources.
    pub fn source_bytes(&self) -> usize {
        self.known.lock().source_bytes
    }

    /// How many scripts had to go for others (INFO's `evicted_scripts`).
    pub fn evicted_count(&self) -> u64 {
        self.known.lock().evicted_count
    }
}

impl Known {
    fn make_room(&mut self, limits: &CacheLimits, bytes: usize, load: bool) -> Result<(), String> {
        let full = |known: &Known| known.source_bytes.saturating_add(bytes) > limits.source_bytes;
        while full(self) || (!load && self.evictable_count >= limits.evictable_count.max(1)) {
            if !self.evict() {
                return Err("ERR too many bytes of scripts are loaded, SCRIPT FLUSH first".into());
            }
        }
        Ok(())
    }

    /// Drops the evictable script unused for longest; false where there is none.
    fn evict(&mut self) -> bool {
        let evictable =
            self.scripts.values().filter(|script| !script.loaded.load(Ordering::Relaxed));
        let oldest = evictable.min_by_key(|script| script.used_ns.load(Ordering::Relaxed));
        let Some(sha) = oldest.map(|script| script.sha) else {
            return false;
        };
        if let Some(script) = self.scripts.remove(&sha) {
            script.gone.store(true, Ordering::Release);
            self.source_bytes = self.source_bytes.saturating_sub(script.source.len());
            self.evictable_count = self.evictable_count.saturating_sub(1);
            self.evicted_count = self.evicted_count.saturating_add(1);
        }
        true
    }
}

/// A SHA1 as it was sent, in lower case; nothing where its length is wrong.
pub(super) fn key(sha: &[u8]) -> Option<[u8; SHA_BYTES]> {
    let mut key = <[u8; SHA_BYTES]>::try_from(sha).ok()?;
    key.make_ascii_lowercase();
    Some(key)
}

/// The key under which `source` is known.
pub(super) fn key_of(source: &[u8]) -> [u8; SHA_BYTES] {
    sha1_hex(source)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(evictable_count: usize, source_bytes: usize) -> ScriptCache {
        ScriptCache::new(CacheLimits { evictable_count, source_bytes })
    }

    fn put(cache: &ScriptCache, source: &str, load: bool) -> Result<Arc<Script>, String> {
        let script = Script::new(key_of(source.as_bytes()), source.as_bytes()).unwrap();
        cache.insert(Arc::new(script), load)
    }

    #[test]
    fn a_script_is_found_by_its_sha_in_any_case() {
        let cache = cache(10, 1000);
        let script = put(&cache, "return 1", false).unwrap();
        assert_eq!(script.sha(), "e0e1f9fabfc9d4800c877a703b823ac0578ff8db");
        assert!(cache.get(script.sha().to_uppercase().as_bytes()).is_some());
        assert!(cache.contains(script.sha().as_bytes()) && !cache.contains(b"e0"));
    }

    #[test]
    fn the_script_unused_for_longest_goes_and_knows_it() {
        let cache = cache(2, 1000);
        let first = put(&cache, "return 1", false).unwrap();
        let second = put(&cache, "return 2", false).unwrap();
        first.touch(2);
        second.touch(1);
        put(&cache, "return 3", false).unwrap();
        assert!(second.is_gone() && !first.is_gone());
        assert_eq!((cache.count(), cache.evicted_count()), (2, 1));
    }

    #[test]
    fn a_loaded_script_stays_until_a_flush() {
        let cache = cache(1, 1000);
        let loaded = put(&cache, "return 1", false).unwrap();
        put(&cache, "return 1", true).unwrap();
        put(&cache, "return 2", false).unwrap();
        put(&cache, "return 3", false).unwrap();
        assert!(!loaded.is_gone());
        assert_eq!(cache.count(), 2);
        cache.flush();
        assert!(loaded.is_gone());
        assert_eq!((cache.count(), cache.source_bytes()), (0, 0));
    }

    #[test]
    fn bytes_beyond_the_limit_are_refused_with_a_reason() {
        let cache = cache(10, 20);
        put(&cache, "return 1", true).unwrap();
        put(&cache, "return 2", false).unwrap();
        put(&cache, "return 3", true).unwrap();
        let error = put(&cache, "return 44", true).unwrap_err();
        assert!(error.starts_with("ERR too many bytes of scripts"), "{error}");
        assert_eq!((cache.count(), cache.evicted_count()), (2, 1));
    }
}
