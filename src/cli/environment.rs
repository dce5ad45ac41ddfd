//! `RATEL_*` variables to settings.
//!
//! Not here: the process's environment itself; it comes as an argument. Invariant: a variable that
//! names no setting changes nothing and is told of.

use std::ffi::OsString;

use ratel::config::Config;
use ratel::config::schema::SETTINGS;

use super::PASSWORD_FILE_VARIABLE;

const PREFIX: &str = "RATEL_";

/// What the environment held besides settings.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Environment {
    /// File that holds the password.
    pub(super) password_file: Option<String>,
    /// What was odd.
    pub(super) warnings: Vec<String>,
}

/// Carries the variables into `config`; an empty one counts as not set.
///
/// # Errors
/// The variable, what is wrong with its value and what is allowed.
pub(super) fn apply(
    config: &mut Config,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Environment, String> {
    let mut found = Environment::default();
    for (name, value) in ours(variables)? {
        let setting = SETTINGS.iter().find(|setting| setting.variable() == name);
        if is_service_link(&name, &value) {
            if name == "RATEL_PORT" {
                found.warnings.push(format!(
                    "RATEL_PORT={value} is what Kubernetes sets for a Service named ratel, and is \
                     ignored; enableServiceLinks: false stops it"
                ));
            }
        } else if let Some(setting) = setting {
            setting.set(config, &value).map_err(|error| format!("{name}: {error}"))?;
        } else if name == PASSWORD_FILE_VARIABLE {
            found.password_file = Some(value);
        } else {
            let nearest = nearest(&name);
            found.warnings.push(format!("unknown variable {name} is ignored; near: {nearest}"));
        }
    }
    if found.password_file.is_some() && !config.requirepass.is_empty() {
        return Err(format!("set RATEL_REQUIREPASS or {PASSWORD_FILE_VARIABLE}, not both"));
    }
    Ok(found)
}

/// Our variables that are not empty, in the order of their names.
fn ours(
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Vec<(String, String)>, String> {
    let mut list = Vec::new();
    for (name, value) in variables {
        let Ok(name) = name.into_string() else {
            continue;
        };
        if !name.starts_with(PREFIX) || value.is_empty() {
            continue;
        }
        let value = value.into_string().map_err(|_| format!("{name}: not UTF-8"))?;
        list.push((name, value));
    }
    list.sort();
    Ok(list)
}

/// Kubernetes sets these for a Service named `ratel`: `RATEL_PORT=tcp://10.0.0.1:6379`,
/// `RATEL_SERVICE_HOST`, `RATEL_PORT_6379_TCP_ADDR` and more.
fn is_service_link(name: &str, value: &str) -> bool {
    let numbered = name
        .strip_prefix("RATEL_PORT_")
        .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    let port = matches!(name, "RATEL_PORT" | "RATEL_CLUSTER_PORT");
    let by_value = port && value.contains("://");
    let linked = ["RATEL_SERVICE_", "RATEL_CLUSTER_SERVICE_", "RATEL_CLUSTER_PORT_"];
    by_value || numbered || linked.iter().any(|start| name.starts_with(start))
}

fn nearest(name: &str) -> String {
    let known = SETTINGS.iter().map(|setting| setting.variable());
    let scored = known
        .chain([PASSWORD_FILE_VARIABLE.to_owned()])
        .map(|known| (strsim::damerau_levenshtein(&known, name), known));
    scored.min().map(|(_, known)| known).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> (Config, Result<Environment, String>) {
        let mut config = Config::default();
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        let result = apply(&mut config, variables);
        (config, result)
    }

    #[test]
    fn an_unknown_variable_is_a_warning_that_names_the_nearest() {
        let (config, result) = read(&[("RATEL_MAXMEMROY", "1gb"), ("HOME", "/root")]);
        let warnings = result.unwrap().warnings;
        assert_eq!(config, Config::default());
        assert_eq!(warnings.len(), 1);
        assert!(warnings[0].contains("RATEL_MAXMEMROY") && warnings[0].contains("RATEL_MAXMEMORY"));
    }

    #[test]
    fn service_links_of_kubernetes_are_no_settings() {
        let (config, result) = read(&[
            ("RATEL_PORT", "tcp://10.0.0.1:6379"),
            ("RATEL_SERVICE_HOST", "10.0.0.1"),
            ("RATEL_SERVICE_PORT", "6379"),
            ("RATEL_SERVICE_PORT_REDIS", "6379"),
            ("RATEL_PORT_6379_TCP", "tcp://10.0.0.1:6379"),
            ("RATEL_PORT_6379_TCP_PROTO", "tcp"),
        ]);
        let warnings = result.unwrap().warnings;
        assert_eq!(config, Config::default());
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("enableServiceLinks"));
    }

    #[test]
    fn an_empty_variable_is_not_set() {
        let (config, result) = read(&[("RATEL_PORT", ""), ("RATEL_REQUIREPASS_FILE", "")]);
        assert_eq!((config, result), (Config::default(), Ok(Environment::default())));
    }

    #[test]
    fn a_password_is_never_repeated_in_an_error() {
        let long = "hunter2".repeat(200);
        let (_, result) = read(&[("RATEL_REQUIREPASS", &long)]);
        assert!(!result.unwrap_err().contains("hunter2"));
    }
}
