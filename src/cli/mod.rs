//! Arguments and environment to one thing to do.
//!
//! Not here: any setting by name but the password, which may also come from a file. The flags are
//! made from [`schema::SETTINGS`]. Invariant: a flag wins over the environment, the environment
//! over the default.

mod environment;
mod health;
mod secret;

use std::ffi::OsString;

use clap::builder::ValueParser;
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};
use ratel::config::schema::{self, SETTINGS, Setting};
use ratel::config::{ADDRESSES_MAX, Config, Value};

use health::Probe;
pub(crate) use secret::print as print_secret;

/// The flag of the file that holds the password.
const PASSWORD_FILE: &str = "requirepass-file";
const PASSWORD: &str = "requirepass";
/// Its variable.
const PASSWORD_FILE_VARIABLE: &str = "RATEL_REQUIREPASS_FILE";

/// What the arguments ask for.
#[derive(Debug)]
pub(crate) enum Action {
    /// Run the server.
    Serve {
        /// All settings.
        config: Box<Config>,
        /// What was odd in the environment, to be logged.
        warnings: Vec<String>,
    },
    /// Ask a running server how it is.
    Health(Probe),
    /// Print a new secret for a cluster.
    GenSecret,
}

/// Reads the arguments (the first is the program's name) and the environment.
///
/// # Errors
/// Help, version, or what is wrong, ready to be printed, with its exit code.
pub(crate) fn read(
    args: impl Iterator<Item = OsString>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Action, clap::Error> {
    let mut command = command();
    let matches = command.try_get_matches_from_mut(args.map(join_dashed_address))?;
    let fail = |command: &mut Command, text: String| command.error(ErrorKind::InvalidValue, text);
    let mut config = Config::default();
    let environment =
        environment::apply(&mut config, variables).map_err(|text| fail(&mut command, text))?;
    apply(&mut config, &matches, environment.password_file)
        .map_err(|text| fail(&mut command, text))?;
    Ok(match matches.subcommand() {
        Some((secret::NAME, _)) => Action::GenSecret,
        Some((_, matches)) => Action::Health(Probe::new(&config, matches)),
        None => Action::Serve { config: Box::new(config), warnings: environment.warnings },
    })
}

/// `-::1`, an address of `bind` that may be missing, looks like a flag where it stands alone.
fn join_dashed_address(arg: OsString) -> OsString {
    match arg.to_str().and_then(|text| text.strip_prefix('-')) {
        Some(word) if word.contains(':') && word.parse::<core::net::IpAddr>().is_ok() => {
            OsString::from(format!("--bind=-{word}"))
        }
        Some("::*") => OsString::from("--bind=-::*"),
        _ => arg,
    }
}

/// Carries the flags into `config`, and the password from its file.
fn apply(
    config: &mut Config,
    matches: &ArgMatches,
    variable_file: Option<String>,
) -> Result<(), String> {
    for setting in SETTINGS {
        if matches.value_source(setting.name) != Some(ValueSource::CommandLine) {
            continue;
        }
        let words: Vec<&str> =
            matches.get_many::<String>(setting.name).into_iter().flatten().map(|s| &**s).collect();
        setting
            .set(config, &words.join(" "))
            .map_err(|error| format!("--{}: {error}", setting.name))?;
    }
    let flag_file = matches.get_one::<String>(PASSWORD_FILE).cloned();
    let flag = matches.value_source(PASSWORD) == Some(ValueSource::CommandLine);
    match flag_file.or(variable_file.filter(|_| !flag)) {
        Some(path) => read_password(config, &path),
        None => Ok(()),
    }
}

/// Takes the first line of the file.
fn read_password(config: &mut Config, path: &str) -> Result<(), String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("failed to read the password file {path}: {error}"))?;
    let password = text.lines().next().unwrap_or("");
    if password.is_empty() {
        // An empty password means none: a secret that was not mounted must not open the server.
        return Err(format!("the password file {path} is empty"));
    }
    schema::set(config, PASSWORD, password)
        .map_err(|error| format!("password file {path}: {error}"))
}

fn command() -> Command {
    let password_file = Arg::new(PASSWORD_FILE)
        .long(PASSWORD_FILE)
        .value_name("PATH")
        .help_heading("Security")
        .conflicts_with(PASSWORD)
        .help("File whose first line is the password")
        .long_help(format!(
            "File whose first line is the password.\n[environment: {PASSWORD_FILE_VARIABLE}]"
        ));
    Command::new("ratel")
        .version(env!("CARGO_PKG_VERSION"))
        .about("A rate limiter that speaks the Redis protocol.")
        .after_help("--help tells more. Try: redis-cli RL.HIT user:1 60000 3")
        .after_long_help(
            "Every setting is a flag and an environment variable; the flag wins. Sizes take \
             Redis's units: 1k = 1000 bytes, 1kb = 1024, and so on to gb.\n\n\
             Try: redis-cli RL.HIT user:1 60000 3",
        )
        .max_term_width(100)
        .disable_help_subcommand(true)
        .args(SETTINGS.iter().map(flag))
        .arg(password_file)
        .subcommand(health::command())
        .subcommand(secret::command())
}

fn flag(setting: &'static Setting) -> Arg {
    let default = setting.value.print_short(&Config::default());
    let default = if default.is_empty() { "none".to_owned() } else { default };
    let range = setting.value.range();
    let live = if setting.live { "yes" } else { "no" };
    let arg = Arg::new(setting.name)
        .long(setting.name)
        .value_name(value_name(setting))
        .help_heading(setting.group.title())
        .value_parser(parser(setting))
        .allow_hyphen_values(!matches!(setting.value, Value::Addresses { .. }))
        .help(format!("{} [{default}]", setting.short_help()))
        .long_help(format!(
            "{}\n[default: {default}] [allowed: {range}] [environment: {}] [CONFIG SET: {live}]",
            setting.help,
            setting.variable(),
        ));
    match setting.value {
        // None is refused by the setting itself; it allows `--bind -::1` (see join_dashed_address).
        Value::Addresses { .. } => arg.num_args(0..=ADDRESSES_MAX).action(ArgAction::Append),
        Value::Seeds { .. } => arg.action(ArgAction::Append),
        _ => arg,
    }
}

fn value_name(setting: &Setting) -> String {
    match (setting.unit, &setting.value) {
        ("", Value::YesNo { .. }) => "yes|no".to_owned(),
        ("", _) => "N".to_owned(),
        (unit, _) => unit.to_ascii_uppercase(),
    }
}

/// Checks a value where clap can name the flag that it was given to.
fn parser(setting: &'static Setting) -> ValueParser {
    ValueParser::from(move |text: &str| -> Result<String, String> {
        setting.set(&mut Config::default(), text).map(|()| text.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(args: &[&str], variables: &[(&str, &str)]) -> Result<Action, clap::Error> {
        let args = ["ratel"].iter().chain(args).map(OsString::from);
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        read(args, variables)
    }

    fn serve(args: &[&str], variables: &[(&str, &str)]) -> (Config, Vec<String>) {
        match run(args, variables) {
            Ok(Action::Serve { config, warnings }) => (*config, warnings),
            other => panic!("{args:?}: {other:?}"),
        }
    }

    fn refuse(args: &[&str], variables: &[(&str, &str)]) -> String {
        run(args, variables).expect_err("must be refused").to_string()
    }

    #[test]
    fn the_command_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn without_arguments_all_settings_are_default() {
        assert_eq!(serve(&[], &[]), (Config::default(), Vec::new()));
    }

    #[test]
    fn every_setting_has_its_flag_and_its_variable() {
        for setting in SETTINGS {
            let text = setting.get(&Config::default());
            let flag = format!("--{}={text}", setting.name);
            if !text.is_empty() {
                assert_eq!(serve(&[&flag], &[]).0, Config::default(), "{flag}");
            }
            let (config, warnings) = serve(&[], &[(&setting.variable(), &text)]);
            assert_eq!((config, warnings), (Config::default(), Vec::new()), "{}", setting.name);
        }
    }

    #[test]
    fn a_flag_wins_over_a_variable_and_a_variable_over_the_default() {
        let variables = [("RATEL_PORT", "7001"), ("RATEL_TIMEOUT", "9")];
        let (config, _) = serve(&["--port", "7002"], &variables);
        assert_eq!((config.port, config.timeout_s), (7002, 9));
    }

    #[test]
    fn bind_takes_blanks_words_repetition_and_dashes() {
        let expected = ["127.0.0.1", "-::1"].map(str::to_owned);
        for args in [
            &["--bind", "127.0.0.1 -::1", "--port", "7"][..],
            &["--bind", "127.0.0.1", "-::1", "--port", "7"],
            &["--bind", "127.0.0.1", "--bind", "-::1", "--port", "7"],
            &["--port", "7", "--bind=127.0.0.1", "--bind=-::1"],
        ] {
            let (config, _) = serve(args, &[]);
            assert_eq!((config.bind.as_slice(), config.port), (&expected[..], 7), "{args:?}");
        }
    }

    #[test]
    fn sizes_and_negative_numbers_are_values() {
        let args = ["--maxmemory", "1gb", "--slowlog-log-slower-than", "-1"];
        let (config, _) = serve(&args, &[]);
        assert_eq!((config.maxmemory, config.slowlog_log_slower_than), (1 << 30, -1));
    }

    #[test]
    fn a_bad_value_names_the_flag_and_what_is_allowed() {
        let text = refuse(&["--port", "65536"], &[]);
        assert!(text.contains("--port") && text.contains("between 0 and 65535"), "{text}");
        let text = refuse(&[], &[("RATEL_MAXMEMORY", "1zb")]);
        assert!(text.contains("RATEL_MAXMEMORY") && text.contains("memory value"), "{text}");
    }

    #[test]
    fn an_unknown_flag_is_refused_with_the_nearest() {
        let text = refuse(&["--maxmemry", "1gb"], &[]);
        assert!(text.contains("--maxmemory"), "{text}");
    }

    #[test]
    fn help_names_default_unit_and_variable_of_each_flag() {
        let text = command().render_long_help().to_string();
        for setting in SETTINGS {
            assert!(text.contains(&format!("--{} ", setting.name)), "{}", setting.name);
            assert!(text.contains(&setting.variable()), "{}", setting.name);
        }
        for words in ["Network:", "Memory:", "<SECONDS>", "<BYTES>", "[default: 1mb]"] {
            assert!(text.contains(words), "{words}");
        }
    }

    #[test]
    fn short_help_takes_one_line_a_setting() {
        let text = command().render_help().to_string();
        for setting in SETTINGS {
            let flag = format!("--{} ", setting.name);
            let line = text.lines().find(|line| line.contains(&flag)).unwrap_or_default();
            assert!(line.ends_with(']') && line.len() <= 100, "{line}");
        }
        assert!(text.lines().count() <= 62, "{text}");
    }

    #[test]
    fn the_password_may_come_from_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "s3cret\n").unwrap();
        let path = file.path().to_str().unwrap();
        let variable = [(PASSWORD_FILE_VARIABLE, path)];
        assert_eq!(serve(&["--requirepass-file", path], &[]).0.requirepass, "s3cret");
        assert_eq!(serve(&[], &variable).0.requirepass, "s3cret");
        assert_eq!(serve(&["--requirepass", "flag"], &variable).0.requirepass, "flag");
        let both = ["--requirepass", "a", "--requirepass-file", path];
        assert!(refuse(&both, &[]).contains("cannot be used with"));
        let both = [variable[0], ("RATEL_REQUIREPASS", "a")];
        assert!(refuse(&[], &both).contains("RATEL_REQUIREPASS_FILE"));
    }

    #[test]
    fn a_password_file_that_is_missing_or_empty_stops_the_start() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        assert!(refuse(&["--requirepass-file", path], &[]).contains("is empty"));
        assert!(refuse(&["--requirepass-file", "/nonexistent/x"], &[]).contains("failed to read"));
    }
}
