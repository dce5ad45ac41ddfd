//! Rates over the last seconds, as INFO shows them.
//!
//! Not here: the counters themselves. Invariant: a counter that was reset between two samples
//! gives a rate of 0, never a huge one.

use std::collections::VecDeque;

/// Samples kept: with one a second, rates are of the last four seconds.
const SAMPLES_MAX: usize = 5;

/// The counters at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sample {
    /// By a clock that nobody can set, nanoseconds.
    pub(super) at_ns: u64,
    pub(super) commands: u64,
    pub(super) input_bytes: u64,
    pub(super) output_bytes: u64,
}

/// What happened a second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rates {
    pub(super) commands: u64,
    pub(super) input_bytes: f64,
    pub(super) output_bytes: f64,
}

/// The newest samples.
#[derive(Debug, Default)]
pub(super) struct Samples(VecDeque<Sample>);

impl Samples {
    pub(super) fn push(&mut self, sample: Sample) {
        if self.0.len() == SAMPLES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(sample);
    }

    pub(super) fn rates(&self) -> Rates {
        let (Some(old), Some(new)) = (self.0.front(), self.0.back()) else {
            return Rates::default();
        };
        let elapsed_ns = new.at_ns.saturating_sub(old.at_ns).max(1);
        let rate = |old: u64, new: u64| match new.saturating_sub(old) {
            0 => 0.0,
            rise => rise as f64 * 1e9 / elapsed_ns as f64,
        };
        let commands = new.commands.saturating_sub(old.commands);
        Rates {
            commands: commands.saturating_mul(1_000_000_000) / elapsed_ns,
            input_bytes: rate(old.input_bytes, new.input_bytes),
            output_bytes: rate(old.output_bytes, new.output_bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_s: u64, commands: u64) -> Sample {
        Sample { at_ns: at_s * 1_000_000_000, commands, input_bytes: 0, output_bytes: 0 }
    }

    #[test]
    fn rates_are_the_rise_over_the_kept_seconds() {
        let mut samples = Samples::default();
        assert_eq!(samples.rates(), Rates::default());
        for second in 0..20 {
            samples.push(sample(second, second * second));
        }
        // Of 15..=19: (361 - 225) / 4.
        assert_eq!(samples.rates().commands, 34);
    }

    #[test]
    fn a_reset_counter_gives_no_rate() {
        let mut samples = Samples::default();
        samples.push(sample(1, 1_000));
        samples.push(sample(2, 10));
        assert_eq!(samples.rates().commands, 0);
    }
}
