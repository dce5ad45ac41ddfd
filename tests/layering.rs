//! The layers below `server` stay free of sockets, files, clocks, tokio and global randomness, and
//! no layer names one above it.
//!
//! Goal: a rule that the compiler does not know, checked on every test run. Method: the words of
//! each source line, comments and test modules left out.

use std::fs;
use std::path::{Path, PathBuf};

/// What no pure layer may name.
const IMPURE: &[&str] = &[
    "tokio",
    "mio",
    "socket2",
    "rustix",
    "std::net",
    "std::fs",
    "std::env",
    "std::process",
    "SystemTime",
    "Instant",
    "thread_rng",
    "getrandom",
    "OsRng",
    "RandomState",
];

/// Each pure layer with the layers of this crate that it may name.
const LAYERS: &[(&str, &[&str])] = &[
    ("config", &[]),
    ("limiter", &["config"]),
    ("store", &["config", "limiter"]),
    ("engine", &["config", "limiter", "store"]),
    ("cluster", &["config", "limiter", "store", "engine"]),
    ("resp", &["config"]),
    ("script", &["config", "resp"]),
    ("command", &["config", "limiter", "store", "engine", "cluster", "resp", "script"]),
];
const EDGE: &str = "server";

/// What is wrong with `source`, a file of `layer`: line number and reason.
fn violations(layer: &str, source: &str) -> Vec<(usize, String)> {
    let (_, allowed) = LAYERS.iter().find(|(name, _)| *name == layer).expect("a pure layer");
    let layers = LAYERS.iter().map(|(name, _)| *name).chain([EDGE]);
    let forbidden: Vec<String> = layers
        .filter(|other| *other != layer && !allowed.contains(other))
        .map(|other| format!("crate::{other}"))
        .chain(IMPURE.iter().map(|name| (*name).to_owned()))
        .collect();
    let mut found = Vec::new();
    for (at, line) in code(source) {
        for name in forbidden.iter().filter(|name| names(&line, name)) {
            found.push((at, format!("{layer} must not name {name}: {}", line.trim())));
        }
    }
    found
}

/// The numbered lines without comments, up to the file's test module, with imports in braces
/// spelled out: `use std::{fs, net::IpAddr};` as `std::fs std::net::IpAddr`.
fn code(source: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut import: Option<(usize, String)> = None;
    let mut rest = source.lines().enumerate().peekable();
    while let Some((index, line)) = rest.next() {
        let next = rest.peek().map_or("", |(_, line)| *line);
        if line.trim_start() == "#[cfg(test)]" && next.trim_start().starts_with("mod ") {
            break;
        }
        let line = line.split("//").next().unwrap_or_default();
        let begins = line.trim_start().trim_start_matches("pub ").starts_with("use ");
        match import.take() {
            Some((at, text)) => import = Some((at, text + " " + line)),
            None if begins => import = Some((index + 1, line.to_owned())),
            None => lines.push((index + 1, line.to_owned())),
        }
        if import.as_ref().is_some_and(|(_, text)| text.contains(';')) {
            lines.extend(import.take().map(|(at, text)| (at, spell_out(&text))));
        }
    }
    lines.extend(import);
    lines
}

/// Every path of a `use`, in full.
fn spell_out(import: &str) -> String {
    let mut prefixes = vec![String::new()];
    let mut path = String::new();
    let mut paths = Vec::new();
    for part in import.trim_start().trim_start_matches("pub ").trim_start_matches("use ").chars() {
        match part {
            '{' => prefixes.push(std::mem::take(&mut path)),
            ',' | '}' | ';' => {
                if !path.trim().is_empty() {
                    paths.push(prefixes.concat() + path.trim());
                }
                path.clear();
                if part == '}' {
                    prefixes.pop();
                }
            }
            ' ' if path.is_empty() => {}
            other => path.push(other),
        }
    }
    paths.join(" ")
}

/// Whether `line` holds `name` as a whole path, not as a part of a longer word.
fn names(line: &str, name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(name).any(|(at, _)| {
        let before = line.get(..at).and_then(|text| text.chars().next_back());
        let after = line.get(at + name.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(word) && !after.is_some_and(word)
    })
}

fn sources(under: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(under) else {
        return files;
    };
    for entry in entries {
        let path = entry.expect("a folder that can be read").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    files
}

#[test]
fn pure_layers_name_nothing_impure_and_nothing_above_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut looked_at = 0;
    for (layer, _) in LAYERS {
        let is_test = |file: &Path| {
            let inside = file.strip_prefix(&root).expect("below src");
            file.ends_with("tests.rs") || inside.iter().any(|part| part == "tests")
        };
        for file in sources(&root.join(layer)).iter().filter(|file| !is_test(file)) {
            looked_at += 1;
            let source = fs::read_to_string(file).expect("a file that can be read");
            let rows = violations(layer, &source);
            found.extend(rows.iter().map(|(at, why)| format!("{}:{at}: {why}", file.display())));
        }
    }
    assert!(looked_at >= 10, "only {looked_at} files found");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_folder_of_the_crate_is_a_known_layer() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    for entry in fs::read_dir(root).expect("src").map(|entry| entry.expect("an entry")) {
        let name = entry.file_name().into_string().expect("UTF-8");
        let known = LAYERS.iter().any(|(layer, _)| *layer == name) || name == EDGE;
        // `cli` belongs to the program, not to the crate: main.rs is above the edge.
        assert!(entry.path().is_file() || known || name == "cli", "{name}: pure or edge?");
    }
}

#[test]
fn the_check_bites() {
    for (layer, line) in [
        ("store", "use std::time::Instant;"),
        ("store", "let now = std::time::SystemTime::now();"),
        ("store", "use std::{collections::HashMap, time::{Duration, Instant}};"),
        ("limiter", "use crate::store::Store;"),
        ("limiter", "use crate::resp::Reply;"),
        ("engine", "fn f() -> crate::command::Stats { x }"),
        ("engine", "use crate::{\n    command::Stats,\n    config::Config,\n};"),
        ("command", "tokio::spawn(f);"),
        ("command", "use crate::server;"),
        ("command", "use std::net::TcpStream;"),
        ("resp", "use crate::command::Slice;"),
        ("config", "std::env::var(\"X\")"),
        ("config", "use crate::limiter::Window;"),
        ("cluster", "let seed = getrandom::u64();"),
        ("store", "#[cfg(test)]\nuse x;\nuse std::time::Instant;"),
    ] {
        assert_eq!(violations(layer, line).len(), 1, "{layer}: {line}");
    }
}

#[test]
fn the_check_does_not_cry_wolf() {
    for (layer, source) in [
        ("store", "// tokio is not here"),
        ("store", "/// Not a SystemTime.\nuse crate::limiter::Window;"),
        ("store", "let Instantiated = 1;"),
        ("command", "use crate::{engine::Engine, resp::{Frame, Reply}};"),
        ("command", "use std::time::Duration;"),
        ("config", "word.parse::<core::net::IpAddr>()"),
        ("store", "fn f() {}\n#[cfg(test)]\nmod tests {\n    use std::time::Instant;\n}"),
    ] {
        assert_eq!(violations(layer, source), Vec::new(), "{layer}: {source}");
    }
}
