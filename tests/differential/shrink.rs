//! Makes a sequence that shows a difference as short as it can.

use std::time::{Duration, Instant};

use crate::driver::Driver;
use crate::request::Step;

/// Longest time for one difference: a short sequence is worth a wait, but not any.
const LONGEST: Duration = Duration::from_secs(10);

/// The fewest steps, of those given, whose last is still answered differently. Whether fewer steps
/// do is tried on the servers themselves: ever smaller parts are left out while the difference stays.
pub(crate) fn shrunk(driver: &mut Driver, steps: &[Step]) -> Vec<Step> {
    let mut steps = steps.to_vec();
    let end = Instant::now() + LONGEST;
    let mut part = steps.len() / 2;
    while part > 0 && Instant::now() < end {
        let mut from = 0;
        let mut removed = false;
        while from + 1 < steps.len() && Instant::now() < end {
            let to = (from + part).min(steps.len() - 1);
            let mut fewer = steps.clone();
            fewer.drain(from..to);
            if shows(driver, &fewer) {
                steps = fewer;
                removed = true;
            } else {
                from = to;
            }
        }
        part = if removed && part == 1 { 1 } else { part / 2 };
    }
    steps
}

/// Whether the last of these steps, and none before it, is answered differently.
fn shows(driver: &mut Driver, steps: &[Step]) -> bool {
    driver.run(steps).is_some_and(|difference| difference.at + 1 == steps.len())
}
