//! Decimal digits of an integer, written from the right into a stack buffer.
//!
//! Not here: allocation, formatting machinery. Invariant: a line needs at most [`LINE_BYTES_MAX`].

/// Longest `:<n>\r\n`: a type byte, a sign, 19 digits, CR and LF.
pub(super) const LINE_BYTES_MAX: usize = 23;

/// Writes `:<n>\r\n` so that it ends before `end`; returns where it begins.
#[inline]
pub(super) fn put_line_before(buffer: &mut [u8], end: usize, n: i64) -> usize {
    buffer[end - 2] = b'\r';
    buffer[end - 1] = b'\n';
    let mut at = end - 2;
    let mut rest = n.unsigned_abs();
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if n < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    at -= 1;
    buffer[at] = b':';
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_those_of_the_formatter() {
        for n in [0, 1, -1, 9, 10, 99, 100, -100, 1_234_567, i64::MAX, i64::MIN] {
            let mut buffer = [0; LINE_BYTES_MAX];
            let at = put_line_before(&mut buffer, LINE_BYTES_MAX, n);
            assert_eq!(buffer[at..], *format!(":{n}\r\n").as_bytes());
        }
    }
}
