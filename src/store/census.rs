//! How many counters of each series are alive in one shard of one table.
//!
//! Nearly every table holds one series, which is kept inline; others go to a map. Invariant: the
//! numbers change only under the shard's lock, together with the entries that they count.

use std::collections::HashMap;

use super::series::Series;

/// Boxed where it is used: it is rare, and a shard is one of 256 in a table.
type Others = HashMap<Series, u32>;

/// Live counters by series.
#[derive(Debug, Default)]
pub struct Census {
    first: Option<(Series, u32)>,
    others: Option<Box<Others>>,
}

impl Census {
    /// True if the series has been counted here before, if only down to none.
    pub fn knows(&self, series: Series) -> bool {
        self.first.is_some_and(|(first, _)| first == series)
            || self.others.as_ref().is_some_and(|others| others.contains_key(&series))
    }

    /// Notes that one counter of `series` came to life.
    pub fn born(&mut self, series: Series) {
        *self.count_mut(series) += 1;
    }

    /// Notes that one counter of `series` ceased to exist.
    pub fn gone(&mut self, series: Series) {
        let count = self.count_mut(series);
        *count = count.saturating_sub(1);
    }

    fn count_mut(&mut self, series: Series) -> &mut u32 {
        let first = self.first.get_or_insert((series, 0));
        if first.0 == series {
            return &mut first.1;
        }
        self.others.get_or_insert_default().entry(series).or_default()
    }

    /// All series counted here.
    pub fn iter(&self) -> impl Iterator<Item = (Series, u32)> + '_ {
        let others = self.others.iter().flat_map(|others| others.iter());
        self.first.into_iter().chain(others.map(|(series, count)| (*series, *count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limiter::{Kind, Scale};

    #[test]
    fn series_are_counted_apart() {
        let series = |ms| Series { kind: Kind::Fixed, scale: Scale::new(ms).unwrap() };
        let mut census = Census::default();
        census.born(series(1));
        census.born(series(2));
        census.born(series(2));
        census.gone(series(1));
        let mut all: Vec<_> = census.iter().map(|(series, n)| (series.scale.ms(), n)).collect();
        all.sort_unstable();
        assert_eq!(all, [(1, 0), (2, 2)]);
        assert!(census.knows(series(1)) && !census.knows(series(3)));
    }
}
