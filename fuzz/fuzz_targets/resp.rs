//! Bytes to requests: whatever arrives and however it is cut, the parser does not panic, uses what
//! it says, and finds the same requests.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use ratel::resp::{Limits, Parsed, Parser, ProtocolError};

#[derive(Arbitrary, Debug)]
struct Input {
    bytes: Vec<u8>,
    /// Lengths of the pieces in which the bytes arrive.
    pieces: Vec<u8>,
    unauthenticated: bool,
}

type Found = (Vec<Vec<Vec<u8>>>, Option<ProtocolError>);

fuzz_target!(|input: Input| {
    let limits = Limits {
        bulk_bytes_max: 1 << 16,
        args_max: if input.unauthenticated { 10 } else { 65_536 },
        line_bytes_max: 1 << 16,
        unauthenticated: input.unauthenticated,
    };
    let whole = parse(&input.bytes, &[], &limits);
    assert_eq!(whole, parse(&input.bytes, &input.pieces, &limits));
});

/// Serves the bytes as a connection does: what is unfinished stays in front of the next piece.
fn parse(bytes: &[u8], pieces: &[u8], limits: &Limits) -> Found {
    let mut parser = Parser::default();
    let mut held: Vec<u8> = Vec::new();
    let mut requests = Vec::new();
    let mut rest = bytes;
    let mut lengths = pieces.iter().map(|length| usize::from(*length) + 1);
    while !rest.is_empty() {
        let (piece, behind) = rest.split_at(lengths.next().unwrap_or(rest.len()).min(rest.len()));
        rest = behind;
        held.extend(piece);
        loop {
            match parser.parse(&mut held, limits) {
                Ok(Parsed::Request { used_bytes }) => {
                    assert!((1..=held.len()).contains(&used_bytes));
                    let request =
                        parser.args().iter().map(|span| span.of(&held).to_vec()).collect();
                    requests.push(request);
                    held.drain(..used_bytes);
                    if held.is_empty() {
                        break;
                    }
                }
                Ok(Parsed::Incomplete) => break,
                Err(error) => return (requests, Some(error)),
            }
        }
    }
    (requests, None)
}
