//! A sequence: some 50 to 200 steps of two clients from an empty keyspace, drawn from a seed.

use crate::draw::Draw;
use crate::look::Look;
use crate::request::{Plain, Request, Step};
use crate::script::Script;
use crate::stock::KEYS;
use crate::{
    counters, expiry, generic, hashes, limiters, lists, scripts, sorted_sets, strings, transactions,
};

/// How a family of commands draws.
#[derive(Clone, Copy)]
enum Kind {
    /// One request that needs nothing but choices; scripts make such calls too.
    Plain(Plain),
    /// One request that knows the sequence so far.
    Informed(fn(&mut Sequence, &mut Draw) -> Request),
    /// Several steps.
    Story(fn(&mut Sequence, &mut Draw)),
}

/// Commands that belong together. A further family is a row here and a file beside this one.
struct Family {
    weight: usize,
    kind: Kind,
}

const fn family(weight: usize, kind: Kind) -> Family {
    Family { weight, kind }
}

/// All families. Weights are of draws: a story is some six steps a draw.
const FAMILIES: &[Family] = &[
    family(26, Kind::Plain(strings::request)),
    family(15, Kind::Plain(counters::request)),
    family(17, Kind::Plain(expiry::request)),
    family(14, Kind::Plain(generic::request)),
    family(20, Kind::Plain(lists::request)),
    family(22, Kind::Plain(hashes::request)),
    family(24, Kind::Plain(sorted_sets::request)),
    family(18, Kind::Informed(scripts::request)),
    family(5, Kind::Story(transactions::story)),
    family(1, Kind::Story(transactions::stray)),
    family(4, Kind::Story(limiters::story)),
];

const STEPS_MIN: usize = 50;
const STEPS_MAX: usize = 200;

/// A sequence, while it is drawn and after.
pub(crate) struct Sequence {
    pub(crate) steps: Vec<Step>,
    /// The scripts so far: EVALSHA names them again.
    pub(crate) scripts: Vec<Script>,
    /// The commands that it is made of, where not of all.
    only: Vec<String>,
}

impl Sequence {
    /// The sequence of `seed`; from these commands only, if there are any.
    pub(crate) fn draw(seed: u64, only: &[String]) -> Sequence {
        let mut draw = Draw::new(seed);
        let mut sequence = Sequence { steps: Vec::new(), scripts: Vec::new(), only: only.to_vec() };
        let count = draw.between(STEPS_MIN, STEPS_MAX);
        for connection in 0..2 {
            if draw.chance(50) {
                let hello = Request::new("HELLO").with("3").look(Look::Kind);
                sequence.push(connection, hello);
            }
        }
        let rows = rows(|_| true);
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
        // What is left at last.
        KEYS.iter().for_each(|key| sequence.push(0, sorted_sets::contents(key)));
        // In every third sequence a client often writes several requests at once.
        if draw.chance(33) {
            sequence.steps.iter_mut().for_each(|step| step.joined = draw.chance(70));
        }
        sequence
    }

    /// Adds a step, unless it is of a command that is not wanted.
    pub(crate) fn push(&mut self, connection: usize, request: Request) {
        let wanted = |name: &str| name == "HELLO" || self.only.iter().any(|only| only == name);
        let all = wanted(&request.verb()) && request.calls.iter().all(|call| wanted(call));
        if self.only.is_empty() || all {
            self.steps.push(Step { connection, request, joined: false });
        }
    }
}

/// The families of these kinds with their weights.
fn rows(wanted: fn(Kind) -> bool) -> Vec<(usize, Kind)> {
    let rows = FAMILIES.iter().map(|family| (family.weight, family.kind));
    rows.filter(|(_, kind)| wanted(*kind)).collect()
}

/// A request of any family that tells no story.
pub(crate) fn any_request(sequence: &mut Sequence, draw: &mut Draw) -> Request {
    let rows = rows(|kind| !matches!(kind, Kind::Story(_)));
    match draw.weighted(&rows) {
        Kind::Informed(informed) => informed(sequence, draw),
        Kind::Plain(plain) => plain(draw).mangled(draw),
        Kind::Story(_) => unreachable!("left out above"),
    }
}

/// A request as a script may make it.
pub(crate) fn plain_request(draw: &mut Draw) -> Request {
    match draw.weighted(&rows(|kind| matches!(kind, Kind::Plain(_)))) {
        Kind::Plain(plain) => plain(draw).mangled(draw),
        _ => unreachable!("left out above"),
    }
}
