//! What of a reply must be the same on both servers.

use crate::reply::Reply;
use crate::request::Unit;

/// How the replies to a request are compared. Errors are compared to the letter under every look
/// but `Kind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// To the last byte.
    Exact,
    /// An array whose order Redis leaves open.
    Sorted,
    /// The same for an array of fields, each with its value behind it.
    Pairs,
    /// Integers may differ by the time that passed between the two servers; -1 and -2 may not.
    Clock(Unit),
    /// A walk over the keys or fields: both are walked to the end, then compared as sets. Where that cannot be
    /// done (inside a transaction), as `Shape`.
    Scan,
    /// The same type at the top.
    Shape,
    /// Both an error or neither.
    Kind,
    /// An array whose elements have looks of their own.
    Each(Vec<Look>),
}

impl Look {
    /// Whether the two are the same; what a clock shows may differ by `tolerance_ms`.
    pub(crate) fn same(&self, left: &Reply, right: &Reply, tolerance_ms: i64) -> bool {
        if matches!(left, Reply::Lost(_)) || matches!(right, Reply::Lost(_)) {
            return false;
        }
        if *self == Look::Kind {
            return left.as_error().is_some() == right.as_error().is_some();
        }
        if left.as_error().is_some() || right.as_error().is_some() {
            return left == right;
        }
        match (self, left, right) {
            (Look::Sorted, Reply::Array(left), Reply::Array(right)) => {
                sorted(left) == sorted(right)
            }
            (Look::Pairs, Reply::Array(left), Reply::Array(right)) => {
                sorted(&in_pairs(left)) == sorted(&in_pairs(right))
            }
            (Look::Clock(unit), _, _) => clock_same(left, right, tolerance(*unit, tolerance_ms)),
            (Look::Shape | Look::Scan, _, _) => {
                std::mem::discriminant(left) == std::mem::discriminant(right)
            }
            (Look::Each(looks), Reply::Array(left), Reply::Array(right)) => {
                let looks = looks.iter().chain(std::iter::repeat(&Look::Exact));
                let mut pairs = left.iter().zip(right).zip(looks);
                left.len() == right.len()
                    && pairs.all(|((left, right), look)| look.same(left, right, tolerance_ms))
            }
            _ => ordered(left) == ordered(right),
        }
    }
}

fn tolerance(unit: Unit, tolerance_ms: i64) -> i64 {
    match unit {
        Unit::Milliseconds => tolerance_ms,
        // A rounded figure may fall on the other side of half a second.
        Unit::Seconds => tolerance_ms / 1000 + 1,
    }
}

fn sorted(items: &[Reply]) -> Vec<Reply> {
    let mut items = items.to_vec();
    items.sort();
    items
}

/// Two and two of them together.
pub(crate) fn in_pairs(items: &[Reply]) -> Vec<Reply> {
    items.chunks(2).map(|pair| Reply::Array(pair.to_vec())).collect()
}

/// The same with the pairs of maps and the members of sets in one order: they have none.
fn ordered(reply: &Reply) -> Reply {
    match reply {
        Reply::Array(items) => Reply::Array(items.iter().map(ordered).collect()),
        Reply::Push(items) => Reply::Push(items.iter().map(ordered).collect()),
        Reply::Set(items) => Reply::Set(sorted(&items.iter().map(ordered).collect::<Vec<_>>())),
        Reply::Map(pairs) => {
            let mut pairs: Vec<_> = pairs.iter().map(|(k, v)| (ordered(k), ordered(v))).collect();
            pairs.sort();
            Reply::Map(pairs)
        }
        other => other.clone(),
    }
}

fn clock_same(left: &Reply, right: &Reply, tolerance: i64) -> bool {
    match (left, right) {
        (Reply::Integer(left), Reply::Integer(right)) => {
            left == right || (*left >= 0 && *right >= 0 && (left - right).abs() <= tolerance)
        }
        (Reply::Array(left), Reply::Array(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| clock_same(left, right, tolerance))
        }
        _ => left == right,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Reply {
        Reply::Bulk(text.as_bytes().to_vec())
    }

    fn error(text: &str) -> Reply {
        Reply::Error(text.as_bytes().to_vec())
    }

    #[test]
    fn what_a_client_can_tell_apart_is_different() {
        let (one, null) = (Reply::Integer(1), Reply::NullBulk);
        for (look, left, right) in [
            (Look::Exact, one.clone(), Reply::Integer(2)),
            (Look::Exact, one.clone(), bulk("1")),
            (Look::Exact, bulk("OK"), Reply::Simple(b"OK".to_vec())),
            (Look::Exact, null.clone(), Reply::NullArray),
            (Look::Exact, null.clone(), Reply::Null),
            (Look::Exact, error("ERR a"), error("ERR b")),
            (Look::Exact, Reply::Array(vec![one.clone()]), Reply::Array(vec![bulk("1")])),
            (Look::Exact, Reply::Array(vec![]), Reply::Set(vec![])),
            (Look::Exact, Reply::Double(b"1".to_vec()), Reply::Double(b"1.0".to_vec())),
            (Look::Sorted, Reply::Array(vec![bulk("a")]), Reply::Array(vec![bulk("b")])),
            (Look::Sorted, error("ERR a"), error("ERR b")),
            (
                Look::Pairs,
                Reply::Array(["a", "b", "c", "d"].map(bulk).to_vec()),
                Reply::Array(["a", "d", "c", "b"].map(bulk).to_vec()),
            ),
            (Look::Shape, null.clone(), bulk("a")),
            (Look::Shape, error("ERR a"), error("ERR b")),
            (Look::Clock(Unit::Milliseconds), Reply::Integer(-1), Reply::Integer(0)),
            (Look::Clock(Unit::Milliseconds), Reply::Integer(100), Reply::Integer(106)),
            (Look::Clock(Unit::Seconds), Reply::Integer(100), Reply::Integer(102)),
            (Look::Kind, one.clone(), error("ERR a")),
            (Look::Kind, one.clone(), Reply::Lost("ended".to_owned())),
            (Look::Each(vec![Look::Shape]), Reply::Array(vec![]), Reply::Array(vec![one.clone()])),
            (Look::Each(vec![Look::Shape]), one.clone(), bulk("1")),
        ] {
            assert!(!look.same(&left, &right, 5), "{look:?}: {left} and {right}");
        }
    }

    #[test]
    fn what_is_left_open_is_the_same() {
        let ab = Reply::Array(vec![bulk("a"), bulk("b")]);
        let ba = Reply::Array(vec![bulk("b"), bulk("a")]);
        let map = |keys: [&str; 2]| Reply::Map(keys.map(|key| (bulk(key), bulk("x"))).to_vec());
        for (look, left, right) in [
            (Look::Sorted, ab.clone(), ba.clone()),
            (
                Look::Pairs,
                Reply::Array(["a", "b", "c", "d"].map(bulk).to_vec()),
                Reply::Array(["c", "d", "a", "b"].map(bulk).to_vec()),
            ),
            (Look::Exact, map(["a", "b"]), map(["b", "a"])),
            (Look::Shape, ab.clone(), Reply::Array(vec![])),
            (Look::Clock(Unit::Milliseconds), Reply::Integer(100), Reply::Integer(105)),
            (Look::Clock(Unit::Seconds), Reply::Integer(100), Reply::Integer(99)),
            (Look::Kind, error("ERR a"), error("ERR b")),
            (Look::Each(vec![Look::Sorted]), Reply::Array(vec![ab]), Reply::Array(vec![ba])),
        ] {
            assert!(look.same(&left, &right, 5), "{look:?}: {left} and {right}");
        }
    }
}
