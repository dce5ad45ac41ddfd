//! The README tells what the code does: its table of settings is the schema's, its commands are
//! the command table's, and the files it names exist.

use std::fmt::Write as _;
use std::path::Path;

use ratel::command::TABLE;
use ratel::config::Config;
use ratel::config::schema::SETTINGS;

const BEGIN: &str =
    "<!-- settings: generated from src/config/schema.rs, checked by tests/readme.rs -->\n";
const END: &str = "<!-- settings end -->";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("README.md")
}

fn settings_table() -> String {
    let mut table = String::new();
    let mut group = None;
    for setting in SETTINGS {
        if group != Some(setting.group) {
            group = Some(setting.group);
            let title = setting.group.title();
            let _ = write!(
                table,
                "\n**{title}**\n\n| setting | default | live | |\n|---|---|---|---|\n"
            );
        }
        let default = match setting.value.print_short(&Config::default()) {
            text if text.is_empty() => "none".to_owned(),
            text => format!("`{text}`"),
        };
        let unit = match setting.unit {
            "seconds" | "micros" => format!(" {}", setting.unit),
            _ => String::new(),
        };
        let live = if setting.live { "yes" } else { "" };
        let range = setting.value.range();
        let _ = writeln!(
            table,
            "| `{}` | {default}{unit} | {live} | {} Allowed: {range}. |",
            setting.name, setting.help,
        );
    }
    table + "\n"
}

#[test]
fn the_table_of_settings_is_the_schemas() {
    let text = readme();
    let found = text
        .split_once(BEGIN)
        .and_then(|(_, rest)| rest.split_once(END))
        .map(|(table, _)| table)
        .expect("the marks around the table");
    let expected = settings_table();
    assert!(found == expected, "README.md must hold between its marks:\n{expected}");
}

#[test]
fn every_command_is_named() {
    let text = readme();
    let words: Vec<&str> =
        text.split(|c: char| !c.is_alphanumeric() && c != '.' && c != '_').collect();
    for spec in TABLE {
        let name = spec.name.split('|').next().unwrap_or_default().to_uppercase();
        assert!(words.contains(&name.as_str()), "README.md does not name {name}");
    }
}

#[test]
fn every_link_leads_to_a_file() {
    let mut count = 0;
    for file in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"] {
        let text = std::fs::read_to_string(root().join(file)).expect(file);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.contains("://") && !link.starts_with('#') {
                assert!(root().join(link).exists(), "{file} links to {link}, which is missing");
                count += 1;
            }
        }
    }
    assert!(count > 10, "only {count} links found");
}
