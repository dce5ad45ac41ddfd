//! The spellings of a setting's value: how each kind is read from text and printed.
//!
//! Not here: which settings exist ([`schema`](super::schema)). Error texts are Redis's own where
//! Redis has the case. Invariant: what `print` gives, `parse` takes and reads as the same value.

use super::{Config, OutputLimit};

/// Longest text of a setting in bytes: Redis's bound on a password (`CONFIG_AUTHPASS_MAX_LEN`).
pub const TEXT_BYTES_MAX: usize = 512;
/// Longest path of a Unix socket in bytes: what `sockaddr_un` holds before its final NUL.
pub const SOCKET_PATH_BYTES_MAX: usize = 107;
/// Most addresses of `bind`, as in Redis (`CONFIG_BINDADDR_MAX`).
pub const ADDRESSES_MAX: usize = 16;
/// Most places of `join`.
pub const SEEDS_MAX: usize = 16;
/// Longest place of `join` in bytes: a host name of 253, `srv:` and a port.
pub const SEED_BYTES_MAX: usize = 264;

/// What a setting's value is, its range, and where it lies in a [`Config`].
#[derive(Clone, Copy, Debug)]
pub enum Value {
    /// `yes` or `no`.
    YesNo {
        /// Reads the field.
        get: fn(&Config) -> bool,
        /// Writes the field.
        set: fn(&mut Config, bool),
    },
    /// A whole number.
    Number {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
        /// Reads the field.
        get: fn(&Config) -> i64,
        /// Writes the field with a value in range; false if the field cannot hold it.
        set: fn(&mut Config, i64) -> bool,
    },
    /// A number of bytes, with Redis's units: `1k` = 1000, `1kb` = 1024, and so on to `gb`.
    Bytes {
        /// Smallest value allowed.
        min: i64,
        /// Largest value allowed.
        max: i64,
        /// Reads the field.
        get: fn(&Config) -> i64,
        /// Writes the field with a value in range; false if the field cannot hold it.
        set: fn(&mut Config, i64) -> bool,
    },
    /// Permission bits in octal, at most 777.
    Permissions {
        /// Reads the field.
        get: fn(&Config) -> u32,
        /// Writes the field.
        set: fn(&mut Config, u32),
    },
    /// One of a few words.
    Choice {
        /// The words.
        names: &'static [&'static str],
        /// Reads the field.
        get: fn(&Config) -> &'static str,
        /// Writes the field; false if the word is none of `names`.
        set: fn(&mut Config, &str) -> bool,
    },
    /// Any text of at most `bytes_max` bytes; empty = none.
    Text {
        /// Longest text, bytes.
        bytes_max: usize,
        /// Reads the field.
        get: fn(&Config) -> &str,
        /// Writes the field.
        set: fn(&mut Config, &str),
    },
    /// IP addresses, `*` or `::*`, separated by blanks, each with an optional leading `-`.
    Addresses {
        /// Reads the field.
        get: fn(&Config) -> &[String],
        /// Writes the field.
        set: fn(&mut Config, Vec<String>),
    },
    /// What may wait for each class of clients, as Redis writes it.
    OutputLimits {
        /// Reads the field.
        get: fn(&Config) -> OutputLimit,
        /// Writes the field.
        set: fn(&mut Config, OutputLimit),
    },
    /// Places where other nodes are, separated by blanks: `host`, `host:port`, `srv:_x._udp.name`.
    Seeds {
        /// Reads the field.
        get: fn(&Config) -> &[String],
        /// Writes the field.
        set: fn(&mut Config, Vec<String>),
    },
}

impl Value {
    /// The value in `config`, as CONFIG GET prints it.
    pub fn print(&self, config: &Config) -> String {
        match self {
            Value::YesNo { get, .. } => if get(config) { "yes" } else { "no" }.to_owned(),
            Value::Number { get, .. } | Value::Bytes { get, .. } => get(config).to_string(),
            Value::Permissions { get, .. } => format!("{:o}", get(config)),
            Value::Choice { get, .. } => get(config).to_owned(),
            Value::Text { get, .. } => get(config).to_owned(),
            Value::OutputLimits { get, .. } => get(config).print(),
            Value::Addresses { get, .. } | Value::Seeds { get, .. } => get(config).join(" "),
        }
    }

    /// Reads `text` into `config`.
    ///
    /// # Errors
    /// What is wrong and what is allowed, in Redis's words; `config` is as before.
    pub fn parse(&self, config: &mut Config, text: &str) -> Result<(), String> {
        match self {
            Value::YesNo { set, .. } => set(config, yes_or_no(text)?),
            Value::Number { min, max, set, .. } => {
                let number = integer(text).ok_or("argument couldn't be parsed into an integer")?;
                within(number, *min, *max, |number| set(config, number))?;
            }
            Value::Bytes { min, max, set, .. } => {
                let number = bytes(text).ok_or("argument must be a memory value")?;
                within(number, *min, *max, |number| set(config, number))?;
            }
            Value::Permissions { set, .. } => set(config, permissions(text)?),
            Value::Choice { names, set, .. } => {
                if !set(config, &text.to_ascii_lowercase()) {
                    let names = names.join(", ");
                    return Err(format!("argument(s) must be one of the following: {names}"));
                }
            }
            Value::Text { bytes_max, set, .. } => {
                if text.len() > *bytes_max {
                    return Err(format!("argument must be at most {bytes_max} bytes"));
                }
                set(config, text);
            }
            Value::OutputLimits { get, set } => set(config, get(config).parse(text)?),
            Value::Addresses { set, .. } => set(config, addresses(text)?),
            Value::Seeds { set, .. } => set(config, seeds(text)?),
        }
        Ok(())
    }

    /// What is allowed, for documentation: a range, a list of words, or empty.
    pub fn range(&self) -> String {
        match self {
            Value::YesNo { .. } => "yes, no".to_owned(),
            Value::Number { min, max: i64::MAX, .. } => format!("{min} or more"),
            Value::Number { min, max, .. } => format!("{min} to {max}"),
            Value::Bytes { min, max: i64::MAX, .. } => format!("{} or more", short_bytes(*min)),
            Value::Bytes { min, max, .. } => {
                format!("{} to {}", short_bytes(*min), short_bytes(*max))
            }
            Value::Permissions { .. } => "0 to 777, octal".to_owned(),
            Value::Choice { names, .. } => names.join(", "),
            Value::Text { bytes_max, .. } => format!("at most {bytes_max} bytes"),
            Value::Addresses { .. } => {
                format!("1 to {ADDRESSES_MAX} of: IP address, *, ::*; each may begin with -")
            }
            Value::OutputLimits { .. } => "pubsub hard soft seconds, 0 = none".to_owned(),
            Value::Seeds { .. } => {
                format!("at most {SEEDS_MAX} of: host, host:port, srv:_service._udp.name")
            }
        }
    }

    /// The value in `config` as a reader likes it: as CONFIG GET, but `1mb` for 1048576.
    pub fn print_short(&self, config: &Config) -> String {
        match self {
            Value::Bytes { get, .. } => short_bytes(get(config)),
            Value::OutputLimits { get, .. } => get(config).print_short(short_bytes),
            _ => self.print(config),
        }
    }
}

fn within(number: i64, min: i64, max: i64, set: impl FnOnce(i64) -> bool) -> Result<(), String> {
    if (min..=max).contains(&number) && set(number) {
        return Ok(());
    }
    Err(format!("argument must be between {min} and {max} inclusive"))
}

fn yes_or_no(text: &str) -> Result<bool, String> {
    match text {
        _ if text.eq_ignore_ascii_case("yes") => Ok(true),
        _ if text.eq_ignore_ascii_case("no") => Ok(false),
        _ => Err("argument must be 'yes' or 'no'".to_owned()),
    }
}

/// Digits with an optional `-`; std alone would also take a `+`.
fn integer(text: &str) -> Option<i64> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

pub(super) fn bytes(text: &str) -> Option<i64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor: i64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" => 1000,
        "kb" => 1 << 10,
        "m" => 1_000_000,
        "mb" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" => 1 << 30,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

fn short_bytes(number: i64) -> String {
    for (unit, factor) in [("gb", 1 << 30), ("mb", 1 << 20), ("kb", 1 << 10)] {
        if number != 0 && number % factor == 0 {
            return format!("{}{unit}", number / factor);
        }
    }
    number.to_string()
}

fn permissions(text: &str) -> Result<u32, String> {
    let octal = text.bytes().all(|byte| byte.is_ascii_digit());
    match u32::from_str_radix(text, 8) {
        Ok(bits) if octal && bits <= 0o777 => Ok(bits),
        Ok(_) if octal => Err("argument must be between 0 and 777 inclusive".to_owned()),
        _ => Err("argument couldn't be parsed as an octal number".to_owned()),
    }
}

fn addresses(text: &str) -> Result<Vec<String>, String> {
    let list: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    if list.is_empty() || list.len() > ADDRESSES_MAX {
        return Err(format!("argument must be 1 to {ADDRESSES_MAX} addresses"));
    }
    match list.iter().find(|word| !is_address(word.strip_prefix('-').unwrap_or(word))) {
        Some(bad) => Err(format!("'{bad}' is no IP address, '*' or '::*'")),
        None => Ok(list),
    }
}

fn seeds(text: &str) -> Result<Vec<String>, String> {
    let list: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    if list.len() > SEEDS_MAX {
        return Err(format!("argument must be at most {SEEDS_MAX} places"));
    }
    match list.iter().find(|word| word.len() > SEED_BYTES_MAX) {
        Some(_) => Err(format!("a place must be at most {SEED_BYTES_MAX} bytes")),
        None => Ok(list),
    }
}

fn is_address(word: &str) -> bool {
    matches!(word, "*" | "::*") || word.parse::<core::net::IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn byte_units_are_rediss() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1b", Some(1)),
            ("1k", Some(1000)),
            ("1kb", Some(1024)),
            ("1KB", Some(1024)),
            ("3m", Some(3_000_000)),
            ("3mb", Some(3 << 20)),
            ("2g", Some(2_000_000_000)),
            ("2GB", Some(2 << 30)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9223372036854775808", None),
            ("8589934591gb", Some(8_589_934_591 << 30)),
            ("8589934592gb", None),
            ("", None),
            ("gb", None),
            ("-1", None),
            ("+1", None),
            ("1 gb", None),
            ("1.5gb", None),
            ("1zb", None),
            ("1ｋ", None),
        ] {
            assert_eq!(bytes(text), expected, "{text:?}");
        }
    }

    #[test]
    fn integers_are_strict() {
        assert_eq!(integer("-1"), Some(-1));
        assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
        for bad in ["", "+1", " 1", "1 ", "1.0", "0x1", "9223372036854775808", "abc"] {
            assert_eq!(integer(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn permissions_are_octal_and_at_most_777() {
        assert_eq!(permissions("700"), Ok(0o700));
        assert_eq!(permissions("0777"), Ok(0o777));
        assert!(permissions("1000").is_err_and(|text| text.contains("between 0 and 777")));
        for bad in ["", "999", "+7", "-7", "rwx"] {
            assert!(permissions(bad).is_err_and(|text| text.contains("octal")), "{bad:?}");
        }
    }

    #[test]
    fn addresses_take_redis_forms_and_name_the_bad_one() {
        assert_eq!(addresses("127.0.0.1  -::1").map(|list| list.len()), Ok(2));
        assert!(addresses("* -::*").is_ok());
        assert!(addresses("").is_err());
        assert!(addresses(&"::1 ".repeat(ADDRESSES_MAX)).is_ok());
        assert!(addresses(&"::1 ".repeat(ADDRESSES_MAX + 1)).is_err());
        assert!(addresses("127.0.0.1 300.1.1.1").is_err_and(|text| text.contains("'300.1.1.1'")));
    }

    proptest! {
        #[test]
        fn short_bytes_read_back(number in 0i64..) {
            prop_assert_eq!(bytes(&short_bytes(number)), Some(number));
            // Whole units too, which random numbers seldom are.
            let whole = number >> 31 << 20;
            prop_assert_eq!(bytes(&short_bytes(whole)), Some(whole));
        }

        #[test]
        fn any_text_is_refused_or_read_but_never_panics(text in "\\PC{0,24}") {
            let _ = (bytes(&text), integer(&text), permissions(&text), addresses(&text));
        }
    }
}
