//! The streams of a world: hello, frames, backlog, and every way to end.

use ratel::cluster::replication::StreamId;
use ratel::cluster::seal::lane::Received;
use ratel::cluster::seal::stream::{ClientStream, Hello};
use ratel::cluster::wire::Frame;

use super::network::{End, Event, Seal, Stream};
use super::node::{keyring, name};
use super::settings::Mutant;
use super::world::World;

/// When the kernel gives up on a peer that is cut off.
const GIVE_UP_US: u64 = 1_000_000;
/// When the server closes a stream on which nothing moves.
const IDLE_US: u64 = 10_000_000;

impl World {
    fn nonce(&mut self) -> [u8; 16] {
        (u128::from(self.rng.roll()) << 64 | u128::from(self.rng.roll())).to_be_bytes()
    }

    pub(super) fn call(&mut self, at: usize, id: StreamId, to: usize, hello: Hello) {
        self.opened += 1;
        let calling = Seal::Calling(Box::new(hello));
        let caller = End::new((at, self.nodes[at].tally.life.1), id, calling);
        // The called names it by a number of its own, here the world's.
        let called = End::new(
            (to, self.nodes[to].tally.life.1),
            StreamId::Accepted(self.opened),
            Seal::Called,
        );
        self.streams.insert(self.opened, Stream { ends: [caller, called], stalled: false });
    }

    /// Number and end of the stream that a node calls `id`.
    fn stream_of(&self, at: usize, id: StreamId) -> Option<(u64, usize)> {
        let life = self.nodes[at].tally.life.1;
        self.streams.iter().find_map(|(number, stream)| {
            let is_it = |end: &End| (end.node, end.life, end.id) == (at, life, id);
            stream.ends.iter().position(is_it).map(|end| (*number, end))
        })
    }

    pub(super) fn stream_frame(&mut self, at: usize, id: StreamId, mut frame: Vec<u8>) {
        let Some((number, end)) = self.stream_of(at, id) else { return };
        if self.settings.mutant == Mutant::DoneAfterScan
            && let Ok(Frame::Done { flush_stamp, .. }) = Frame::read(&frame)
        {
            let now = self.now(at);
            let node = &self.nodes[at];
            let cursors = node.core.replica().cursors(now, &node.tally);
            frame = Frame::done(flush_stamp, &cursors);
        }
        let nonce = self.nonce();
        let Some(stream) = self.streams.get_mut(&number) else { return };
        let seal = &mut stream.ends[end].seal;
        let mut bytes = Vec::new();
        match seal {
            Seal::Calling(hello) => {
                let client =
                    ClientStream::hello(&keyring(), &name(), hello, nonce, &frame, &mut bytes);
                *seal = Seal::Client(Box::new(client.unwrap()));
            }
            Seal::Client(client) => client.seal(&frame, &mut bytes).unwrap(),
            Seal::Server(server) => server.seal(&frame, &mut bytes).unwrap(),
            Seal::Called | Seal::Closed => return,
        }
        self.stream_send(number, end, bytes);
    }

    fn stream_send(&mut self, number: u64, from: usize, bytes: Vec<u8>) {
        let wait_us = 500 + self.rng.below(2_000);
        // Some frames arrive in two pieces.
        let cut = if self.rng.one_in(4) { self.rng.below(bytes.len() as u64) as usize } else { 0 };
        let Some(stream) = self.streams.get_mut(&number) else { return };
        let (a, b) = (stream.ends[from].node, stream.ends[1 - from].node);
        if stream.stalled {
            return;
        }
        if self.links[a][b].cut || self.links[b][a].cut || !self.nodes[b].alive {
            stream.stalled = true;
            return self.later(GIVE_UP_US, Event::Closed { stream: number, end: from });
        }
        let held_us = self.links[a][b].clogged_until_us.saturating_sub(self.now_us);
        let end = &mut stream.ends[1 - from];
        end.under_way += bytes.len();
        end.last_us = end.last_us.max(self.now_us + held_us + wait_us) + 1;
        let wait_us = end.last_us - self.now_us;
        let (first, second) = bytes.split_at(cut);
        for bytes in [first.to_vec(), second.to_vec()] {
            self.later(wait_us, Event::Bytes { stream: number, end: 1 - from, bytes });
        }
    }

    pub(super) fn stream_bytes(&mut self, number: u64, end: usize, bytes: &[u8]) {
        let Some(it) = self.streams.get_mut(&number).map(|stream| &mut stream.ends[end]) else {
            return;
        };
        it.under_way = it.under_way.saturating_sub(bytes.len());
        it.buffer.extend_from_slice(bytes);
        let (at, life, id) = (it.node, it.life, it.id);
        if !self.nodes[at].alive || self.nodes[at].tally.life.1 != life {
            return self.later(0, Event::Closed { stream: number, end: 1 - end });
        }
        if matches!(it.seal, Seal::Called) {
            self.greet(number, at, id);
        }
        loop {
            let Some(stream) = self.streams.get_mut(&number) else { return };
            let it = &mut stream.ends[end];
            let (frame, used) = match it.seal.open(&mut it.buffer) {
                Received::Incomplete => return,
                Received::Broken => panic!("a stream that nobody touched broke"),
                Received::Frame { payload, used_bytes } => (payload.to_vec(), used_bytes),
            };
            it.buffer.drain(..used);
            self.with(at, |node, now| node.core.on_frame(now, id, &frame, &node.tally));
        }
    }

    /// The called reads the hello.
    fn greet(&mut self, number: u64, at: usize, id: StreamId) {
        let nonce = self.nonce();
        let now = self.now(at);
        let Some(stream) = self.streams.get_mut(&number) else { return };
        let end = &mut stream.ends[1];
        let frame = match self.nodes[at].core.on_hello(now, nonce, &mut end.buffer) {
            Ok(None) => return,
            Ok(Some(welcome)) => {
                let (frame, used) = (welcome.payload.to_vec(), welcome.used_bytes);
                end.seal = Seal::Server(Box::new(welcome.stream));
                end.buffer.drain(..used);
                frame
            }
            // Its clock is too far off, or it calls for an epoch that ended with its process.
            Err(_) => {
                end.seal = Seal::Closed;
                return self.later(1_000, Event::Closed { stream: number, end: 0 });
            }
        };
        self.with(at, |node, now| node.core.on_frame(now, id, &frame, &node.tally));
    }

    pub(super) fn stream_closed(&mut self, number: u64, end: usize) {
        let Some(stream) = self.streams.get_mut(&number) else { return };
        let it = &mut stream.ends[end];
        let (at, life, id) = (it.node, it.life, it.id);
        let was_open = !matches!(std::mem::replace(&mut it.seal, Seal::Closed), Seal::Closed);
        let other_closed = matches!(stream.ends[1 - end].seal, Seal::Closed);
        if other_closed {
            self.streams.remove(&number);
        } else {
            self.later(5_000, Event::Closed { stream: number, end: 1 - end });
        }
        if was_open && self.nodes[at].alive && self.nodes[at].tally.life.1 == life {
            self.with(at, |node, now| node.core.on_closed(now, id));
        }
    }

    /// A node closes its end: the other learns of it after what was sent.
    pub(super) fn stream_close(&mut self, at: usize, id: StreamId) {
        let Some((number, end)) = self.stream_of(at, id) else { return };
        let Some(stream) = self.streams.get_mut(&number) else { return };
        stream.ends[end].seal = Seal::Closed;
        let last_us = stream.ends[1 - end].last_us.max(self.now_us);
        let wait_us = last_us - self.now_us + 1_000;
        self.later(wait_us, Event::Closed { stream: number, end: 1 - end });
    }

    /// A process has ended: the kernel says so to whom it still reaches.
    pub(super) fn break_streams(&mut self, at: usize) {
        let mut told = Vec::new();
        for (number, stream) in &mut self.streams {
            for end in 0..2 {
                if stream.ends[end].node == at {
                    stream.ends[end].seal = Seal::Closed;
                    let other = stream.ends[1 - end].node;
                    let wait_us = if self.links[at][other].cut { IDLE_US } else { 1_000 };
                    told.push((wait_us, Event::Closed { stream: *number, end: 1 - end }));
                }
            }
        }
        told.into_iter().for_each(|(wait_us, event)| self.later(wait_us, event));
    }

    /// Tells a node how much of what it serves has not arrived.
    pub(super) fn tell_backlogs(&mut self, at: usize) {
        let life = self.nodes[at].tally.life.1;
        for stream in self.streams.values() {
            let [caller, called] = &stream.ends;
            if (called.node, called.life) == (at, life) {
                self.nodes[at].core.on_backlog(called.id, caller.under_way);
            }
        }
    }
}
