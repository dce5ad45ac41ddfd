use super::super::fake::Fake;
use super::*;
use crate::resp::Frame;

fn pairs(reply: Reply) -> Vec<(String, String)> {
    let text = |frame: &Frame| match frame {
        Frame::BlobString { data, .. } => String::from_utf8(data.to_vec()).unwrap(),
        other => panic!("{other:?}"),
    };
    match reply {
        Reply::Frame(Frame::Map { data, .. }) => {
            data.iter().map(|(name, value)| (text(name), text(value))).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn get_takes_several_patterns_and_names_each_setting_once() {
    let mut fake = Fake::new();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(pairs(fake.ask("CONFIG GET PORT")), [pair("port", "6379")]);
    let found = pairs(fake.ask("CONFIG GET maxc* port maxclients"));
    assert_eq!(found.len(), 2);
    assert!(found.contains(&pair("maxclients", "10000")));
    assert_eq!(pairs(fake.ask("CONFIG GET databases")), [pair("databases", "1")]);
    assert!(pairs(fake.ask("CONFIG GET nosuch")).is_empty());
    assert_eq!(pairs(fake.ask("CONFIG GET *")).len(), schema::names().count());
}

#[test]
fn set_changes_all_or_nothing() {
    let mut fake = Fake::new();
    let set = "CONFIG SET maxclients 55 requirepass p";
    assert_eq!(fake.ask(set), Reply::Simple("OK"));
    assert_eq!(fake.host.config.lock().maxclients, 55);
    let before = fake.host.config.lock().clone();
    for (request, text) in [
        ("maxclients 66 foo 1", "ERR Unknown option or number of arguments for CONFIG SET - 'foo'"),
        (
            "maxclients 66 MAXCLIENTS 1",
            "ERR CONFIG SET failed (possibly related to argument 'MAXCLIENTS') - duplicate parameter",
        ),
        ("maxclients 66 timeout", "ERR syntax error"),
    ] {
        assert_eq!(fake.error(&format!("CONFIG SET {request}")), text);
        assert_eq!(*fake.host.config.lock(), before);
    }
    assert_eq!(pairs(fake.ask("CONFIG GET requirepass"))[0].1, "p");
}

#[test]
fn turning_latency_tracking_off_reaches_every_worker() {
    let mut fake = Fake::new();
    fake.ask("CONFIG SET latency-tracking no");
    fake.stats.record(0, 1, 100);
    assert_eq!(fake.stats.totals().rows[0].percentile_ns(500), 0);
}

#[test]
fn resetstat_zeroes_what_info_shows() {
    let mut fake = Fake::new();
    fake.host.report.lock().connections_total = 5;
    fake.stats.record(0, 3, 100);
    assert_eq!(fake.ask("CONFIG RESETSTAT"), Reply::Simple("OK"));
    let info = fake.text("INFO stats");
    assert!(info.contains("total_connections_received:0\r\n"));
    assert!(info.contains("total_commands_processed:0\r\n"));
}

#[test]
fn rewrite_says_that_there_is_no_file() {
    let text = "ERR The server is running without a config file";
    assert_eq!(Fake::new().error("CONFIG REWRITE"), text);
}
