//! ACL, as far as there are users: one, `default`, with or without a password.

use super::argument::text;
use super::spec::{Categories, Flags, Plain, Spec};
use super::table::{TABLE, error};
use super::{Args, Context, help};
use crate::resp::{self, Reply};

const LOOSE: Flags = Flags::NOSCRIPT.with(Flags::LOADING).with(Flags::STALE);

const fn row(name: &'static str, arity: i32, handler: Plain, summary: &'static str) -> Spec {
    Spec::new(name, arity, handler).flags(LOOSE).docs("server", "6.0.0", summary)
}

pub(super) const ROWS: &[Spec] = &[
    Spec::new("acl", -2, who_am_i).container().docs(
        "server",
        "6.0.0",
        "A container for access list control commands",
    ),
    row("acl|whoami", 2, who_am_i, "Return the name of the user of this connection"),
    row("acl|cat", -2, categories, "List the categories, or the commands of one")
        .complexity("O(N) where N is the number of commands")
        .arguments(&[text("categoryname").optional()]),
    row("acl|users", 2, users, "List the names of all users").flags(LOOSE.with(Flags::ADMIN)),
    row("acl|list", 2, list, "List all users and their rules").flags(LOOSE.with(Flags::ADMIN)),
    help::row("acl|help", "server", "6.0.0"),
];

fn who_am_i(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Frame(resp::text("default"))
}

fn categories(_context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let names: Vec<&str> = match args.len() {
        2 => Categories::NAMES.to_vec(),
        3 => {
            let Some(category) = Categories::named(args.get(2)) else {
                let name = String::from_utf8_lossy(args.get(2));
                return error(format!("ERR Unknown category '{name}'"));
            };
            let within = |spec: &&&super::Spec| spec.all_categories().contains(category);
            TABLE.iter().filter(within).map(|spec| spec.name).collect()
        }
        _ => {
            return error(
                "ERR unknown subcommand or wrong number of arguments for 'cat'. Try ACL HELP."
                    .to_owned(),
            );
        }
    };
    Reply::Frame(resp::array(names.into_iter().map(resp::text).collect()))
}

fn users(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Frame(resp::array(vec![resp::text("default")]))
}

/// The rules without the password's digest: nobody can import them anyway.
fn list(context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    let open = context.host.config().requirepass.is_empty();
    let password = if open { "nopass" } else { "#(redacted)" };
    let rules = format!("user default on {password} ~* &* +@all");
    Reply::Frame(resp::array(vec![resp::text(&rules)]))
}

/// LOLWUT: a line that tells what answers here.
pub(super) fn lolwut(_context: &mut Context<'_>, _args: &Args<'_>) -> Reply {
    Reply::Frame(resp::verbatim(&format!("ratel ver. {}\n", env!("CARGO_PKG_VERSION"))))
}
