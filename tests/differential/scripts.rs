//! Requests that load, name and run scripts.

use crate::draw::Draw;
use crate::lua_calls::{ALL_CALLS, CALLING, LAST_CALL};
use crate::lua_faults::FAULTS;
use crate::lua_libraries::LIBRARIES;
use crate::lua_values::VALUES;
use crate::request::Request;
use crate::script::{Returns, Script};
use crate::sequence::Sequence;
use crate::stock::option;

pub(crate) fn request(sequence: &mut Sequence, draw: &mut Draw) -> Request {
    let request = match draw.below(100) {
        0..58 => {
            let script = fresh(sequence, draw);
            script.run("EVAL", false)
        }
        58..68 => fresh(sequence, draw).run("EVAL_RO", false),
        68..82 => known(sequence, draw).run("EVALSHA", true),
        82..87 => known(sequence, draw).run("EVALSHA_RO", true),
        _ => return administration(sequence, draw).mangled(draw),
    };
    let request = if draw.chance(5) { spoilt(request, draw) } else { request };
    recased(request, draw)
}

/// A script that the sequence had not, and has from now on.
fn fresh(sequence: &mut Sequence, draw: &mut Draw) -> Script {
    let (returns, template) = match draw.below(100) {
        0..16 => (Returns::Value, draw.one_of(VALUES)),
        16..26 => (Returns::Value, draw.one_of(FAULTS)),
        26..34 => (Returns::Value, draw.one_of(LIBRARIES)),
        34..58 => (Returns::Value, draw.one_of(CALLING)),
        58..78 => (Returns::LastCall, draw.one_of(LAST_CALL)),
        _ => (Returns::AllCalls, draw.one_of(ALL_CALLS)),
    };
    let mut script = Script::fill(template, returns, draw);
    if draw.chance(3) {
        let first = draw.one_of(&[
            "#!lua\n",
            "#!lua flags=no-writes\n",
            "#!lua flags=no-writes,allow-stale\n",
            "#!lua flags=allow-oom\n",
            "#!lua flags=nosuch\n",
            "#!lua name=mine\n",
            "#!lua nonsense\n",
            "#!python\n",
            "#!lua",
        ]);
        script.text.insert_str(0, first);
    }
    sequence.scripts.push(script.clone());
    script
}

/// A script of before, or one that no server has seen.
fn known(sequence: &mut Sequence, draw: &mut Draw) -> Script {
    if sequence.scripts.is_empty() || draw.chance(8) {
        let mut script = Script::default();
        script.text = "return 'never loaded'".to_owned();
        return script;
    }
    sequence.scripts[draw.below(sequence.scripts.len())].clone()
}

/// With another number of keys, or a name that is none.
fn spoilt(mut request: Request, draw: &mut Draw) -> Request {
    if draw.chance(70) {
        // With fewer keys its arguments move, and none may become a time to live that ends while
        // the sequence runs.
        let timed = request.to_string().to_ascii_uppercase().contains('X');
        let counts = ["-1", "100", "abc", "", "9223372036854775808", "0", "1"];
        let counts = if timed { &counts[..5] } else { &counts[..] };
        request.words[2] = draw.one_of(counts).into();
        return request;
    }
    request.words[1] = draw.one_of(&["abc", "", "ffffffffffffffffffffffffffffffffffffffff"]).into();
    request
}

fn recased(mut request: Request, draw: &mut Draw) -> Request {
    if draw.chance(25) {
        request.words[0] = request.verb().to_ascii_lowercase().into();
    }
    let by_name = request.verb().starts_with("EVALSHA");
    if let (true, crate::request::Word::Bytes(name)) =
        (by_name && draw.chance(20), &request.words[1])
    {
        request.words[1] = name.to_ascii_uppercase().into();
    }
    request
}

fn administration(sequence: &mut Sequence, draw: &mut Draw) -> Request {
    let request = |name: &str, draw: &mut Draw| Request::new("SCRIPT").with(option(name, draw));
    match draw.below(100) {
        0..45 => {
            let script = fresh(sequence, draw);
            request("LOAD", draw).with(script.text)
        }
        45..75 => {
            let names = [known(sequence, draw).sha1(), known(sequence, draw).sha1()];
            request("EXISTS", draw).with_all(names)
        }
        75..90 => {
            let flush = request("FLUSH", draw);
            match draw.one_of(&["", "", "SYNC", "ASYNC", "NOPE"]) {
                "" => flush,
                how => flush.with(how),
            }
        }
        90..95 => request("KILL", draw),
        _ => request("NOPE", draw),
    }
}
