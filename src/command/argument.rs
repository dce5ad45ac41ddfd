//! The typed documentation of one argument, as COMMAND DOCS tells it and redis-cli's hints show it.
//!
//! Not here: the parsing of arguments. Invariant: what is written here renders to the syntax that
//! the handler takes; a test compares it with the row's arity.

/// What an argument holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A key.
    Key,
    /// Any bytes.
    Text,
    /// A 64-bit integer.
    Integer,
    /// A decimal number.
    Double,
    /// A glob pattern.
    Pattern,
    /// The token alone.
    Word,
    /// Exactly one of the nested arguments.
    OneOf,
    /// All of the nested arguments, in order.
    Block,
}

impl Kind {
    /// Redis's name of the type.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Key => "key",
            Kind::Text => "string",
            Kind::Integer => "integer",
            Kind::Double => "double",
            Kind::Pattern => "pattern",
            Kind::Word => "pure-token",
            Kind::OneOf => "oneof",
            Kind::Block => "block",
        }
    }
}

/// One documented argument.
#[derive(Clone, Copy, Debug)]
pub struct Argument {
    /// The name shown in hints.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
    /// The word before the value, or the word itself where the kind is [`Kind::Word`].
    pub token: Option<&'static str>,
    /// It may be left out.
    pub optional: bool,
    /// It may be repeated.
    pub multiple: bool,
    /// The nested arguments of a block or a choice.
    pub arguments: &'static [Argument],
}

impl Argument {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Argument { name, kind, token: None, optional: false, multiple: false, arguments: &[] }
    }

    /// The same, after a word.
    pub const fn token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    /// The same, but it may be left out.
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// The same, but it may be repeated.
    pub const fn multiple(mut self) -> Self {
        self.multiple = true;
        self
    }

    /// The fewest words that this argument takes in a request.
    pub fn words_min(&self) -> usize {
        if self.optional {
            return 0;
        }
        let nested = self.arguments.iter().map(Argument::words_min);
        match self.kind {
            Kind::Word => 1,
            Kind::OneOf => usize::from(self.token.is_some()) + nested.min().unwrap_or(0),
            Kind::Block => usize::from(self.token.is_some()) + nested.sum::<usize>(),
            _ => 1 + usize::from(self.token.is_some()),
        }
    }

    /// True if the number of words is not fixed.
    pub fn is_open(&self) -> bool {
        self.optional || self.multiple || self.arguments.iter().any(Argument::is_open)
    }

    /// Appends the argument's syntax as the Redis documentation writes it.
    pub fn render(&self, out: &mut String) {
        if self.optional {
            out.push('[');
        }
        self.render_once(out);
        if self.multiple {
            out.push_str(" [");
            self.render_once(out);
            out.push_str(" ...]");
        }
        if self.optional {
            out.push(']');
        }
    }

    fn render_once(&self, out: &mut String) {
        if let Some(token) = self.token {
            out.push_str(token);
            if self.kind != Kind::Word {
                out.push(' ');
            }
        }
        match self.kind {
            Kind::Word => {}
            Kind::Block => self.render_nested(" ", out),
            Kind::OneOf => {
                out.push_str(if self.optional { "" } else { "<" });
                self.render_nested(" | ", out);
                out.push_str(if self.optional { "" } else { ">" });
            }
            _ => out.push_str(self.name),
        }
    }

    fn render_nested(&self, separator: &str, out: &mut String) {
        for (index, nested) in self.arguments.iter().enumerate() {
            if index > 0 {
                out.push_str(separator);
            }
            nested.render(out);
        }
    }
}

/// A key.
pub(super) const fn key(name: &'static str) -> Argument {
    Argument::new(name, Kind::Key)
}

/// Any bytes.
pub(super) const fn text(name: &'static str) -> Argument {
    Argument::new(name, Kind::Text)
}

/// A 64-bit integer.
pub(super) const fn integer(name: &'static str) -> Argument {
    Argument::new(name, Kind::Integer)
}

/// A decimal number.
pub(super) const fn double(name: &'static str) -> Argument {
    Argument::new(name, Kind::Double)
}

/// A glob pattern.
pub(super) const fn pattern(name: &'static str) -> Argument {
    Argument::new(name, Kind::Pattern)
}

/// A word by itself.
pub(super) const fn word(name: &'static str, token: &'static str) -> Argument {
    Argument::new(name, Kind::Word).token(token)
}

/// Exactly one of several.
pub(super) const fn one_of(name: &'static str, arguments: &'static [Argument]) -> Argument {
    let mut argument = Argument::new(name, Kind::OneOf);
    argument.arguments = arguments;
    argument
}

/// Several in order.
pub(super) const fn block(name: &'static str, arguments: &'static [Argument]) -> Argument {
    let mut argument = Argument::new(name, Kind::Block);
    argument.arguments = arguments;
    argument
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORMATS: &[Argument] = &[text("ip:port"), integer("id").token("ID").multiple()];
    const HIT: Argument = block("hit", &[key("key"), text("scale")]).multiple();

    #[test]
    fn syntax_renders_as_the_redis_documentation_writes_it() {
        let mut out = String::new();
        one_of("format", FORMATS).render(&mut out);
        out.push(' ');
        word("sliding", "SLIDING").optional().render(&mut out);
        assert_eq!(out, "<ip:port | ID id [ID id ...]> [SLIDING]");
    }

    #[test]
    fn fewest_words_count_tokens_blocks_and_the_shortest_choice() {
        const CHOICE: Argument = one_of("x", &[HIT, word("y", "Y")]);
        assert_eq!(HIT.words_min(), 2);
        assert_eq!(CHOICE.words_min(), 1);
        assert_eq!(integer("n").token("COUNT").words_min(), 2);
        assert_eq!(integer("n").optional().words_min(), 0);
    }
}
