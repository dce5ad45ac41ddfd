//! How much may wait for a client that does not read: `client-output-buffer-limit`.
//!
//! Here the limits of one class of clients are in force, `pubsub`: replies are not made for who does
//! not read, and there are no replicas. Invariant: what is printed is Redis's form of all classes.

use super::value::bytes;

/// The limits of a class of clients; 0 = none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputLimit {
    /// A client for which more waits is closed at once, bytes.
    pub hard_bytes: u64,
    /// One for which more waits, bytes, ...
    pub soft_bytes: u64,
    /// ... is closed after so many seconds of it.
    pub soft_s: u64,
}

impl OutputLimit {
    /// Redis's default for subscribers.
    pub const PUBSUB: OutputLimit =
        OutputLimit { hard_bytes: 32 << 20, soft_bytes: 8 << 20, soft_s: 60 };

    /// As CONFIG GET prints it.
    pub(super) fn print(self) -> String {
        let OutputLimit { hard_bytes, soft_bytes, soft_s } = self;
        format!("normal 0 0 0 slave 0 0 0 pubsub {hard_bytes} {soft_bytes} {soft_s}")
    }

    /// As a reader likes it: the one class that is in force.
    pub(super) fn print_short(self, short_bytes: impl Fn(i64) -> String) -> String {
        let OutputLimit { hard_bytes, soft_bytes, soft_s } = self;
        let short = |bytes| short_bytes(i64::try_from(bytes).unwrap_or(i64::MAX));
        format!("pubsub {} {} {soft_s}", short(hard_bytes), short(soft_bytes))
    }

    /// Reads groups of `class hard soft seconds`; those of other classes are checked and left.
    ///
    /// # Errors
    /// Redis's texts.
    pub(super) fn parse(self, text: &str) -> Result<OutputLimit, String> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() || !words.len().is_multiple_of(4) {
            return Err("Wrong number of arguments in buffer limit configuration.".to_owned());
        }
        let mut read = self;
        for group in words.chunks_exact(4) {
            let class = group[0].to_ascii_lowercase();
            if !["normal", "slave", "replica", "pubsub"].contains(&class.as_str()) {
                return Err("Invalid client class specified in buffer limit configuration.".into());
            }
            let size = |word: &str| bytes(word).and_then(|size| u64::try_from(size).ok());
            let limit = match (size(group[1]), size(group[2]), group[3].parse()) {
                (Some(hard_bytes), Some(soft_bytes), Ok(soft_s)) => {
                    OutputLimit { hard_bytes, soft_bytes, soft_s }
                }
                _ => {
                    return Err("Error in hard, soft or soft_seconds setting in buffer limit \
                                configuration."
                        .to_owned());
                }
            };
            if class == "pubsub" {
                read = limit;
            }
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read_as_redis_writes_them() {
        let limit = OutputLimit::PUBSUB.parse("pubsub 1mb 512kb 10").unwrap();
        assert_eq!(limit, OutputLimit { hard_bytes: 1 << 20, soft_bytes: 512 << 10, soft_s: 10 });
        let stock = "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60";
        assert_eq!(limit.parse(stock), Ok(OutputLimit::PUBSUB));
        assert_eq!(limit.parse("replica 1 1 1"), Ok(limit));
        assert_eq!(limit.parse(&limit.print()), Ok(limit));
        for bad in ["", "pubsub 1 2", "pubsub -1 0 0", "pubsub 1 x 0", "pubsub 1 1 -1", "odd 1 1 1"]
        {
            assert!(limit.parse(bad).is_err(), "{bad}");
        }
    }
}
