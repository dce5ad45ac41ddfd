//! Settings by name.

use super::Config;

/// Sets `name` to `value`, or says why not.
pub fn set(config: &mut Config, name: &str, value: &str) -> Result<(), String> {
    let number = |text: &str| text.parse().map_err(|_| format!("'{name}' takes a number"));
    match name {
        "maxclients" => config.maxclients = number(value)?,
        "requirepass" => config.requirepass = value.into(),
        _ => return Err(format!("Unknown option '{name}'")),
    }
    Ok(())
}
