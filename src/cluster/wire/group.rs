//! Items in groups: what those of one group share is said once.
//!
//! ```text
//! group   type 1 B, length, body
//! body    flags 1 B, [kind 1 B, scale, index: windows only], n, n items
//! window  key, [stamp], count, [refunded], [version]
//! cell    key, birth, charged_ns, tat_ns, [version]
//! reset   key, stamp, until_ms, [version]
//! share   key, what share.rs says, [version]
//! ```
//! Fields in brackets are there if the group's flags say so. A group of unknown type, flags, kind
//! or scale is skipped and counted.

use std::ops::Range;

use super::input::Input;
use super::{DSEQ_MAX, FRAME_BYTES_MAX, Malformed, output, share};
use crate::engine::{Item, Series};
use crate::limiter::{COUNT_MAX, Kind, Scale};

const WINDOWS: u8 = 1;
const CELLS: u8 = 2;
const RESETS: u8 = 3;
const SHARES: u8 = 4;

const STAMPED: u8 = 1;
const REFUNDED: u8 = 2;
const VERSIONED: u8 = 4;

/// Bytes before the items at most: type, length 3, flags, kind, scale 6, index 10, n 3.
const HEAD_BYTES_MAX: usize = 25;

/// An item with the number of the delta that last carried it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    /// The number.
    pub version: u64,
    /// What the origin said.
    pub item: Item,
}

/// Groups that fill one message, and which of the packed items they hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// The groups' bytes.
    pub groups: Vec<u8>,
    /// The items' places in what was packed.
    pub items: Range<usize>,
}

/// What the items of a group share; its order keeps items of one group together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Head {
    what: u8,
    flags: u8,
    series: u64,
    index: u64,
}

impl Head {
    fn of(item: &Item, versioned: bool) -> Head {
        let version = if versioned { VERSIONED } else { 0 };
        let plain = |what| Head { what, flags: version, series: 0, index: 0 };
        match item {
            Item::Window { series, index, stamp, refunded, .. } => {
                let stamped = if *stamp > 0 { STAMPED } else { 0 };
                let given_back = if *refunded > 0 { REFUNDED } else { 0 };
                let flags = version | stamped | given_back;
                Head { what: WINDOWS, flags, series: series.code(), index: *index }
            }
            Item::Cell { .. } => plain(CELLS),
            Item::Reset { .. } => plain(RESETS),
            Item::Share { .. } => plain(SHARES),
        }
    }

    /// Writes a whole group.
    fn write(&self, out: &mut Vec<u8>, count: usize, items: &[u8]) {
        let mut body = Vec::with_capacity(HEAD_BYTES_MAX + items.len());
        body.push(self.flags);
        if self.what == WINDOWS {
            body.push(u8::from(self.series & 1 == 1));
            output::number(&mut body, self.series >> 1);
            output::number(&mut body, self.index);
        }
        output::length(&mut body, count);
        body.extend(items);
        out.push(self.what);
        output::length(out, body.len());
        out.extend(body);
    }
}

fn write_item(out: &mut Vec<u8>, item: &Item, version: Option<u64>) {
    output::key(out, item.key());
    match *item {
        Item::Window { stamp, count, refunded, .. } => {
            if stamp > 0 {
                output::number(out, stamp);
            }
            output::number(out, count);
            if refunded > 0 {
                output::number(out, refunded);
            }
        }
        Item::Cell { birth, charged_ns, tat_ns, .. } => {
            output::number(out, birth);
            output::number(out, charged_ns);
            output::number(out, tat_ns);
        }
        Item::Reset { stamp, until_ms, .. } => {
            output::number(out, stamp);
            output::number(out, until_ms);
        }
        Item::Share { ref said, .. } => share::write(out, said),
    }
    if let Some(version) = version {
        output::number(out, version);
    }
}

/// Fills messages with groups, in the items' order.
struct Packer {
    limit_bytes: usize,
    packs: Vec<Pack>,
    closed: Vec<u8>,
    open: Option<Head>,
    items: Vec<u8>,
    count: usize,
    first: usize,
    scratch: Vec<u8>,
}

impl Packer {
    fn new(limit_bytes: usize) -> Packer {
        Packer {
            limit_bytes,
            packs: Vec::new(),
            closed: Vec::new(),
            open: None,
            items: Vec::new(),
            count: 0,
            first: 0,
            scratch: Vec::new(),
        }
    }

    fn push(&mut self, at: usize, item: &Item, version: Option<u64>) {
        let head = Head::of(item, version.is_some());
        self.scratch.clear();
        write_item(&mut self.scratch, item, version);
        if self.open != Some(head) {
            self.close_group();
        }
        let ahead = self.closed.len() + HEAD_BYTES_MAX + self.items.len() + self.scratch.len();
        if ahead > self.limit_bytes && at > self.first {
            self.close_pack(at);
        }
        self.open = Some(head);
        self.items.append(&mut self.scratch);
        self.count += 1;
    }

    fn close_group(&mut self) {
        if let Some(head) = self.open.take() {
            head.write(&mut self.closed, self.count, &self.items);
        }
        self.items.clear();
        self.count = 0;
    }

    fn close_pack(&mut self, end: usize) {
        self.close_group();
        if end > self.first {
            let groups = std::mem::take(&mut self.closed);
            self.packs.push(Pack { groups, items: self.first..end });
            self.first = end;
        }
    }
}

/// Sorts the items into groups and packs them into messages whose groups take at most
/// `limit_bytes`, but at least one item each.
pub fn pack(items: &mut [Item], limit_bytes: usize) -> Vec<Pack> {
    items.sort_by_cached_key(|item| Head::of(item, false));
    let mut packer = Packer::new(limit_bytes);
    for (at, item) in items.iter().enumerate() {
        packer.push(at, item, None);
    }
    packer.close_pack(items.len());
    packer.packs
}

/// As [`pack`], with versions, for the chunks of a sync stream.
pub fn pack_chunk(items: &mut [Versioned]) -> Vec<Pack> {
    // The frame's type, origin and flush stamp go in front.
    const LIMIT_BYTES: usize = FRAME_BYTES_MAX - 1 - 8 - output::NUMBER_BYTES_MAX;
    items.sort_by_cached_key(|versioned| Head::of(&versioned.item, true));
    let mut packer = Packer::new(LIMIT_BYTES);
    for (at, Versioned { version, item }) in items.iter().enumerate() {
        packer.push(at, item, Some(*version));
    }
    packer.close_pack(items.len());
    packer.packs
}

/// Reads groups to the end of the input; returns the items and how many groups were skipped.
/// `version` is that of items whose group names none.
pub(super) fn read(
    mut input: Input<'_>,
    version: Option<u64>,
) -> Result<(Vec<Versioned>, u64), Malformed> {
    let mut items = Vec::new();
    let mut skipped = 0;
    while !input.is_empty() {
        let what = input.byte()?;
        let length = input.length()?;
        let mut body = Input::new(input.take(length)?);
        match Reading::of(what, &mut body)? {
            Some(reading) => reading.items(body, version, &mut items)?,
            None => skipped += 1,
        }
    }
    Ok((items, skipped))
}

/// A group whose head is known.
struct Reading {
    what: u8,
    flags: u8,
    window: Option<(Series, u64)>,
}

impl Reading {
    /// Reads the head; `None` for a group that a later version may send.
    fn of(what: u8, body: &mut Input<'_>) -> Result<Option<Reading>, Malformed> {
        let known = match what {
            WINDOWS => STAMPED | REFUNDED | VERSIONED,
            CELLS | RESETS | SHARES => VERSIONED,
            _ => return Ok(None),
        };
        let flags = body.byte()?;
        if flags & !known != 0 {
            return Ok(None);
        }
        if what != WINDOWS {
            return Ok(Some(Reading { what, flags, window: None }));
        }
        let kind = match body.byte()? {
            0 => Kind::Fixed,
            1 => Kind::Sliding,
            _ => return Ok(None),
        };
        let Some(scale) = Scale::new(body.number()?) else {
            return Ok(None);
        };
        let index = body.number()?;
        Ok(Some(Reading { what, flags, window: Some((Series { kind, scale }, index)) }))
    }

    fn items(
        &self,
        mut body: Input<'_>,
        version: Option<u64>,
        items: &mut Vec<Versioned>,
    ) -> Result<(), Malformed> {
        let count = body.number()?;
        for _ in 0..count {
            let item = self.item(&mut body)?;
            let version = if self.flags & VERSIONED != 0 {
                body.at_most(DSEQ_MAX)?
            } else {
                version.ok_or(Malformed)?
            };
            items.push(Versioned { version, item });
        }
        if body.is_empty() { Ok(()) } else { Err(Malformed) }
    }

    fn item(&self, body: &mut Input<'_>) -> Result<Item, Malformed> {
        let key = body.key()?;
        if let Some((series, index)) = self.window {
            let stamp = if self.flags & STAMPED != 0 { body.number()? } else { 0 };
            let count = body.at_most(COUNT_MAX)?;
            let refunded = if self.flags & REFUNDED != 0 { body.at_most(COUNT_MAX)? } else { 0 };
            return Ok(Item::Window { series, index, key, stamp, count, refunded });
        }
        Ok(match self.what {
            CELLS => {
                let (birth, charged_ns) = (body.number()?, body.number()?);
                Item::Cell { key, birth, charged_ns, tat_ns: body.number()? }
            }
            SHARES => Item::Share { key, said: share::read(body)? },
            _ => Item::Reset { key, stamp: body.number()?, until_ms: body.number()? },
        })
    }
}
