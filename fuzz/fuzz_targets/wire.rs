//! Datagrams and sync frames: whatever a peer sends is read or refused, and what is read is no
//! larger than the bytes warrant.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ratel::cluster::wire::{Frame, Kind, Message};

/// No item takes fewer bytes: an empty key and two numbers.
const ITEM_BYTES_MIN: usize = 2;

fuzz_target!(|bytes: &[u8]| {
    for kind in Kind::ALL {
        match Message::read(kind, bytes) {
            Ok(Some(Message::Delta(delta))) => {
                assert!(ITEM_BYTES_MIN * delta.items.len() <= bytes.len());
            }
            Ok(Some(Message::Beat(beat))) => {
                assert_eq!(Message::read(kind, &beat.payload()), Ok(Some(Message::Beat(beat))))
            }
            Ok(Some(Message::Nack(nack))) => {
                assert_eq!(Message::read(kind, &nack.payload()), Ok(Some(Message::Nack(nack))));
            }
            Ok(Some(Message::Gone(gone))) => {
                assert_eq!(Message::read(kind, &gone.payload()), Ok(Some(Message::Gone(gone))))
            }
            Ok(Some(Message::Vector(vector))) => {
                assert_eq!(
                    Message::read(kind, &vector.payload()),
                    Ok(Some(Message::Vector(vector)))
                );
            }
            _ => {}
        }
    }
    if let Ok(Frame::Chunk { items, .. }) = Frame::read(bytes) {
        assert!(ITEM_BYTES_MIN * items.len() <= bytes.len());
    }
});
