//! Requests that set, read and drop deadlines.

use crate::draw::Draw;
use crate::look::Look;
use crate::request::{Request, Unit};
use crate::stock::{key, option, with_deadline, with_ttl};

pub(crate) fn request(draw: &mut Draw) -> Request {
    use Unit::{Milliseconds, Seconds};
    match draw.below(100) {
        0..14 => {
            let request = with_ttl(Request::new("EXPIRE").with(key(draw)), Seconds, draw);
            conditions(request, draw)
        }
        14..30 => {
            let request = with_ttl(Request::new("PEXPIRE").with(key(draw)), Milliseconds, draw);
            conditions(request, draw)
        }
        30..40 => {
            let request = with_deadline(Request::new("EXPIREAT").with(key(draw)), Seconds, draw);
            conditions(request, draw)
        }
        40..50 => {
            let request = Request::new("PEXPIREAT").with(key(draw));
            conditions(with_deadline(request, Milliseconds, draw), draw)
        }
        50..62 => Request::new("TTL").with(key(draw)).look(Look::Clock(Seconds)),
        62..76 => Request::new("PTTL").with(key(draw)).look(Look::Clock(Milliseconds)),
        76..84 => Request::new("EXPIRETIME").with(key(draw)).look(Look::Clock(Seconds)),
        84..92 => Request::new("PEXPIRETIME").with(key(draw)).look(Look::Clock(Milliseconds)),
        _ => Request::new("PERSIST").with(key(draw)),
    }
}

/// Any conditions, also those that exclude each other.
fn conditions(mut request: Request, draw: &mut Draw) -> Request {
    for _ in 0..draw.one_of(&[0, 0, 0, 0, 1, 1, 1, 2]) {
        let name = draw.one_of(&["NX", "XX", "GT", "LT", "NX", "GT", "LT", "EX"]);
        request = request.with(option(name, draw));
    }
    request
}
