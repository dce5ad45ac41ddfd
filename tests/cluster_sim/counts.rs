//! What a simulated node counts in: the plain model, or the engine itself.

use ratel::cluster::replication::Tally;
use ratel::config::MemoryPolicy;
use ratel::engine::{Engine, Freshness, Item, Merged, Options, Origin, ScanPlace, Series};
use ratel::limiter::gcra::Quota;

use super::model::{MS_NS, Model};

/// Counts of a node.
pub(crate) enum Counts {
    Model(Model),
    Engine(Box<Engine>),
}

/// Where a scan of either goes on.
pub(crate) enum Place {
    Model(<Model as Tally>::Place),
    Engine(ScanPlace),
}

impl Counts {
    pub(crate) fn model(origin: Origin, tag: u16) -> Counts {
        Counts::Model(Model::new(origin, tag, usize::MAX))
    }

    /// `seed` is that of its tables: every node has another.
    pub(crate) fn engine(origin: Origin, tag: u16, seed: u64) -> Counts {
        let engine = Engine::new(Options {
            seed,
            stamp_tag: tag,
            memory_limit_bytes: u64::MAX,
            policy: MemoryPolicy::NoEviction,
            track_changes: true,
        });
        engine.replicate(origin, 0);
        Counts::Engine(Box::new(engine))
    }

    pub(crate) fn hit(&self, now_ms: u64, key: &[u8], series: Series, increment: u64) {
        match self {
            Counts::Model(model) => drop(model.hit(now_ms, key, series, increment)),
            Counts::Engine(engine) => {
                engine.increment(&mut engine.reader(), now_ms, key, series, increment).unwrap();
            }
        }
    }

    pub(crate) fn refund(&self, now_ms: u64, key: &[u8], series: Series, amount: u64) {
        match self {
            Counts::Model(model) => drop(model.refund(now_ms, key, series, amount)),
            Counts::Engine(engine) => {
                engine.refund(&mut engine.reader(), now_ms, key, series, amount);
            }
        }
    }

    pub(crate) fn set(&self, now_ms: u64, key: &[u8], series: Series, count: u64) {
        match self {
            Counts::Model(model) => model.set(now_ms, key, series, count),
            Counts::Engine(engine) => {
                engine.set(&mut engine.reader(), now_ms, key, series, count).unwrap();
            }
        }
    }

    pub(crate) fn reset(&self, now_ms: u64, key: &[u8], until_ms: u64) {
        match self {
            Counts::Model(model) => model.reset(now_ms, key, until_ms),
            Counts::Engine(engine) => {
                engine.reset_all(&mut engine.reader(), now_ms, key);
            }
        }
    }

    pub(crate) fn flush(&self, now_ms: u64) {
        match self {
            Counts::Model(model) => model.flush(now_ms),
            Counts::Engine(engine) => engine.flush(now_ms),
        }
    }

    pub(crate) fn throttle(
        &self,
        now_ms: u64,
        key: &[u8],
        cost_ns: u64,
        tolerance_ns: u64,
    ) -> bool {
        match self {
            Counts::Model(model) => model.throttle(now_ms, key, cost_ns, tolerance_ns),
            Counts::Engine(engine) => {
                let burst = (tolerance_ns / cost_ns - 1) as i64;
                let quota = Quota::cell(burst, (1000 * MS_NS / cost_ns) as i64, 1).unwrap();
                !engine.throttle(now_ms * MS_NS, key, &quota, 1).unwrap().limited
            }
        }
    }

    pub(crate) fn get(&self, now_ms: u64, key: &[u8], series: Series) -> u64 {
        match self {
            Counts::Model(model) => model.get(now_ms, key, series),
            Counts::Engine(engine) => {
                engine.count_in_window(&mut engine.reader(), now_ms, key, series)
            }
        }
    }

    pub(crate) fn expire(&self, now_ms: u64) {
        match self {
            Counts::Model(model) => model.expire(now_ms),
            Counts::Engine(engine) => {
                engine.expire(now_ms);
                engine.reclaim(now_ms);
            }
        }
    }

    /// The model, where a law looks into it.
    pub(crate) fn plain(&self) -> &Model {
        match self {
            Counts::Model(model) => model,
            Counts::Engine(_) => panic!("this law is told of the model"),
        }
    }
}

macro_rules! either {
    ($counts:expr, $inner:ident => $call:expr) => {
        match $counts {
            Counts::Model($inner) => $call,
            Counts::Engine(engine) => {
                let $inner: &Engine = engine;
                $call
            }
        }
    };
}

impl Tally for Counts {
    type Place = Place;

    fn origin(&self) -> Origin {
        either!(self, inner => Tally::origin(inner))
    }

    fn flush_stamp(&self) -> u64 {
        either!(self, inner => Tally::flush_stamp(inner))
    }

    fn publish(
        &self,
        now_ms: u64,
        urgent_only: bool,
        bytes: usize,
        take: &mut dyn FnMut(Item),
    ) -> bool {
        either!(self, inner => Tally::publish(inner, now_ms, urgent_only, bytes, take))
    }

    fn carried(&self, dseq: u64, items: &[Item]) {
        either!(self, inner => Tally::carried(inner, dseq, items));
    }

    fn merge(
        &self,
        now_ms: u64,
        origin: Origin,
        version: u64,
        item: &Item,
        freshness: Freshness,
    ) -> Merged {
        either!(self, inner => Tally::merge(inner, now_ms, origin, version, item, freshness))
    }

    fn flush_by(&self, now_ms: u64, flush_stamp: u64) {
        either!(self, inner => Tally::flush_by(inner, now_ms, flush_stamp));
    }

    fn renew(&self, now_ms: u64, origin: Origin) {
        either!(self, inner => Tally::renew(inner, now_ms, origin));
    }

    fn scan(
        &self,
        now_ms: u64,
        wants: &dyn Fn(Origin) -> Option<u64>,
        from: Option<Place>,
        bytes: usize,
        take: &mut dyn FnMut(Origin, u64, Item),
    ) -> Option<Place> {
        match (self, from) {
            (Counts::Model(model), Some(Place::Model(from))) => {
                model.scan(now_ms, wants, Some(from), bytes, take).map(Place::Model)
            }
            (Counts::Model(model), _) => {
                model.scan(now_ms, wants, None, bytes, take).map(Place::Model)
            }
            (Counts::Engine(engine), Some(Place::Engine(from))) => {
                engine.scan_since(wants, Some(from), bytes, take).map(Place::Engine)
            }
            (Counts::Engine(engine), _) => {
                engine.scan_since(wants, None, bytes, take).map(Place::Engine)
            }
        }
    }

    fn digest(&self, origin: Origin, horizon_ms: u64) -> u64 {
        either!(self, inner => Tally::digest(inner, origin, horizon_ms))
    }

    fn forget_origin(&self, origin: Origin) {
        either!(self, inner => Tally::forget_origin(inner, origin));
    }

    fn origins(&self) -> Vec<Origin> {
        either!(self, inner => Tally::origins(inner))
    }
}
