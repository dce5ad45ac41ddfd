//! The request parser.

/// A byte range of one argument, relative to the first byte of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
}

impl Span {
    /// The argument's bytes in `request`.
    pub fn of(self, request: &[u8]) -> &[u8] {
        request
            .get(self.start as usize..self.end as usize)
            .unwrap_or_default()
    }
}

/// What a request may declare; checked before anything is reserved.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest argument, bytes (`proto-max-bulk-len`).
    pub bulk_bytes_max: usize,
    /// Most arguments in a request.
    pub args_max: usize,
    /// Longest line (inline request, or a header without its end), bytes.
    pub line_bytes_max: usize,
    /// The client has not authenticated: the names of the errors change, as in Redis.
    pub unauthenticated: bool,
}

/// What [`Parser::parse`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// A whole request of this many bytes; its arguments are [`Parser::args`]. None: an empty
    /// request (`*0`, an empty line), which gets no reply.
    Request {
        /// Bytes that the request took from the front of the input.
        used_bytes: usize,
    },
    /// The input ends inside a request: call again with the same bytes and more behind them.
    Incomplete,
}

/// Why a connection must be closed; the text is Redis's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtocolError(pub std::borrow::Cow<'static, str>);

/// A resumable parser of one connection's requests.
#[derive(Debug, Default)]
pub struct Parser {}

impl Parser {
    /// Parses one request at the front of `input`. After `Incomplete`, the next call must pass
    /// the same bytes at the front (moved in memory is fine) followed by more.
    pub fn parse(&mut self, _input: &mut [u8], _limits: &Limits) -> Result<Parsed, ProtocolError> {
        Ok(Parsed::Incomplete)
    }

    /// The arguments of the request that `parse` has just returned.
    pub fn args(&self) -> &[Span] {
        &[]
    }
}
