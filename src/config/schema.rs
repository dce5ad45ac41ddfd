//! Temporary list of settings, replaced at the merge.

use super::Config;

/// The value of a setting as CONFIG GET shows it.
pub fn get(config: &Config, name: &str) -> Option<String> {
    Some(match name {
        "port" => config.port.to_string(),
        "maxclients" => config.maxclients.to_string(),
        "maxmemory" => config.maxmemory.to_string(),
        "requirepass" => config.requirepass.clone(),
        "timeout" => config.timeout_s.to_string(),
        "databases" => "1".to_owned(),
        _ => return None,
    })
}

/// The names of all settings.
pub fn names() -> impl Iterator<Item = &'static str> {
    [
        "port",
        "maxclients",
        "maxmemory",
        "requirepass",
        "timeout",
        "databases",
    ]
    .into_iter()
}
