//! Requests that count.

use crate::draw::Draw;
use crate::request::Request;
use crate::stock::{amount, float, key};

pub(crate) fn request(draw: &mut Draw) -> Request {
    match draw.below(100) {
        0..22 => Request::new("INCR").with(key(draw)),
        22..44 => Request::new("INCRBY").with(key(draw)).with(amount(draw)),
        44..57 => Request::new("DECR").with(key(draw)),
        57..72 => Request::new("DECRBY").with(key(draw)).with(amount(draw)),
        _ => Request::new("INCRBYFLOAT").with(key(draw)).with(float(draw)),
    }
}
