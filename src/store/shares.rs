//! A counter of the keyspace that several nodes write: what each origin has added to it.
//!
//! ```text
//! share    what one origin added since its birth: up, down, and when that ends
//! erased   stamp of the last SET or DEL over what existed: shares born up to it are void
//! ended    the same for shares that had ended when the key was created anew
//! moved    the last EXPIRE or PERSIST: it gives shares that were alive then another end
//! ```
//! The count is the sum over the shares that are alive, so nodes that create one key at the same
//! time add up instead of one erasing the other; each share ends at its own deadline. What is seen
//! is a function of these alone, and each of them merges by maximum (a share has one writer), so that repetition, loss and order change nothing. Not here: where records lie,
//! clocks, what a command means. Invariant: under one birth `up` and `down` only rise.

use super::origins::Origin;
use super::share::{LATE_MS, Moved, NEVER_MS, Share, ShareSaid, TOMBSTONE_MS};

/// The sum would not fit into 64 bits with a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountOverflow;

/// What a merge changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SharesMerged {
    /// Something is new.
    pub news: bool,
    /// This node's own share is another than it was: it must be told again.
    pub own: bool,
}

/// The end of a share with the stamp of what said so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct End {
    until_ms: u64,
    stamp: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Held {
    share: Share,
    /// The origin's datagram that last carried it; 0: none yet.
    version: u64,
}

/// The shares of one key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shares {
    own: Option<Held>,
    others: Vec<(Origin, Held)>,
    erased: u64,
    ended: u64,
    moved: Moved,
}

impl Shares {
    fn all(&self) -> impl Iterator<Item = &Share> {
        let own = self.own.iter().map(|held| &held.share);
        own.chain(self.others.iter().map(|(_, held)| &held.share))
    }

    /// Shares born up to this stamp are void.
    fn void(&self) -> u64 {
        self.erased.max(self.ended)
    }

    /// The end that was said of a share, or else given to it.
    fn end(&self, share: &Share) -> End {
        if self.moved.stamp > self.void() && self.moved.moves(share) {
            return End { until_ms: self.moved.until_ms, stamp: self.moved.stamp };
        }
        End { until_ms: share.until_ms, stamp: share.until_stamp }
    }

    fn is_alive(&self, now_ms: u64, share: &Share) -> bool {
        share.holds && share.birth > self.void() && self.end(share).until_ms > now_ms
    }

    fn alive(&self, now_ms: u64) -> impl Iterator<Item = &Share> {
        self.all().filter(move |share| self.is_alive(now_ms, share))
    }

    /// The count, if the key exists. Beyond 64 bits (nodes that counted apart) it is the bound.
    pub fn count(&self, now_ms: u64) -> Option<i64> {
        let mut alive = self.alive(now_ms).peekable();
        alive.peek()?;
        let sum = alive.fold(0_i128, |sum, share| sum.saturating_add(share.net()));
        Some(i64::try_from(sum).unwrap_or(if sum > 0 { i64::MAX } else { i64::MIN }))
    }

    /// When the key ends, ms since the epoch, or [`NEVER_MS`]: with its last share.
    pub fn deadline_ms(&self, now_ms: u64) -> u64 {
        self.last_end(now_ms).map_or(NEVER_MS, |end| end.until_ms)
    }

    fn last_end(&self, now_ms: u64) -> Option<End> {
        self.alive(now_ms).map(|share| self.end(share)).max()
    }

    /// When nothing of this record matters any more, ms since the epoch.
    pub fn ends_ms(&self) -> u64 {
        let ends = self.all().filter(|share| share.holds && share.birth > self.void());
        let last = ends.map(|share| self.end(share).until_ms).max().unwrap_or(0);
        // Shares that it moves may still be on their way.
        let is_end = self.moved.stamp > self.void() && self.moved.until_ms != NEVER_MS;
        let last = if is_end { last.max(self.moved.until_ms) } else { last };
        let erased_ms = if self.erased > 0 { (self.erased >> 16) + TOMBSTONE_MS } else { 0 };
        last.saturating_add(LATE_MS).max(erased_ms)
    }

    /// A stamp above all that this record has seen, so that what is done now wins over it.
    fn above_all(&self, stamp: u64) -> u64 {
        let seen = self.all().map(|share| share.birth.max(share.until_stamp)).max().unwrap_or(0);
        stamp.max(seen.max(self.void()).max(self.moved.stamp).saturating_add(1))
    }

    /// Begins a share of this node, without counts.
    fn begin(&mut self, now_ms: u64, stamp: u64, holds: bool) -> &mut Share {
        let birth = self.above_all(stamp);
        // A key that lives has its deadline for what is added to it, too.
        let nothing = End { until_ms: NEVER_MS, stamp: 0 };
        let End { until_ms, stamp } = self.last_end(now_ms).unwrap_or(nothing);
        let born_ms = now_ms;
        let share = Share { birth, born_ms, up: 0, down: 0, holds, until_ms, until_stamp: stamp };
        let version = self.own.map_or(0, |own| own.version);
        &mut self.own.insert(Held { share, version }).share
    }

    /// Begins a share of this node by which the key exists.
    fn create(&mut self, now_ms: u64, stamp: u64) -> &mut Share {
        if self.count(now_ms).is_none() {
            // Whatever is yet to be heard of their deadlines.
            let births = self.all().filter(|share| share.holds).map(|share| share.birth);
            self.ended = self.ended.max(births.max().unwrap_or(0));
            self.follow();
        }
        self.begin(now_ms, stamp, true)
    }

    /// Adds `delta`, creating the key if it does not exist; returns the count.
    ///
    /// # Errors
    /// [`CountOverflow`]; nothing is changed.
    pub fn add(&mut self, now_ms: u64, stamp: u64, delta: i64) -> Result<i64, CountOverflow> {
        let count = self.count(now_ms).unwrap_or(0).checked_add(delta).ok_or(CountOverflow)?;
        let goes_on = self.own.is_some_and(|own| self.is_alive(now_ms, &own.share));
        let rebirth = self.above_all(stamp);
        let own = match self.own.as_mut().filter(|_| goes_on) {
            Some(own) => own,
            None => {
                self.create(now_ms, stamp);
                return self.add(now_ms, stamp, delta);
            }
        };
        let share = &mut own.share;
        let (up, down) = Share::sides(delta);
        if share.up.checked_add(up).is_none() || share.down.checked_add(down).is_none() {
            // A side is full: the difference goes on as a later birth.
            let net = i64::try_from(share.net()).map_err(|_| CountOverflow)?;
            (share.up, share.down) = Share::sides(net);
            share.birth = rebirth;
        }
        share.up = share.up.saturating_add(up);
        share.down = share.down.saturating_add(down);
        // Beyond 64 bits the count before was a bound, and this is no sum with it.
        Ok(self.count(now_ms).unwrap_or(count))
    }

    /// Makes the count `value` and the deadline `until_ms`. Over a key that exists this is an
    /// erasure, which voids what others have added; otherwise it adds up with theirs.
    pub fn set(&mut self, now_ms: u64, stamp: u64, value: i64, until_ms: u64) {
        if self.count(now_ms).is_some() {
            self.erase(now_ms, stamp);
        }
        let share = self.create(now_ms, stamp);
        (share.up, share.down) = Share::sides(value);
        (share.until_ms, share.until_stamp) = (until_ms, share.birth);
    }

    /// Gives a key that exists another deadline, which must be after `now_ms`.
    pub fn set_deadline(&mut self, now_ms: u64, stamp: u64, until_ms: u64) {
        let Some(count) = self.count(now_ms) else { return };
        let stamp = self.above_all(stamp);
        let is_in_a_row = self.moved.stamp > self.void() && self.moved.until_ms > now_ms;
        let (first_stamp, first_ms) = match is_in_a_row {
            true => (self.moved.first_stamp, self.moved.first_ms),
            false => (stamp, now_ms),
        };
        let has_own = self.own.is_some_and(|own| self.is_alive(now_ms, &own.share));
        self.moved = Moved { stamp, until_ms, at_ms: now_ms, first_stamp, first_ms };
        if self.count(now_ms) != Some(count) {
            // Without the deadline before this one some would be alive again, or no longer: one share
            // takes the place of all.
            self.ended = self.above_all(stamp);
            self.follow();
            let share = self.begin(now_ms, stamp, true);
            (share.up, share.down) = Share::sides(count);
            (share.until_ms, share.until_stamp) = (until_ms, share.birth);
        } else if !has_own {
            // Somebody must tell of it.
            let teller = self.begin(now_ms, stamp, false);
            (teller.until_ms, teller.until_stamp) = (NEVER_MS, stamp);
        }
        self.follow();
    }

    /// Ends the key, here and wherever it is known.
    pub fn erase(&mut self, now_ms: u64, stamp: u64) {
        self.erased = self.above_all(stamp);
        self.follow();
        self.begin(now_ms, stamp, false);
    }

    /// Drops void shares and writes down the end that this node's own was given; true if that
    /// changed it.
    fn follow(&mut self) -> bool {
        let void = self.void();
        self.others.retain(|(_, held)| held.share.birth > void);
        let Some(own) = self.own else { return false };
        if own.share.birth <= void {
            // What it told besides must be told further.
            let birth = self.above_all(0);
            let (until_ms, until_stamp) = (NEVER_MS, self.moved.stamp);
            let share =
                Share { birth, up: 0, down: 0, holds: false, until_ms, until_stamp, ..own.share };
            self.own = Some(Held { share, ..own });
            return true;
        }
        let End { until_ms, stamp } = self.end(&own.share);
        if stamp == own.share.until_stamp {
            return false;
        }
        let share = Share { until_ms, until_stamp: stamp, ..own.share };
        self.own = Some(Held { share, ..own });
        true
    }

    /// Takes what an origin says in its datagram `version`.
    pub fn merge(&mut self, origin: Origin, said: &ShareSaid, version: u64) -> SharesMerged {
        let void = self.void();
        self.erased = self.erased.max(said.erased);
        self.ended = self.ended.max(said.ended);
        let mut news = self.void() > void || said.moved > self.moved;
        self.moved = self.moved.max(said.moved);
        if said.share.birth > self.void() {
            news |= self.take(origin, said.share, version);
        }
        let own = self.follow();
        SharesMerged { news: news || own, own }
    }

    /// Ends for good what had ended here when somebody whose clock is `behind_ms` behind moved its
    /// end without knowing; true if there was such. To be asked before `said` is merged.
    ///
    /// Here the end was seen already: a merge alone would bring back what was counted until then.
    pub fn keep_ended(
        &mut self,
        now_ms: u64,
        stamp: u64,
        said: &ShareSaid,
        behind_ms: u64,
    ) -> bool {
        let moved = said.moved;
        let moved_ms = moved.at_ms.saturating_add(behind_ms);
        let void = self.void().max(said.erased).max(said.ended);
        let is_revived = |share: &Share| {
            let until_ms = self.end(share).until_ms;
            let had_ended = moved.at_ms < until_ms && until_ms <= moved_ms;
            share.holds && share.birth > void && had_ended && moved.moves(share)
        };
        let is_news = moved > self.moved && self.count(moved_ms).is_none();
        if !is_news || !self.all().any(is_revived) {
            return false;
        }
        let births = self.all().filter(|share| share.holds).map(|share| share.birth);
        self.ended = births.fold(self.ended.max(moved.stamp), u64::max);
        self.follow();
        // Somebody must tell of it.
        self.begin(now_ms, stamp, false);
        true
    }

    /// Joins what is held of an origin with its share; true if that changed it.
    fn take(&mut self, origin: Origin, share: Share, version: u64) -> bool {
        let known = self.others.iter_mut().find(|(known, _)| *known == origin);
        let Some((_, held)) = known else {
            self.others.push((origin, Held { share, version }));
            return true;
        };
        let joined = held.share.join(share);
        held.version = held.version.max(version);
        std::mem::replace(&mut held.share, joined) != joined
    }

    /// What this node says of the key; `None` if it has nothing to say.
    pub fn said(&self) -> Option<ShareSaid> {
        self.own.map(|held| self.saying(held.share))
    }

    fn saying(&self, share: Share) -> ShareSaid {
        ShareSaid { share, erased: self.erased, ended: self.ended, moved: self.moved }
    }

    /// Notes which datagram carried this node's share. What it has come to since will be carried by
    /// a later one; who asks for this one's may have it too.
    pub fn carried(&mut self, share: &Share, version: u64) {
        if let Some(own) = self.own.as_mut().filter(|own| own.share.birth == share.birth) {
            own.version = version;
        }
    }

    /// All that can be said of the key: by whom (`None`: this node), in which datagram of theirs.
    pub fn each(&self) -> impl Iterator<Item = (Option<Origin>, u64, ShareSaid)> + '_ {
        let own = self.own.iter().map(|held| (None, held));
        let others = self.others.iter().map(|(origin, held)| (Some(*origin), held));
        own.chain(others).map(|(origin, held)| (origin, held.version, self.saying(held.share)))
    }

    /// Makes this node's share that of an origin that has ended.
    pub fn bequeath(&mut self, heir: Origin) {
        if let Some(own) = self.own.take() {
            let version = own.version.max(1);
            self.others.push((heir, Held { version, ..own }));
        }
    }

    /// When the first of the live shares ends, ms since the epoch, or [`NEVER_MS`]: until then the
    /// count changes by no time that passes.
    pub fn first_end_ms(&self, now_ms: u64) -> u64 {
        self.alive(now_ms).map(|share| self.end(share).until_ms).min().unwrap_or(NEVER_MS)
    }

    /// True if what an origin says of this key still matters at `horizon_ms`.
    pub fn lasts(&self, said: &ShareSaid, horizon_ms: u64) -> bool {
        match said.share.holds {
            true => self.is_alive(horizon_ms, &said.share),
            false => self.ends_ms() > horizon_ms,
        }
    }

    /// Drops the shares of others that ended up to `ended_ms`.
    pub fn prune(&mut self, ended_ms: u64) {
        let mut others = std::mem::take(&mut self.others);
        others.retain(|(_, held)| !held.share.holds || self.end(&held.share).until_ms > ended_ms);
        self.others = others;
    }

    /// True if it tells of a SET or DEL over what existed.
    pub fn is_erased(&self) -> bool {
        self.erased > 0
    }

    /// Bytes held beyond its own size.
    pub fn heap_bytes(&self) -> u64 {
        (self.others.capacity() * size_of::<(Origin, Held)>()) as u64
    }

    /// Shares held.
    pub fn len(&self) -> usize {
        self.others.len() + usize::from(self.own.is_some())
    }

    /// True if no share is held.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The other origins of which a share is held.
    pub fn origins(&self) -> impl Iterator<Item = Origin> + '_ {
        self.others.iter().map(|(origin, _)| *origin)
    }
}

#[cfg(test)]
mod tests;
