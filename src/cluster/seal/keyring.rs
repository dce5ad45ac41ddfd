//! The keys of a cluster, as its secret file holds them.
//!
//! The file is text: one key a line, 32 bytes in base64 or hexadecimal; empty lines and lines that
//! begin with `#` are skipped. The first key seals, every key opens. To rotate: add the new key as
//! the last line on every node, then move it to the first line on every node, then remove the old
//! one; each node rereads its file in between. The module reads no file and knows no permissions.
//!
//! Invariant: a ring has 1 to 8 keys, no two of which share the number that stands for them on the
//! wire, so that one number means one attempt to open.

use std::fmt;
use std::sync::Arc;

use data_encoding::{BASE64, BASE64_NOPAD, Encoding, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

use crate::cluster::crypto::{KEY_BYTES, Root, same};

/// Most keys of a ring: a rotation needs two, a muddled one a few more.
pub const KEYS_MAX: usize = 8;
/// Longest secret file, bytes: eight keys with comments.
pub const FILE_BYTES_MAX: usize = 4096;

/// What stands in front of a key that [`generate`] made.
const COMMENT: &str = "# ratel cluster secret: the same on every node, readable by ratel only.\n\
# The first key seals, all keys open. To rotate: add, move to the front, remove the old one,\n\
# each step on every node before the next.\n";

/// One key and the number that stands for it on the wire.
#[derive(Clone, Debug)]
pub struct Key {
    number: u8,
    root: Root,
}

impl Key {
    fn new(secret: &[u8; KEY_BYTES]) -> Self {
        let root = Root::new(secret);
        Self { number: root.number(), root }
    }

    /// The number that stands for the key on the wire; it is derived from the key.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.number
    }

    pub(super) fn root(&self) -> &Root {
        &self.root
    }
}

/// The keys of a cluster. A clone shares them.
#[derive(Clone)]
pub struct Keyring {
    keys: Arc<[Key]>,
}

impl Keyring {
    /// Reads the text of a secret file.
    ///
    /// # Errors
    /// What is wrong, in which line and what to do; it never holds a part of a key.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(KeyringError::LongFile { bytes: text.len() });
        }
        let mut lines: Vec<Line> = Vec::new();
        for (line, words) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let words = words.trim();
            if words.is_empty() || words.starts_with('#') {
                continue;
            }
            let found = Line::read(line + 1, words)?;
            found.differs_from_all(&lines)?;
            if lines.len() == KEYS_MAX {
                return Err(KeyringError::ManyKeys { line: line + 1 });
            }
            lines.push(found);
        }
        if lines.is_empty() {
            return Err(KeyringError::NoKey);
        }
        Ok(Self { keys: lines.into_iter().map(|line| line.key).collect() })
    }

    /// The ring of a cluster that runs without a secret (`--cluster-insecure`): its one key is 32
    /// zero bytes, which everybody knows. What it seals is safe against damage on the way; it hides
    /// nothing and vouches for nobody. One path through the code serves both kinds of cluster.
    #[must_use]
    pub fn insecure() -> Self {
        Self { keys: Arc::new([Key::new(&[0; KEY_BYTES])]) }
    }

    /// The key that seals.
    #[must_use]
    pub fn sealing(&self) -> &Key {
        &self.keys[0]
    }

    /// The key with that number.
    #[must_use]
    pub fn find(&self, number: u8) -> Option<&Key> {
        self.keys.iter().find(|key| key.number == number)
    }

    /// All keys, the sealing one first.
    #[must_use]
    pub fn keys(&self) -> &[Key] {
        &self.keys
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers = self.keys.iter().map(|key| format!("{:02x}", key.number));
        write!(formatter, "Keyring({})", numbers.collect::<Vec<_>>().join(" "))
    }
}

/// A new secret file around 32 fresh random bytes.
#[must_use]
pub fn generate(random: &[u8; KEY_BYTES]) -> String {
    format!("{COMMENT}{}\n", BASE64.encode(random))
}

/// A line that holds a key.
struct Line {
    number: usize,
    secret: Zeroizing<[u8; KEY_BYTES]>,
    key: Key,
}

impl Line {
    fn read(number: usize, words: &str) -> Result<Self, KeyringError> {
        let secret = decode(words).ok_or(KeyringError::NotAKey { line: number })?;
        if same(secret.as_slice(), &[0; KEY_BYTES]) {
            return Err(KeyringError::ZeroKey { line: number });
        }
        let key = Key::new(&secret);
        Ok(Self { number, secret, key })
    }

    fn differs_from_all(&self, earlier: &[Self]) -> Result<(), KeyringError> {
        let Some(other) = earlier.iter().find(|other| other.key.number == self.key.number) else {
            return Ok(());
        };
        let (first, second) = (other.number, self.number);
        if same(self.secret.as_slice(), other.secret.as_slice()) {
            return Err(KeyringError::Twice { first, second });
        }
        Err(KeyringError::SameNumber { first, second })
    }
}

/// 32 bytes in hexadecimal or base64, with or without its padding; their lengths tell them apart.
fn decode(words: &str) -> Option<Zeroizing<[u8; KEY_BYTES]>> {
    let encoding: &Encoding = match words.len() {
        64 => &HEXLOWER_PERMISSIVE,
        44 => &BASE64,
        43 => &BASE64_NOPAD,
        _ => return None,
    };
    // Padded base64 asks for room for a whole last group.
    let mut bytes = Zeroizing::new([0; KEY_BYTES + 1]);
    let room = bytes.get_mut(..encoding.decode_len(words.len()).ok()?)?;
    let length = encoding.decode_mut(words.as_bytes(), room).ok()?;
    let mut secret = Zeroizing::new([0; KEY_BYTES]);
    secret.copy_from_slice(bytes.get(..length).filter(|bytes| bytes.len() == KEY_BYTES)?);
    Some(secret)
}

/// Why a secret file is refused. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringError {
    /// The file is longer than [`FILE_BYTES_MAX`].
    LongFile {
        /// Its length.
        bytes: usize,
    },
    /// No line holds a key.
    NoKey,
    /// More than [`KEYS_MAX`] keys.
    ManyKeys {
        /// The first line too many.
        line: usize,
    },
    /// A line that is neither a comment nor 32 bytes in base64 or hexadecimal.
    NotAKey {
        /// That line.
        line: usize,
    },
    /// The key of clusters without a secret.
    ZeroKey {
        /// Its line.
        line: usize,
    },
    /// One key in two lines.
    Twice {
        /// Where it stands first.
        first: usize,
        /// Where it stands again.
        second: usize,
    },
    /// Two keys that happen to share their number on the wire, by a chance of 1 in 256.
    SameNumber {
        /// The line of the one.
        first: usize,
        /// The line of the other.
        second: usize,
    },
}

impl fmt::Display for KeyringError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LongFile { bytes } => write!(
                formatter,
                "the secret file has {bytes} bytes, the most is {FILE_BYTES_MAX}: is it the right file?"
            ),
            Self::NoKey => formatter
                .write_str("the secret file holds no key: write one with 'ratel gen-secret'"),
            Self::ManyKeys { line } => write!(
                formatter,
                "line {line}: more than {KEYS_MAX} keys: remove those that no node seals with any more"
            ),
            Self::NotAKey { line } => write!(
                formatter,
                "line {line}: not a key of 32 bytes in base64 or hexadecimal: make one with \
                 'ratel gen-secret', begin a comment with '#'"
            ),
            Self::ZeroKey { line } => write!(
                formatter,
                "line {line}: a key of zeros is no secret: make one with 'ratel gen-secret'"
            ),
            Self::Twice { first, second } => write!(
                formatter,
                "lines {first} and {second} hold the same key: remove one of them"
            ),
            Self::SameNumber { first, second } => write!(
                formatter,
                "the keys in lines {first} and {second} cannot be told apart on the wire: make \
                 another key with 'ratel gen-secret' in place of the newer one"
            ),
        }
    }
}

impl std::error::Error for KeyringError {}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    fn key(byte: u8) -> String {
        HEXLOWER.encode(&[byte; KEY_BYTES])
    }

    fn number(byte: u8) -> u8 {
        Key::new(&[byte; KEY_BYTES]).number
    }

    #[test]
    fn every_spelling_of_a_key_is_read() {
        let bytes = std::array::from_fn::<u8, KEY_BYTES, _>(|index| index as u8 * 7 + 1);
        let spellings = [
            HEXLOWER.encode(&bytes),
            HEXLOWER.encode(&bytes).to_uppercase(),
            BASE64.encode(&bytes),
            BASE64_NOPAD.encode(&bytes),
        ];
        for spelling in spellings {
            let text = format!("\u{feff}# note\r\n\r\n  {spelling} \t\r\n# end");
            let ring = Keyring::parse(&text).unwrap();
            assert_eq!(ring.keys().len(), 1);
            assert_eq!(ring.sealing().number(), Key::new(&bytes).number);
        }
    }

    #[test]
    fn the_first_key_seals_and_all_are_found() {
        let ring = Keyring::parse(&format!("{}\n{}\n", key(1), key(2))).unwrap();
        assert_eq!(ring.sealing().number(), number(1));
        assert!(ring.find(number(1)).is_some() && ring.find(number(2)).is_some());
        let absent = (0..=255).find(|no| *no != number(1) && *no != number(2)).unwrap();
        assert!(ring.find(absent).is_none());
    }

    #[test]
    fn a_generated_file_is_read_and_holds_the_bytes_given() {
        let ring = Keyring::parse(&generate(&[9; KEY_BYTES])).unwrap();
        assert_eq!(ring.sealing().number(), number(9));
    }

    #[test]
    fn what_is_not_a_key_is_named_by_its_line_and_never_quoted() {
        let cut = &key(0x5a)[1..];
        for (text, error) in [
            (String::new(), KeyringError::NoKey),
            ("# only a comment\n\n".into(), KeyringError::NoKey),
            (format!("#\n{cut}"), KeyringError::NotAKey { line: 2 }),
            (format!("{} # mine", key(1)), KeyringError::NotAKey { line: 1 }),
            (format!("{}g", &key(1)[1..]), KeyringError::NotAKey { line: 1 }),
            (BASE64.encode(&[1; 33]), KeyringError::NotAKey { line: 1 }),
            (BASE64.encode(&[1; 31]), KeyringError::NotAKey { line: 1 }),
            (format!("{}B=", "A".repeat(42)), KeyringError::NotAKey { line: 1 }),
            (key(0), KeyringError::ZeroKey { line: 1 }),
            (format!("{}\n#\n{}", key(1), key(1)), KeyringError::Twice { first: 1, second: 3 }),
            ("#".repeat(FILE_BYTES_MAX + 1), KeyringError::LongFile { bytes: 4097 }),
        ] {
            let found = Keyring::parse(&text).unwrap_err();
            assert_eq!(found, error, "{text}");
            assert!(!found.to_string().contains("5a5a"), "{found}");
        }
        assert!(Keyring::parse(&format!("{}\n{}", key(1), "#".repeat(4031))).is_ok());
    }

    #[test]
    fn two_keys_of_one_number_are_refused_with_both_lines() {
        let (one, other) = (1..=255_u8)
            .flat_map(|one| (one + 1..=255).map(move |other| (one, other)))
            .find(|(one, other)| one < other && number(*one) == number(*other))
            .expect("255 keys and 256 numbers");
        let error = Keyring::parse(&format!("{}\n{}\n", key(one), key(other))).unwrap_err();
        assert_eq!(error, KeyringError::SameNumber { first: 1, second: 2 });
    }

    #[test]
    fn eight_keys_are_held_and_a_ninth_refused() {
        let mut lines: Vec<u8> = Vec::new();
        for byte in 1..=255 {
            if lines.iter().all(|other| number(*other) != number(byte)) {
                lines.push(byte);
            }
        }
        let file = |count: usize| lines[..count].iter().map(|byte| key(*byte) + "\n").collect();
        let (full, over): (String, String) = (file(KEYS_MAX), file(KEYS_MAX + 1));
        assert_eq!(Keyring::parse(&full).unwrap().keys().len(), KEYS_MAX);
        assert_eq!(Keyring::parse(&over).unwrap_err(), KeyringError::ManyKeys { line: 9 });
    }

    #[test]
    fn debugging_shows_numbers_and_no_key() {
        let ring = Keyring::parse(&key(0x5a)).unwrap();
        assert_eq!(format!("{ring:?}"), format!("Keyring({:02x})", number(0x5a)));
        assert!(!format!("{:?}", ring.sealing()).contains("5a, 90"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC*|[0-9a-f\\n#=+/ ]{0,300}") {
            if let Ok(ring) = Keyring::parse(&text) {
                prop_assert!((1..=KEYS_MAX).contains(&ring.keys().len()));
            }
        }
    }
}
