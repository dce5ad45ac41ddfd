//! HELP of every container command, read off the table.
//!
//! Invariant: a subcommand cannot exist without its line here.

use super::spec::{Flags, Spec};
use super::{Args, Context, table};
use crate::resp::{self, Reply};

/// The row of a container's HELP.
pub(super) const fn row(name: &'static str, group: &'static str, since: &'static str) -> Spec {
    Spec::new(name, 2, help)
        .flags(Flags::LOADING.with(Flags::STALE))
        .docs(group, since, "Show helpful text about the different subcommands")
        .complexity("O(N) where N is the number of subcommands")
}

fn help(_context: &mut Context<'_>, args: &Args<'_>) -> Reply {
    let container = table::lookup(args.get(0)).map_or("", |row| table::TABLE[row].name);
    let lines = lines(container).iter().map(|line| resp::simple(line)).collect();
    Reply::Frame(resp::array(lines))
}

/// Redis's layout: a head line, then each subcommand and, indented, what it does.
pub(super) fn lines(container: &str) -> Vec<String> {
    let name = container.to_ascii_uppercase();
    let mut lines =
        vec![format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")];
    for spec in table::subcommands(container).filter(|spec| !spec.name.ends_with("|help")) {
        lines.push(syntax(spec));
        lines.push(format!("    {}.", spec.summary));
    }
    lines.push("HELP".to_owned());
    lines.push("    Print this help.".to_owned());
    lines
}

fn syntax(spec: &Spec) -> String {
    let mut line = spec.name.rsplit('|').next().unwrap_or_default().to_ascii_uppercase();
    for argument in spec.arguments {
        line.push(' ');
        argument.render(&mut line);
    }
    line
}
