//! A sequence: some 50 to 200 steps of two clients from an empty keyspace, drawn from a seed.

use crate::draw::Draw;
use crate::look::Look;
use crate::request::{Request, Step};
use crate::script::Script;
use crate::{counters, expiry, generic, limiters, scripts, strings, transactions};

/// How a family of commands draws.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    /// One request that needs nothing but choices; scripts make such calls too.
    Plain(fn(&mut Draw) -> Request),
    /// One request that knows the sequence so far.
    Informed(fn(&mut Sequence, &mut Draw) -> Request),
    /// Several steps.
    Story(fn(&mut Sequence, &mut Draw)),
}

/// Commands that belong together. A further family is a row here and a file beside this one.
pub(crate) struct Family {
    pub(crate) name: &'static str,
    weight: usize,
    kind: Kind,
}

const fn family(name: &'static str, weight: usize, kind: Kind) -> Family {
    Family { name, weight, kind }
}

/// All families. Weights are of draws: a story is some six steps a draw.
pub(crate) const FAMILIES: &[Family] = &[
    family("strings", 26, Kind::Plain(strings::request)),
    family("counters", 15, Kind::Plain(counters::request)),
    family("expiry", 17, Kind::Plain(expiry::request)),
    family("generic", 14, Kind::Plain(generic::request)),
    family("scripts", 18, Kind::Informed(scripts::request)),
    family("transactions", 5, Kind::Story(transactions::story)),
    family("transactions", 1, Kind::Story(transactions::stray)),
    family("limiters", 4, Kind::Story(limiters::story)),
];

const STEPS_MIN: usize = 50;
const STEPS_MAX: usize = 200;

/// A sequence, while it is drawn and after.
pub(crate) struct Sequence {
    pub(crate) steps: Vec<Step>,
    /// The scripts so far: EVALSHA names them again.
    pub(crate) scripts: Vec<Script>,
    families: Vec<&'static Family>,
}

impl Sequence {
    /// The sequence of `seed` from these families.
    pub(crate) fn draw(seed: u64, families: &[&'static Family]) -> Sequence {
        let mut draw = Draw::new(seed);
        let mut sequence =
            Sequence { steps: Vec::new(), scripts: Vec::new(), families: families.to_vec() };
        let count = draw.between(STEPS_MIN, STEPS_MAX);
        for connection in 0..2 {
            if draw.chance(50) {
                let hello = Request::new("HELLO").with("3").look(Look::Kind);
                sequence.push(connection, hello);
            }
        }
        let rows = sequence.rows(|_| true);
        while sequence.steps.len() < count {
            match *draw.weighted(&rows) {
                Kind::Plain(plain) => {
                    let request = plain(&mut draw).mangled(&mut draw);
                    sequence.push(draw.below(2), request);
                }
                Kind::Informed(informed) => {
                    let request = informed(&mut sequence, &mut draw);
                    sequence.push(draw.below(2), request);
                }
                Kind::Story(story) => story(&mut sequence, &mut draw),
            }
        }
        sequence
    }

    pub(crate) fn push(&mut self, connection: usize, request: Request) {
        self.steps.push(Step { connection, request });
    }

    fn rows(&self, wanted: fn(Kind) -> bool) -> Vec<(usize, Kind)> {
        let rows = self.families.iter().map(|family| (family.weight, family.kind));
        rows.filter(|(_, kind)| wanted(*kind)).collect()
    }
}

/// A request of any family that tells no story.
pub(crate) fn any_request(sequence: &mut Sequence, draw: &mut Draw) -> Request {
    let rows = sequence.rows(|kind| !matches!(kind, Kind::Story(_)));
    match draw.weighted(&rows) {
        Kind::Informed(informed) => informed(sequence, draw),
        Kind::Plain(plain) => plain(draw).mangled(draw),
        Kind::Story(_) => unreachable!("left out above"),
    }
}

/// A request as a script may make it.
pub(crate) fn plain_request(sequence: &Sequence, draw: &mut Draw) -> Request {
    match draw.weighted(&sequence.rows(|kind| matches!(kind, Kind::Plain(_)))) {
        Kind::Plain(plain) => plain(draw).mangled(draw),
        _ => unreachable!("left out above"),
    }
}
