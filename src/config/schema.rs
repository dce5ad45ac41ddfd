//! Settings by name.

use super::Config;

/// The settings after CONFIG SET of all `changes`: all of them or none.
///
/// # Errors
/// The first bad one.
pub fn change(config: &Config, changes: &[(String, String)]) -> Result<Config, String> {
    let mut config = config.clone();
    for (name, value) in changes {
        match name.as_str() {
            "maxclients" => {
                config.maxclients = value.parse().map_err(|_| "a number".to_owned())?;
            }
            "slowlog-max-len" => {
                config.slowlog_max_len = value.parse().map_err(|_| "a number".to_owned())?;
            }
            "requirepass" => config.requirepass.clone_from(value),
            _ => return Err(format!("Unknown option '{name}'")),
        }
    }
    Ok(config)
}
