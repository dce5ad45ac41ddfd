//! A connection to one of the two servers.

use std::io::{BufReader, Write};
use std::net::TcpStream;

use crate::reply::Reply;
use crate::support::DEADLINE;

/// A connection. Whatever goes wrong on it is a reply of its own kind, so that it is compared.
pub(crate) struct Link {
    reader: Option<BufReader<TcpStream>>,
}

impl Link {
    pub(crate) fn open(port: u16) -> Link {
        let stream = TcpStream::connect(("127.0.0.1", port)).and_then(|stream| {
            stream.set_read_timeout(Some(DEADLINE))?;
            stream.set_write_timeout(Some(DEADLINE))?;
            stream.set_nodelay(true)?;
            Ok(stream)
        });
        Link { reader: stream.ok().map(BufReader::new) }
    }

    pub(crate) fn send(&mut self, bytes: &[u8]) {
        if self.reader.as_mut().is_some_and(|reader| reader.get_mut().write_all(bytes).is_err()) {
            self.reader = None;
        }
    }

    pub(crate) fn receive(&mut self) -> Reply {
        let Some(reader) = &mut self.reader else {
            return Reply::Lost("the connection is gone".to_owned());
        };
        let reply = Reply::read(reader);
        if matches!(reply, Reply::Lost(_)) {
            self.reader = None;
        }
        reply
    }

    /// The reply to `request`.
    pub(crate) fn ask(&mut self, request: &[u8]) -> Reply {
        self.send(request);
        self.receive()
    }
}
