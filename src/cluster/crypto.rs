//! Authenticated encryption, key derivation and comparison in constant time: the one door to the
//! cryptographic library.
//!
//! It is not a protocol: who numbers nonces and what is authenticated beside the text is decided by
//! [`super::seal`]. Invariant: no other file of the layer names the library, key bytes are wiped when
//! they are dropped and never shown.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA256, Prk, Salt};
use zeroize::Zeroizing;

/// Length of a key, bytes: AES-256 and the output of SHA-256.
pub const KEY_BYTES: usize = 32;
/// Length of the tag behind a sealed text, bytes (the whole of GCM's, RFC 5116 section 5.2).
pub const TAG_BYTES: usize = 16;
/// Length of a nonce, bytes (RFC 5116 section 5.2).
pub const NONCE_BYTES: usize = 12;

/// Domain of everything that is derived, so that a secret used elsewhere too gives other keys.
const SALT: &[u8] = b"ratel cluster";

/// A secret from which keys are derived by HKDF-SHA256 (RFC 5869). It seals nothing itself.
#[derive(Clone)]
pub struct Root(Prk);

impl Root {
    /// Takes a secret of 32 uniformly random bytes.
    #[must_use]
    pub fn new(secret: &[u8; KEY_BYTES]) -> Self {
        Self(Salt::new(HKDF_SHA256, SALT).extract(secret))
    }

    /// The key of the concatenated `info`: the same info gives the same key, any other an unrelated
    /// one. The caller keeps the concatenation unambiguous.
    #[must_use]
    pub fn key(&self, info: &[&[u8]]) -> AeadKey {
        AeadKey::new(&self.bytes(info))
    }

    /// One byte that says which secret this is and tells nothing about it.
    #[must_use]
    pub fn number(&self) -> u8 {
        self.bytes(&[b"key number"])[0]
    }

    fn bytes(&self, info: &[&[u8]]) -> Zeroizing<[u8; KEY_BYTES]> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        self.0
            .expand(info, HKDF_SHA256)
            .and_then(|okm| okm.fill(bytes.as_mut_slice()))
            .expect("HKDF-SHA256 gives up to 255 blocks of 32 bytes, and one is asked for");
        bytes
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Root(hidden)")
    }
}

/// An AES-256-GCM key. A nonce must never seal twice under one key: that would reveal both texts and
/// let anybody forge.
pub struct AeadKey(LessSafeKey);

impl AeadKey {
    fn new(bytes: &[u8; KEY_BYTES]) -> Self {
        let key = UnboundKey::new(&AES_256_GCM, bytes).expect("the length is that of AES-256");
        Self(LessSafeKey::new(key))
    }

    /// Encrypts `text` in place and returns its tag, which also vouches for `aad`.
    ///
    /// # Panics
    /// Never for texts below 64 GiB, GCM's own bound.
    #[must_use]
    pub fn seal(&self, nonce: [u8; NONCE_BYTES], aad: &[u8], text: &mut [u8]) -> [u8; TAG_BYTES] {
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self
            .0
            .seal_in_place_separate_tag(nonce, Aad::from(aad), text)
            .expect("frames are bounded far below GCM's 64 GiB");
        tag.as_ref().try_into().expect("a tag of GCM has 16 bytes")
    }

    /// Decrypts `sealed` (text and tag) in place and returns the text; nothing if the tag does not
    /// vouch for text and `aad`: then the content of `sealed` is lost.
    #[must_use]
    pub fn open<'a>(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        sealed: &'a mut [u8],
    ) -> Option<&'a [u8]> {
        let nonce = Nonce::assume_unique_for_key(nonce);
        self.0.open_in_place(nonce, Aad::from(aad), sealed).ok().map(|text| &*text)
    }
}

impl fmt::Debug for AeadKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AeadKey(hidden)")
    }
}

/// Whether both are equal, in a time that depends on their lengths only.
#[must_use]
pub fn same(one: &[u8], other: &[u8]) -> bool {
    verify_slices_are_equal(one, other).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONCE: [u8; NONCE_BYTES] = [7; NONCE_BYTES];

    #[test]
    fn what_is_sealed_opens_under_the_same_key_nonce_and_aad_only() {
        let key = Root::new(&[1; 32]).key(&[b"a", b"b"]);
        let mut text = *b"some text";
        let tag = key.seal(NONCE, b"aad", &mut text);
        assert_ne!(&text, b"some text");
        let sealed = [&text[..], &tag].concat();
        assert_eq!(key.open(NONCE, b"aad", &mut sealed.clone()), Some(&b"some text"[..]));
        assert_eq!(key.open(NONCE, b"AAD", &mut sealed.clone()), None);
        assert_eq!(key.open([8; NONCE_BYTES], b"aad", &mut sealed.clone()), None);
        let other = Root::new(&[1; 32]).key(&[b"a", b"c"]);
        assert_eq!(other.open(NONCE, b"aad", &mut sealed.clone()), None);
        assert_eq!(key.open(NONCE, b"aad", &mut sealed[..TAG_BYTES - 1].to_vec()), None);
        assert_eq!(key.open(NONCE, b"aad", &mut []), None);
    }

    /// AES-256-GCM test case 14 of McGrew and Viega, "The Galois/Counter Mode of Operation": the
    /// library underneath is the algorithm that the wire names.
    #[test]
    fn the_cipher_is_aes_256_gcm() {
        let key = AeadKey::new(&[0; KEY_BYTES]);
        let mut text = [0; 16];
        let tag = key.seal([0; NONCE_BYTES], b"", &mut text);
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        assert_eq!(hex(&text), "cea7403d4d606b6e074ec5d3baf39d18");
        assert_eq!(hex(&tag), "d0d1c8a799996bf0265b98b5d48ab919");
    }

    #[test]
    fn secrets_are_not_shown() {
        let root = Root::new(&[0xab; 32]);
        assert_eq!(format!("{root:?} {:?}", root.key(&[])), "Root(hidden) AeadKey(hidden)");
    }

    #[test]
    fn comparison_knows_equal_from_unequal() {
        assert!(same(b"abc", b"abc") && same(b"", b""));
        assert!(!same(b"abc", b"abd") && !same(b"abc", b"ab"));
    }
}
