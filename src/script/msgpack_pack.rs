//! Values of Lua as MessagePack.
//!
//! Not here: reading it. Invariant: the bytes are those of lua-cmsgpack 0.4.0: the shortest form of
//! each number, and nil for what cannot be packed or lies too deep.

use mlua::{Result, Table, Value};

use super::fault::Fault;
use super::interpreter::MEMORY_BYTES_MAX;
use super::watch::Watch;

/// Tables within tables; deeper ones become nil.
const DEPTH_MAX: usize = 16;

const NIL: u8 = 0xc0;

/// Packs values one after the other.
pub(super) struct Packer<'a> {
    watch: &'a Watch,
    out: Vec<u8>,
}

impl<'a> Packer<'a> {
    pub(super) fn new(watch: &'a Watch) -> Self {
        Packer { watch, out: Vec::new() }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// Appends one value that lies `depth` tables deep.
    pub(super) fn value(&mut self, value: &Value, depth: usize) -> Result<()> {
        self.watch.charge(1)?;
        if self.out.len() > MEMORY_BYTES_MAX {
            return Err(Fault::Text("not enough memory".to_owned()).into());
        }
        match value {
            Value::String(text) => self.string(&text.as_bytes()),
            Value::Integer(number) => self.integer(*number),
            Value::Number(number) => self.double(*number),
            Value::Boolean(truth) => self.out.push(if *truth { 0xc3 } else { 0xc2 }),
            Value::Table(table) if depth < DEPTH_MAX => self.table(table, depth)?,
            _ => self.out.push(NIL),
        }
        Ok(())
    }

    /// A tag, and after it the last `bytes` bytes of a number.
    fn tagged(&mut self, tag: u8, number: u64, bytes: usize) {
        self.out.push(tag);
        let all = number.to_be_bytes();
        self.out.extend_from_slice(all.get(all.len().saturating_sub(bytes)..).unwrap_or_default());
    }

    fn integer(&mut self, number: i64) {
        let bits = number.cast_unsigned();
        let (tag, bytes) = match number {
            -32..=0x7f => {
                self.out.push(number.to_le_bytes()[0]);
                return;
            }
            0x80..=0xff => (0xcc, 1),
            0x100..=0xffff => (0xcd, 2),
            0x1_0000..=0xffff_ffff => (0xce, 4),
            0x1_0000_0000.. => (0xcf, 8),
            -0x80..=-33 => (0xd0, 1),
            -0x8000..=-0x81 => (0xd1, 2),
            -0x8000_0000..=-0x8001 => (0xd2, 4),
            ..=-0x8000_0001 => (0xd3, 8),
        };
        self.tagged(tag, bits, bytes);
    }

    fn double(&mut self, number: f64) {
        #[allow(clippy::cast_possible_truncation, reason = "compared with the original below")]
        let single = number as f32;
        if f64::from(single).to_bits() == number.to_bits() && !number.is_nan() {
            self.tagged(0xca, single.to_bits().into(), 4);
        } else {
            self.tagged(0xcb, number.to_bits(), 8);
        }
    }

    /// A tag that holds the length if it is below `short`, else one for each width of it.
    fn length(&mut self, length: usize, short: (u8, usize), tags: [Option<u8>; 3]) {
        let number = u64::try_from(length).unwrap_or(u64::MAX);
        match (length, u8::try_from(length), tags) {
            (_, Ok(small), _) if length < short.1 => self.out.push(short.0 | small),
            (0..=0xff, _, [Some(tag), ..]) => self.tagged(tag, number, 1),
            (0..=0xffff, _, [_, Some(tag), _]) => self.tagged(tag, number, 2),
            (_, _, [_, _, Some(tag)]) => self.tagged(tag, number, 4),
            _ => {}
        }
    }

    fn string(&mut self, text: &[u8]) {
        self.length(text.len(), (0xa0, 32), [Some(0xd9), Some(0xda), Some(0xdb)]);
        self.out.extend_from_slice(text);
    }

    fn table(&mut self, table: &Table, depth: usize) -> Result<()> {
        let (count, is_array) = self.shape(table)?;
        if is_array {
            self.length(count, (0x90, 16), [None, Some(0xdc), Some(0xdd)]);
            for index in 1..=count {
                self.value(&table.raw_get(index)?, depth + 1)?;
            }
            return Ok(());
        }
        self.length(count, (0x80, 16), [None, Some(0xde), Some(0xdf)]);
        for pair in table.pairs::<Value, Value>() {
            let (key, value) = pair?;
            self.value(&key, depth + 1)?;
            self.value(&value, depth + 1)?;
        }
        Ok(())
    }

    /// How many pairs there are, and whether their keys are 1 to that number.
    fn shape(&self, table: &Table) -> Result<(usize, bool)> {
        let (mut count, mut highest, mut is_array) = (0_usize, 0_usize, true);
        for pair in table.pairs::<Value, Value>() {
            self.watch.charge(1)?;
            count += 1;
            match pair?.0 {
                Value::Integer(index) if index > 0 => {
                    highest = highest.max(usize::try_from(index).unwrap_or(usize::MAX));
                }
                _ => is_array = false,
            }
        }
        Ok((count, is_array && highest == count))
    }
}
