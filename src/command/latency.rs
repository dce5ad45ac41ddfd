//! LATENCY: how long commands take.
//!
//! There are no latency events here (no fork, no expiry cycle, no disk on the request path), so
//! only HISTOGRAM has figures; the others answer as a Redis without samples.

use super::argument::{Argument, text};
use super::spec::{Flags, Plain, Spec};
use super::stats::RowTotals;
use super::table::{self, TABLE, error};
use super::{Args, Context, help, info};
use crate::resp::{self, Frame, Reply};

const FLAGS: Flags = Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE);
const EVENT: &[Argument] = &[text("event")];

const fn row(name: &'static str, arity: i32, handler: Plain, summary: &'static str) -> Spec {
    Spec::new(name, arity, handler).flags(FLAGS).docs("server", "2.8.13", summary)
}

pub(super) const ROWS: &[Spec] = &[
    Spec::new("latency", -2, latest).container().docs(
        "server",
        "2.8.13",
        "A container for latency diagnostics commands",
    ),
    row("latency|latest", 2, latest, "Return the latest latency samples for all events"),
    row("latency|history", 3, history, "Return time-latency samples for the event")
        .arguments(EVENT),
    row("latency|reset", -2, reset, "Reset the latency samples of events").arguments(&[text(
        "event",
    )
    .optional()
    .multiple()]),
    row("latency|doctor", 2, doctor, "Return a human readable latency analysis report"),
    row("latency|graph", 3, graph, "Return a latency graph for the event").arguments(EVENT),
    row("latency|histogram", -2, histogram, "Return how many runs of commands took how long")
        .complexity("O(N) where N is the number of commands with statistics")
        .arguments(&[text("command").optional().multiple()]),
    help::row("latency|help", "server", "2.8.13"),
];

fn latest(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Frame(resp::array(Vec::new()))
}

fn history(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    latest(context, args)
}

fn reset(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Integer(0)
}

fn doctor(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Frame(resp::verbatim(
        "No latency events are sampled: nothing here forks, and nothing waits for a disk.\n\
         LATENCY HISTOGRAM and INFO latencystats tell how long commands take, SLOWLOG GET which \
         requests took longest.\n",
    ))
}

fn graph(_context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let event = String::from_utf8_lossy(args.get(2));
    error(format!("ERR No samples available for event '{event}'"))
}

fn histogram(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let totals = info::totals(context.host);
    let mut rows: Vec<usize> = Vec::new();
    if args.len() == 2 {
        rows.extend(0..TABLE.len());
    }
    for row in args.tail(2).iter().filter_map(table::lookup) {
        let family = |index: &usize| {
            let name = TABLE[*index].name;
            *index == row || name.split('|').next() == Some(TABLE[row].name)
        };
        rows.extend((0..TABLE.len()).filter(family));
    }
    let entries = rows.into_iter().filter(|row| totals.rows[*row].calls > 0);
    let entries = entries.map(|row| (resp::text(TABLE[row].name), entry(&totals.rows[row])));
    Reply::Frame(resp::map(entries.collect()))
}

fn entry(row: &RowTotals) -> Frame {
    let buckets = cumulative_micros(row).into_iter();
    let buckets = buckets.map(|(micros, runs)| (resp::integer(micros), resp::integer(runs)));
    resp::map(vec![
        (resp::text("calls"), resp::integer(i64::try_from(row.calls).unwrap_or(i64::MAX))),
        (resp::text("histogram_usec"), resp::map(buckets.collect())),
    ])
}

/// Upper ends of the buckets that hold something, in microseconds, each with the runs up to it.
/// As in Redis, the finest is 1.
fn cumulative_micros(row: &RowTotals) -> Vec<(i64, i64)> {
    /// 2^10 ns, taken as one microsecond.
    const MICRO_BUCKET: usize = 10;
    let mut runs = 0u64;
    let mut ends: Vec<(i64, i64)> = Vec::new();
    for (bucket, count) in row.histogram.iter().enumerate().filter(|(_, count)| **count > 0) {
        runs = runs.saturating_add(*count);
        let end = 1i64 << bucket.saturating_sub(MICRO_BUCKET);
        let runs = i64::try_from(runs).unwrap_or(i64::MAX);
        match ends.last_mut() {
            Some(last) if last.0 == end => last.1 = runs,
            _ => ends.push((end, runs)),
        }
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::super::fake::Fake;
    use super::super::stats::BUCKETS;
    use super::*;

    #[test]
    fn buckets_below_a_microsecond_are_one_and_counts_add_up() {
        let mut histogram = [0; BUCKETS];
        (histogram[3], histogram[9], histogram[12]) = (1, 2, 4);
        let row = RowTotals { calls: 7, histogram, ..RowTotals::default() };
        assert_eq!(cumulative_micros(&row), [(1, 3), (4, 7)]);
    }

    #[test]
    fn a_container_names_its_subcommands_and_a_stranger_nothing() {
        let mut fake = Fake::new();
        let config_get = table::lookup(b"config|get").unwrap();
        fake.stats.record(config_get, 1, 5_000);
        assert_eq!(fake.ask("LATENCY HISTOGRAM nosuch"), Reply::Frame(resp::map(vec![])));
        let one = resp::map(vec![(
            resp::text("config|get"),
            resp::map(vec![
                (resp::text("calls"), resp::integer(1)),
                (
                    resp::text("histogram_usec"),
                    resp::map(vec![(resp::integer(8), resp::integer(1))]),
                ),
            ]),
        )]);
        assert_eq!(fake.ask("LATENCY HISTOGRAM config"), Reply::Frame(one));
    }
}
