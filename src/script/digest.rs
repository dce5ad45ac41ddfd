//! SHA1, the name of a script.
//!
//! Not here: security. Redis names scripts so, and clients compute it themselves.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::HEXLOWER;

/// Length of a name, bytes: SHA1 in hexadecimal digits.
pub(super) const SHA_BYTES: usize = 40;

/// The SHA1 of `bytes` in lower-case hexadecimal digits.
pub(super) fn sha1_hex(bytes: &[u8]) -> [u8; SHA_BYTES] {
    let mut hex = [0; SHA_BYTES];
    HEXLOWER.encode_mut(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref(), &mut hex);
    hex
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of FIPS 180-1, appendix A.
    #[test]
    fn the_digest_is_sha1() {
        assert_eq!(&sha1_hex(b"abc"), b"a9993e364706816aba3e25717850c26c9cd0d89d");
    }
}
