//! A series: the windows of one kind and scale, and the bucket that each of them lives in.
//!
//! A bucket is named by the time at which all its windows have ended, rounded up to
//! 2^(floor(log2 scale) - 3) ms, so that whatever scales clients invent there are a few hundred
//! buckets at most. That step is smaller than the scale, so (series, bucket) names one window.

use crate::limiter::{Kind, Scale, Window};

/// The windows of one kind and scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Series {
    /// Fixed or sliding.
    pub kind: Kind,
    /// Length of a window.
    pub scale: Scale,
}

/// Bits that [`Series::code`] needs: a scale of 39 bits and the kind.
pub(super) const CODE_BITS: u32 = 40;

impl Series {
    /// A number of 40 bits that names the series.
    pub fn code(self) -> u64 {
        self.scale.ms() << 1 | u64::from(self.kind == Kind::Sliding)
    }

    /// The series of a code; `None` for a code whose scale is out of range.
    pub fn from_code(code: u64) -> Option<Series> {
        let kind = if code & 1 == 1 { Kind::Sliding } else { Kind::Fixed };
        Scale::new(code >> 1).map(|scale| Series { kind, scale })
    }

    /// The window at `now_ms`.
    pub fn window(self, now_ms: u64) -> Window {
        Window::at(now_ms, self.scale)
    }

    /// When counters of `window` no longer matter, ms since the epoch: a sliding window weighs in
    /// for one scale after its end.
    pub fn expires_ms(self, window: Window) -> u64 {
        match self.kind {
            Kind::Fixed => window.end_ms(),
            Kind::Sliding => window.end_ms().saturating_add(self.scale.ms()),
        }
    }

    /// The bucket of `window`.
    pub fn bucket_ms(self, window: Window) -> u64 {
        let step = 1_u64 << self.scale.ms().ilog2().saturating_sub(3);
        let expires = self.expires_ms(window);
        expires.checked_next_multiple_of(step).unwrap_or(expires)
    }

    /// The number of the one window of this series that lives in bucket `bucket_ms`.
    pub fn index_in_bucket(self, bucket_ms: u64) -> u64 {
        let windows = match self.kind {
            Kind::Fixed => 1,
            Kind::Sliding => 2,
        };
        (bucket_ms / self.scale.ms()).saturating_sub(windows)
    }

    /// When the one window of this series that lives in bucket `bucket_ms` expires.
    pub fn expires_in_bucket_ms(self, bucket_ms: u64) -> u64 {
        bucket_ms - bucket_ms % self.scale.ms()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_series() -> impl Strategy<Value = Series> {
        // Log-uniform, so that every magnitude is tried.
        (0_u32..39, any::<u64>(), any::<bool>()).prop_filter_map(
            "in range",
            |(bits, low, sliding)| {
                let ms = 1_u64 << bits | low & ((1 << bits) - 1);
                let kind = if sliding { Kind::Sliding } else { Kind::Fixed };
                Scale::new(ms).map(|scale| Series { kind, scale })
            },
        )
    }

    proptest! {
        #[test]
        fn a_code_names_its_series(series in any_series()) {
            prop_assert!(series.code() < 1 << CODE_BITS);
            prop_assert_eq!(Series::from_code(series.code()), Some(series));
        }

        #[test]
        fn a_bucket_ends_at_most_an_eighth_of_a_scale_late_and_names_one_window(
            series in any_series(), now_ms in 0_u64..4_000_000_000_000,
        ) {
            let window = series.window(now_ms);
            let bucket = series.bucket_ms(window);
            let expires = series.expires_ms(window);
            prop_assert!(bucket >= expires && bucket - expires <= series.scale.ms() / 8);
            prop_assert_eq!(series.expires_in_bucket_ms(bucket), expires);
            prop_assert_eq!(series.index_in_bucket(bucket), window.index);
            let next = series.window(window.end_ms());
            prop_assert!(series.bucket_ms(next) > bucket);
        }
    }

    #[test]
    fn adversarial_scales_fall_into_a_few_hundred_buckets() {
        let now_ms = 1_790_000_000_000;
        let mut buckets = std::collections::BTreeSet::new();
        for i in 0..200_000_u64 {
            let bits = i % 38;
            let ms = (1 << bits) | (i.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - bits.max(1)));
            if let Some(scale) = Scale::new(ms) {
                let series = Series { kind: Kind::Fixed, scale };
                buckets.insert(series.bucket_ms(series.window(now_ms)));
            }
        }
        assert!(buckets.len() < 400, "{} buckets", buckets.len());
    }
}
