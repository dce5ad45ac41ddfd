//! One Lua state of one worker: it compiles scripts and runs them, one at a time.
//!
//! Not here: what scripts see ([`super::sandbox`]). Invariant: after each run the state is as before
//! it, but for compiled scripts and garbage below a bound.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use mlua::{Function, Lua, MultiValue, Table, Value};

use super::cache::{Script, ScriptCache, key, key_of};
use super::calls::{Calls, Stop};
use super::digest::SHA_BYTES;
use super::door;
use super::fault::{self, Fault};
use super::handed::{self, Handed, Outcome};
use super::json_settings::JsonSettings;
use super::random::Random;
use super::request::Request;
use super::sandbox;
use super::to_lua::Shapes;
use super::to_reply::{ToReply, raised};
use super::watch::{KillSwitch, Watch};
use crate::resp::{Protocol, Reply};

/// What one Lua state may hold, bytes. A limiter's script needs a few KiB; a state that held more
/// would also make single instructions slow (a copy of all of it), and the budget is looked at
/// between instructions.
///
/// A state's own limit, if another is set, is [`Interpreter::limit_memory`]'s.
pub const MEMORY_BYTES_MAX: usize = 16 << 20;
/// What may come to a state between two times that it is cleaned after a run, bytes.
const GARBAGE_BYTES: usize = 4 << 20;
/// Compiled scripts of a state; beyond it all are dropped, to be compiled again (5 us each).
const COMPILED_COUNT_MAX: usize = 1024;
/// The source of one script or chunk, bytes: compiling it takes about 20 ms, which no hook sees.
pub(super) const CHUNK_BYTES_MAX: usize = 1 << 20;
/// The name of every script in messages, Redis's own.
const CHUNK_NAME: &str = "@user_script";

/// What a state is made with.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// `redis.REDIS_VERSION`, three numbers with dots between.
    pub redis_version: &'static str,
    /// Seeds `math.random`.
    pub seed: u64,
}

/// One run of a script.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The script.
    pub script: &'a Arc<Script>,
    /// `KEYS`.
    pub keys: &'a [&'a [u8]],
    /// `ARGV`.
    pub argv: &'a [&'a [u8]],
    /// How long it may run, nanoseconds.
    pub budget_ns: u64,
    /// Monotonic nanoseconds.
    pub ticker: fn() -> u64,
}

/// What the functions of a state share.
pub(super) struct Shared {
    pub(super) watch: Watch,
    pub(super) protocol: Cell<Protocol>,
    pub(super) shapes: Shapes,
    pub(super) json: JsonSettings,
    pub(super) random: Random,
    pub(super) raised: RefCell<Option<Raised>>,
    /// Room for the words of a call.
    pub(super) request: RefCell<Request>,
    /// What the state may hold while a script runs.
    pub(super) memory_bytes: Cell<usize>,
}

/// What ended a script, as the handler of errors saw it.
pub(super) struct Raised {
    pub(super) text: String,
    pub(super) place: Option<(String, usize)>,
}

/// Runs the scripts of one worker.
pub struct Interpreter {
    options: Options,
    state: State,
}

struct State {
    lua: Lua,
    globals: Table,
    run: Function,
    shared: Rc<Shared>,
    compiled: BTreeMap<[u8; SHA_BYTES], (Arc<Script>, Function)>,
    /// The state is cleaned when it holds more than this.
    collect_at_bytes: usize,
}

impl Interpreter {
    /// A fresh state.
    ///
    /// # Errors
    /// Lua could not be set up, which only a lack of memory causes.
    pub fn new(options: Options) -> Result<Self, String> {
        let state = State::new(&options, KillSwitch::default()).map_err(|e| e.to_string())?;
        Ok(Interpreter { options, state })
    }

    /// Sets what the state may hold from the next run on, bytes: at most a few times
    /// [`MEMORY_BYTES_MAX`], which it is at first.
    pub fn limit_memory(&self, bytes: usize) {
        self.state.shared.memory_bytes.set(bytes);
    }

    /// Ends the script that runs here, from any thread.
    pub fn kill_switch(&self) -> KillSwitch {
        self.state.shared.watch.kill_switch()
    }

    /// What the state holds now, bytes (INFO's `used_memory_vm_eval`).
    pub fn used_memory_bytes(&self) -> usize {
        self.state.lua.used_memory()
    }

    /// The script of this SHA1 (EVALSHA): 40 hexadecimal digits in any case.
    pub fn find(&self, cache: &ScriptCache, sha: &[u8]) -> Option<Arc<Script>> {
        let there = self.state.compiled.get(&key(sha)?).map(|(script, _)| script);
        match there {
            Some(script) if !script.is_gone() => Some(script.clone()),
            _ => cache.get(sha),
        }
    }

    /// The script of this source, known to `cache` from now on: with `load` until a flush (SCRIPT
    /// LOAD), else until it is evicted (EVAL). Where the cache is full, EVAL's script runs without
    /// being remembered.
    ///
    /// # Errors
    /// It does not compile, its shebang is wrong, or a loaded one finds no room: Redis's text, with
    /// its code. Nothing is remembered.
    pub fn learn(
        &mut self,
        cache: &ScriptCache,
        source: &[u8],
        load: bool,
    ) -> Result<Arc<Script>, String> {
        let key = key_of(source);
        if !load && let Some(script) = self.find(cache, &key) {
            return Ok(script);
        }
        let script = Arc::new(Script::new(key, source)?);
        self.body(&script)?;
        match cache.insert(script.clone(), load) {
            Ok(known) => {
                self.state.adopt(&known);
                Ok(known)
            }
            Err(_) if !load => {
                script.leave();
                Ok(script)
            }
            Err(full) => {
                script.leave();
                Err(full)
            }
        }
    }

    /// Runs a script to its end. What it returned or raised is the reply.
    ///
    /// # Errors
    /// It was stopped: what its calls did stays done, and undoing it is the caller's affair.
    pub fn run(&mut self, run: &Run<'_>, calls: &mut dyn Calls) -> Result<Reply, Stop> {
        let body = match self.body(run.script) {
            Ok(body) => body,
            Err(text) => return Ok(Reply::Error(text.into())),
        };
        let started_ns = self.state.shared.begin(run);
        run.script.touch(started_ns);
        let reply = self.state.execute(&body, run, calls);
        self.clean();
        reply
    }

    /// The compiled script. Where scripts themselves use up the state, it is made anew.
    fn body(&mut self, script: &Arc<Script>) -> Result<Function, String> {
        match self.state.body(script) {
            Err(Refused::Memory) if self.renew() => self.state.body(script),
            other => other,
        }
        .map_err(|refused| match refused {
            Refused::Text(text) => compile_refusal(&text),
            Refused::Memory => compile_refusal("not enough memory"),
        })
    }

    /// Frees what the run left. A state that stays large is made anew.
    fn clean(&mut self) {
        let State { lua, shared, collect_at_bytes, .. } = &mut self.state;
        if lua.used_memory() <= *collect_at_bytes {
            return;
        }
        // The first one runs finalizers, the second one frees what they held.
        let collected = lua.gc_collect().and_then(|()| lua.gc_collect());
        *collect_at_bytes = lua.used_memory().saturating_add(GARBAGE_BYTES);
        if collected.is_err() || lua.used_memory() > shared.memory_bytes.get() / 2 {
            self.renew();
        }
    }

    /// Makes the state anew, without compiled scripts; false where memory does not allow it.
    fn renew(&mut self) -> bool {
        // Else the same numbers would come again.
        self.options.seed = self.options.seed.wrapping_add(1);
        match State::new(&self.options, self.kill_switch()) {
            Ok(state) => self.state = state,
            Err(_) => return false,
        }
        true
    }
}

/// Why a script was not compiled.
enum Refused {
    Text(String),
    Memory,
}

fn compile_refusal(why: &str) -> String {
    format!("ERR Error compiling script (new function): {why}")
}

impl Shared {
    pub(super) fn new(lua: &Lua, seed: u64, kill: KillSwitch) -> mlua::Result<Self> {
        Ok(Shared {
            watch: Watch::new(kill),
            protocol: Cell::default(),
            shapes: Shapes::new(lua)?,
            json: JsonSettings::default(),
            random: Random::new(seed),
            raised: RefCell::default(),
            request: RefCell::default(),
            memory_bytes: Cell::new(MEMORY_BYTES_MAX),
        })
    }

    /// Takes back what the last script chose, and starts the clock: its reading, nanoseconds.
    fn begin(&self, run: &Run<'_>) -> u64 {
        self.protocol.set(Protocol::Resp2);
        self.json.reset();
        self.random.next_script();
        self.raised.take();
        self.watch.start(run.ticker, run.budget_ns)
    }
}

impl State {
    fn new(options: &Options, kill: KillSwitch) -> mlua::Result<Self> {
        let sandbox::Sandbox { lua, globals, run, shared } = sandbox::build(options, kill)?;
        let compiled = BTreeMap::new();
        let collect_at_bytes = lua.used_memory().saturating_add(GARBAGE_BYTES);
        Ok(State { lua, globals, run, shared, compiled, collect_at_bytes })
    }

    /// The compiled script.
    fn body(&mut self, script: &Arc<Script>) -> Result<Function, Refused> {
        if let Some((known, body)) = self.compiled.get_mut(&script.key()) {
            if known.is_gone() {
                *known = script.clone();
            }
            return Ok(body.clone());
        }
        let body = self.compile(script.code())?;
        if self.compiled.len() >= COMPILED_COUNT_MAX {
            self.compiled.clear();
        }
        self.compiled.insert(script.key(), (script.clone(), body.clone()));
        Ok(body)
    }

    /// Keeps the script that the cache knows beside its compiled body, so that it is found for as long
    /// as the cache knows it.
    fn adopt(&mut self, script: &Arc<Script>) {
        if let Some((known, _)) = self.compiled.get_mut(&script.key()) {
            *known = script.clone();
        }
    }

    fn compile(&self, code: &[u8]) -> Result<Function, Refused> {
        if code.len() > CHUNK_BYTES_MAX {
            return Err(Refused::Text("user_script: chunk too long".to_owned()));
        }
        let chunk = sandbox::Chunk { code, name: CHUNK_NAME, globals: &self.globals };
        let limited = self.lua.set_memory_limit(MEMORY_BYTES_MAX);
        let body = limited.and_then(|_| chunk.compile(&self.lua));
        let unlimited = self.lua.set_memory_limit(0);
        body.and_then(|body| unlimited.map(|_| body)).map_err(|error| match error {
            mlua::Error::MemoryError(_) => Refused::Memory,
            other => Refused::Text(sandbox::compile_error(&other)),
        })
    }

    fn execute(
        &self,
        body: &Function,
        run: &Run<'_>,
        calls: &mut dyn Calls,
    ) -> Result<Reply, Stop> {
        // Without a memory limit mlua may skip a protected call for each value: what is made here
        // is as large as the request, which is bounded. So the last argument sets the limit.
        let limit = Handed::Limit(self.shared.memory_bytes.get());
        let outcome = door::open(calls, || {
            if handed::fits(run.keys, run.argv) {
                let words = handed::words(run.keys, run.argv, limit);
                return self.run.call::<(i64, MultiValue)>((body, run.keys.len(), words));
            }
            let (keys, argv) = (self.strings(run.keys)?, self.strings(run.argv)?);
            self.run.call((body, -1, keys, argv, limit))
        });
        // mlua fails here only where there is no allocator of its own, and it made this state.
        let _ = self.lua.set_memory_limit(0);
        self.outcome(outcome, run.script)
    }

    fn outcome(
        &self,
        outcome: mlua::Result<(i64, MultiValue)>,
        script: &Script,
    ) -> Result<Reply, Stop> {
        if let Some(stop) = self.shared.watch.stopped() {
            return Err(stop);
        }
        let text = match outcome {
            Ok((Outcome::RAISED, mut values)) => match self.shared.raised.take() {
                Some(Raised { text, place }) => {
                    let place = place.as_ref().map(|(source, line)| (source.as_str(), *line));
                    return Ok(raised(&text, script.sha(), place));
                }
                // Lua calls no handler when memory is used up, or when the handler itself fails.
                None => match values.pop_front().map(|value| (fault::unwrap(&value), value)) {
                    Some((Some(Fault::Text(text) | Fault::Reply(text)), _)) => text,
                    Some((_, Value::String(text))) => text.to_string_lossy(),
                    _ => "the script failed".to_owned(),
                },
            },
            Ok((kind, values)) => {
                let shared = &self.shared;
                let made = ToReply::new(&shared.shapes, &shared.watch, shared.protocol.get());
                let made = match kind {
                    Outcome::LIST => made.list(&values),
                    _ => made.reply(values.front().unwrap_or(&Value::Nil)),
                };
                return made.ok_or_else(|| shared.watch.stopped().unwrap_or(Stop::Budget));
            }
            Err(error) => fault::of(&error).to_string(),
        };
        Ok(raised(&format!("ERR {text}"), script.sha(), None))
    }

    fn strings(&self, words: &[&[u8]]) -> mlua::Result<Table> {
        let table = self.lua.create_table_with_capacity(words.len(), 0)?;
        for word in words {
            table.raw_push(mlua::LuaString::wrap(word))?;
        }
        Ok(table)
    }
}
