//! A difference as it is told: where, what, the least sequence that shows it, and how to repeat it.

use std::fmt;

use crate::driver::{Difference, Driver};
use crate::request::Step;
use crate::sequence::Sequence;
use crate::shrink::shrunk;

/// A difference with all that is needed to mend it.
pub(crate) struct Finding {
    seed: u64,
    whole: String,
    /// The least sequence, each step with the replies to it.
    least: String,
    /// How many steps the least sequence has.
    pub(crate) least_steps: usize,
    /// What kind of difference it is, without the figures: further ones of it say nothing new.
    pub(crate) kind: String,
}

impl Finding {
    pub(crate) fn new(
        driver: &mut Driver,
        seed: u64,
        sequence: &Sequence,
        difference: &Difference,
    ) -> Finding {
        let steps = &sequence.steps[..=difference.at];
        let least = shrunk(driver, steps);
        // Once more for its replies; if the difference is gone now, what was seen first is shown.
        let again = driver.run(&least);
        Finding {
            seed,
            whole: told(steps, difference),
            least: again
                .map_or_else(|| "(it did not come again)\n".to_owned(), |d| told(&least, &d)),
            least_steps: least.len(),
            kind: kind(&steps[difference.at], difference),
        }
    }
}

/// Steps with their replies; the last one's are those that differ.
fn told(steps: &[Step], difference: &Difference) -> String {
    let mut text = String::new();
    for (step, [left, right]) in steps.iter().zip(&difference.replies) {
        text.push_str(&format!("  {step}\n      redis: {left}\n"));
        if left != right {
            text.push_str(&format!("      other: {right}\n"));
        }
    }
    text
}

/// The command with both replies, every digit and name taken out.
fn kind(step: &Step, difference: &Difference) -> String {
    const SHOWN_CHARS: usize = 70;
    let [left, right] = &difference.replies[difference.at];
    let general = |text: String| -> String {
        let general = text.chars().map(|c| if c.is_ascii_digit() { '#' } else { c });
        general.take(SHOWN_CHARS).collect()
    };
    let (left, right) = (general(left.to_string()), general(right.to_string()));
    format!("{} {left} / {right}", step.request.name())
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { seed, whole, least, least_steps, kind } = self;
        writeln!(out, "difference: {kind}")?;
        writeln!(out, " since the keyspace was empty:\n{whole}")?;
        writeln!(out, " the least sequence that shows it, {least_steps} steps:\n{least}")?;
        let command = "cargo test --test differential ratel_answers -- --nocapture";
        let narrowed = std::env::var("RATEL_DIFF_COMMANDS").ok();
        let narrowed = narrowed.map_or_else(String::new, |n| format!("RATEL_DIFF_COMMANDS={n} "));
        writeln!(out, " again: {narrowed}RATEL_DIFF_SEED={seed} RATEL_DIFF_STEPS=1 {command}")
    }
}
