//! A client that writes bytes as they are and reads replies line by line.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::TcpStream;

use super::DEADLINE;

/// A connection; reads and writes fail the test after the deadline.
pub(crate) struct Wire {
    reader: BufReader<TcpStream>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Wire {
        stream.set_read_timeout(Some(DEADLINE)).expect("a time-out");
        stream.set_write_timeout(Some(DEADLINE)).expect("a time-out");
        stream.set_nodelay(true).expect("no delay");
        Wire { reader: BufReader::new(stream) }
    }

    /// The socket, for what only a socket can do.
    pub(crate) fn stream(&mut self) -> &mut TcpStream {
        self.reader.get_mut()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) -> &mut Wire {
        self.stream().write_all(bytes.as_ref()).expect("bytes are taken");
        self
    }

    /// Sends where the server may close meanwhile; false once it has.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream().write_all(bytes.as_ref()).is_ok()
    }

    /// Sends an array of bulk strings.
    pub(crate) fn request(&mut self, words: &[&str]) -> &mut Wire {
        self.send(encode(words))
    }

    /// The next line, without its end.
    pub(crate) fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line).expect("a line");
        let text = String::from_utf8_lossy(&line).into_owned();
        text.strip_suffix("\r\n").unwrap_or_else(|| panic!("no whole line: {text:?}")).to_owned()
    }

    /// Expects exactly these lines next.
    pub(crate) fn expect(&mut self, lines: &[&str]) -> &mut Wire {
        for line in lines {
            assert_eq!(self.line(), *line);
        }
        self
    }

    /// The next reply, a bulk or verbatim string.
    pub(crate) fn text(&mut self) -> String {
        let header = self.line();
        let length = header.strip_prefix(['$', '=']).and_then(|digits| digits.parse().ok());
        let length: usize = length.unwrap_or_else(|| panic!("no text: {header}"));
        let mut bytes = vec![0; length + 2];
        self.reader.read_exact(&mut bytes).expect("the text");
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    }

    /// The next reply as its bytes, nested ones included.
    pub(crate) fn reply(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.reader.read_until(b'\n', &mut bytes).expect("a line");
        let line = String::from_utf8_lossy(&bytes);
        let count: usize = line.get(1..).and_then(|rest| rest.trim().parse().ok()).unwrap_or(0);
        let parts = match bytes.first() {
            Some(b'$' | b'=') if !bytes.starts_with(b"$-") => {
                let start = bytes.len();
                bytes.resize(start + count + 2, 0);
                self.reader.read_exact(&mut bytes[start..]).expect("the text");
                0
            }
            Some(b'*' | b'~' | b'>') => count,
            Some(b'%') => 2 * count,
            _ => 0,
        };
        for _ in 0..parts {
            bytes.extend(self.reply());
        }
        bytes
    }

    /// Sends a request and returns its text.
    pub(crate) fn ask(&mut self, words: &[&str]) -> String {
        self.request(words).text()
    }

    /// Expects the end of the connection, and nothing before it.
    pub(crate) fn expect_closed(mut self) {
        let mut rest = Vec::new();
        match self.reader.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(error) => panic!("not closed: {error}"),
        }
        assert_eq!(String::from_utf8_lossy(&rest), "");
    }

    /// Sends PING and expects PONG.
    pub(crate) fn ping(&mut self) {
        self.send("PING\r\n").expect(&["+PONG"]);
    }

    /// A field of INFO, as a number.
    pub(crate) fn info(&mut self, field: &str) -> u64 {
        let text = self.ask(&["INFO", "everything"]);
        let found = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        let value = found.unwrap_or_else(|| panic!("INFO has no {field}"));
        value.trim().parse().unwrap_or_else(|_| panic!("{field} is {value}"))
    }
}

/// An array of bulk strings.
pub(crate) fn encode(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}
