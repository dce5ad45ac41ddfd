//! Channels: SUBSCRIBE, PSUBSCRIBE and their opposites, PUBLISH, PUBSUB.
//!
//! Messages reach the subscribers of this node alone. Not here: how they are kept for one that is
//! slow (`outbox.rs`). Invariants: a confirmation comes before the first and after the last message
//! of its subscription; a script that is undone has published nothing.

use std::sync::Arc;

use super::argument::{pattern, text};
use super::channels::{
    NAME_BYTES_MAX, PATTERN_BYTES_MAX, SUBSCRIBED_BYTES_MAX, SUBSCRIBED_COUNT_MAX, Subscriber,
    Topic,
};
use super::spec::{Flags, Plain, Spec};
use super::table::{error, failure};
use super::{Args, Context, glob, help};
use crate::resp::{Part, Protocol, Reply, array, bulk, encode_push, integer};

/// Most channels that PUBSUB CHANNELS returns, as KEYS does of keys.
const CHANNELS_MAX: usize = 100_000;
/// Most bytes of the messages that one script publishes: they are kept until it ends.
const SCRIPT_BYTES_MAX: usize = 16 << 20;

const GROUP: &str = "pubsub";
const ABOUT: Flags = Flags::PUBSUB.with(Flags::LOADING).with(Flags::STALE);
const LISTENING: Flags = ABOUT.with(Flags::NOSCRIPT).with(Flags::WHILE_SUBSCRIBED);

const fn row(name: &'static str, arity: i32, handler: Plain, summary: &'static str) -> Spec {
    Spec::new(name, arity, handler).flags(LISTENING).docs(GROUP, "2.0.0", summary)
}

pub(super) const ROWS: &[Spec] = &[
    row("subscribe", -2, subscribe, "Listen for messages of channels")
        .complexity("O(N) where N is the number of channels")
        .arguments(&[text("channel").multiple()]),
    row("unsubscribe", -1, unsubscribe, "Listen no more for messages of channels, or of all")
        .complexity("O(N) where N is the number of channels")
        .arguments(&[text("channel").optional().multiple()]),
    row("psubscribe", -2, psubscribe, "Listen for messages of channels that match patterns")
        .complexity("O(N) where N is the number of patterns")
        .arguments(&[pattern("pattern").multiple()]),
    row("punsubscribe", -1, punsubscribe, "Listen no more for these patterns, or for any")
        .complexity("O(N) where N is the number of patterns")
        .arguments(&[pattern("pattern").optional().multiple()]),
    Spec::new("publish", 3, publish)
        .flags(ABOUT.with(Flags::FAST).with(Flags::MAY_REPLICATE))
        .docs(GROUP, "2.0.0", "Send a message to the channel's subscribers on this node")
        .complexity("O(N+M) where N is the number of receivers and M the number of patterns")
        .arguments(&[text("channel"), text("message")]),
    Spec::new("pubsub", -2, count_patterns).container().docs(
        GROUP,
        "2.8.0",
        "A container for commands that look at subscriptions",
    ),
    Spec::new("pubsub|channels", -2, channels)
        .flags(ABOUT)
        .docs(GROUP, "2.8.0", "List the channels that somebody is subscribed to")
        .complexity("O(N) where N is the number of channels")
        .arguments(&[pattern("pattern").optional()]),
    Spec::new("pubsub|numsub", -2, count_subscribers)
        .flags(ABOUT)
        .docs(GROUP, "2.8.0", "Count the subscribers of channels, those of patterns left out")
        .complexity("O(N) where N is the number of channels")
        .arguments(&[text("channel").optional().multiple()]),
    Spec::new("pubsub|numpat", 2, count_patterns).flags(ABOUT).docs(
        GROUP,
        "2.8.0",
        "Count the distinct patterns that somebody is subscribed to",
    ),
    help::row("pubsub|help", GROUP, "6.2.0"),
];

fn subscribe(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    listen(context, args, Topic::Channel, b"subscribe")
}

fn psubscribe(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    listen(context, args, Topic::Pattern, b"psubscribe")
}

fn unsubscribe(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    leave(context, args, Topic::Channel, b"unsubscribe")
}

fn punsubscribe(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    leave(context, args, Topic::Pattern, b"punsubscribe")
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// One confirmation.
fn confirm(out: &mut Vec<u8>, protocol: Protocol, kind: &[u8], name: Part<'_>, count: usize) {
    encode_push(out, protocol, &[Part::Bulk(kind), name, Part::Integer(signed(count))]);
}

fn listen(context: &mut Context<'_>, args: &Args<'_>, topic: Topic, kind: &[u8]) -> Reply {
    let subscriber = context.session.subscriber.as_ref();
    let (mut count, mut bytes) =
        subscriber.map_or((0, 0), |subscriber| (subscriber.count(), subscriber.name_bytes()));
    for name in args.iter().skip(1) {
        if name.len() > NAME_BYTES_MAX {
            return too_long();
        }
        (count, bytes) = (count + 1, bytes.saturating_add(name.len()));
    }
    if count > SUBSCRIBED_COUNT_MAX || bytes > SUBSCRIBED_BYTES_MAX {
        return error(format!(
            "ERR too many subscriptions, must be at most {SUBSCRIBED_COUNT_MAX} of \
             {SUBSCRIBED_BYTES_MAX} bytes together"
        ));
    }
    let session = &mut *context.session;
    let subscriber = session
        .subscriber
        .get_or_insert_with(|| Box::new(Subscriber::new(context.channels, &session.record)));
    let mut out = Vec::new();
    for name in args.iter().skip(1) {
        if subscriber.subscribe(topic, name) {
            confirm(&mut out, session.protocol, kind, Part::Bulk(name), subscriber.count());
        } else {
            let text =
                format!("ERR too many patterns, must be at most {PATTERN_BYTES_MAX} bytes in all");
            error(text).encode(session.protocol, &mut out);
        }
    }
    Reply::Pushes(out)
}

fn leave(context: &mut Context<'_>, args: &Args<'_>, topic: Topic, kind: &[u8]) -> Reply {
    let protocol = context.session.protocol;
    let mut confirmations = Vec::new();
    let mut names: Vec<Arc<[u8]>> = args.iter().skip(1).map(Arc::from).collect();
    let subscriber = context.session.subscriber.as_mut();
    if names.is_empty() {
        let all = subscriber.iter().flat_map(|subscriber| subscriber.names(topic));
        names = all.cloned().collect();
    }
    let mut count = subscriber.as_ref().map_or(0, |subscriber| subscriber.count());
    if names.is_empty() {
        confirm(&mut confirmations, protocol, kind, Part::Null, count);
        return Reply::Pushes(confirmations);
    }
    let mut out = Vec::new();
    let mut subscriber = subscriber;
    for name in &names {
        if let Some(subscriber) = &mut subscriber {
            subscriber.unsubscribe(topic, name);
            count = subscriber.count();
        }
        confirm(&mut confirmations, protocol, kind, Part::Bulk(name), count);
    }
    if let Some(subscriber) = subscriber
        && !context.is_held
    {
        // What came before the end of a subscription is told before it.
        subscriber.outbox().take(&mut out, usize::MAX);
    }
    out.append(&mut confirmations);
    Reply::Pushes(out)
}

fn too_long() -> Reply {
    error(format!("ERR the name of a channel must be at most {NAME_BYTES_MAX} bytes"))
}

fn publish(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let (channel, message) = (args.get(1), args.get(2));
    if channel.len() > NAME_BYTES_MAX {
        return too_long();
    }
    let receivers = match &mut context.trail {
        Some(trail) => {
            if !trail.note_message(channel, message, SCRIPT_BYTES_MAX) {
                return error(format!(
                    "ERR a script must publish at most {SCRIPT_BYTES_MAX} bytes"
                ));
            }
            context.channels.receivers(channel)
        }
        None => {
            let limit = &context.config.pubsub_output_limit;
            context.channels.publish(channel, message, limit, context.now_ms)
        }
    };
    Reply::Integer(signed(receivers))
}

fn channels(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    if args.len() > 3 {
        return failure(
            "ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.",
        );
    }
    let mut names: Vec<Arc<[u8]>> = Vec::new();
    context.channels.each(|name| {
        if args.len() == 2 || glob::matches(args.get(2), name) {
            names.push(name.clone());
        }
        names.len() <= CHANNELS_MAX
    });
    if names.len() > CHANNELS_MAX {
        return error(format!(
            "ERR more than {CHANNELS_MAX} channels match: ask for fewer by a pattern"
        ));
    }
    Reply::Frame(array(names.iter().map(|name| bulk(name.to_vec())).collect()))
}

fn count_subscribers(context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let names = args.iter().skip(2);
    let pairs = names
        .flat_map(|name| [bulk(name.to_vec()), integer(signed(context.channels.subscribed(name)))]);
    Reply::Frame(array(pairs.collect()))
}

fn count_patterns(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Integer(signed(context.channels.pattern_count()))
}

#[cfg(test)]
#[path = "pubsub_tests.rs"]
mod tests;
