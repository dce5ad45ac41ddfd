//! Windows: time cut into pieces of one scale, counted from the Unix epoch.
//!
//! Not here: counts. Invariant: every node computes the same window from the same time and scale;
//! exactly at a window's end the next one applies.

use super::Scale;

/// One window of a scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Window {
    /// Its length.
    pub scale: Scale,
    /// Its number: `floor(now_ms / scale)`.
    pub index: u64,
}

impl Window {
    /// The window that holds `now_ms`, milliseconds since the epoch.
    #[inline]
    pub const fn at(now_ms: u64, scale: Scale) -> Window {
        Window { scale, index: now_ms / scale.ms() }
    }

    /// Its first millisecond since the epoch; saturates at the end of time.
    #[inline]
    pub const fn start_ms(self) -> u64 {
        self.index.saturating_mul(self.scale.ms())
    }

    /// The first millisecond behind it; saturates at the end of time.
    #[inline]
    pub const fn end_ms(self) -> u64 {
        self.start_ms().saturating_add(self.scale.ms())
    }

    /// The window before, or `None` before the first.
    #[inline]
    pub const fn previous(self) -> Option<Window> {
        match self.index.checked_sub(1) {
            Some(index) => Some(Window { scale: self.scale, index }),
            None => None,
        }
    }

    /// Milliseconds from its start to `now_ms`, 0 ..= scale; the ends for times outside of it.
    #[inline]
    pub fn elapsed_ms(self, now_ms: u64) -> u64 {
        now_ms.saturating_sub(self.start_ms()).min(self.scale.ms())
    }

    /// Milliseconds from `now_ms` to its end, 0 ..= scale; the ends for times outside of it.
    #[inline]
    pub fn left_ms(self, now_ms: u64) -> u64 {
        self.end_ms().saturating_sub(now_ms).min(self.scale.ms())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_holds_its_first_and_last_millisecond() {
        let scale = Scale::new(1000).unwrap();
        let window = Window::at(5000, scale);
        assert_eq!((window.index, window.start_ms(), window.end_ms()), (5, 5000, 6000));
        assert_eq!((window.elapsed_ms(5000), window.left_ms(5000)), (0, 1000));
        assert_eq!(Window::at(5999, scale), window);
        assert_eq!((window.elapsed_ms(5999), window.left_ms(5999)), (999, 1));
        assert_eq!(Window::at(6000, scale).index, 6);
        assert_eq!(Window::at(6000, scale).previous(), Some(window));
        assert_eq!(Window::at(999, scale).previous(), None);
    }

    #[test]
    fn times_outside_a_window_are_taken_as_its_ends() {
        let window = Window::at(5000, Scale::new(1000).unwrap());
        assert_eq!((window.elapsed_ms(0), window.left_ms(0)), (0, 1000));
        assert_eq!((window.elapsed_ms(u64::MAX), window.left_ms(u64::MAX)), (1000, 0));
    }

    #[test]
    fn the_end_of_time_saturates() {
        let window = Window { scale: Scale::new(1000).unwrap(), index: u64::MAX };
        assert_eq!((window.start_ms(), window.end_ms()), (u64::MAX, u64::MAX));
        let last = Window::at(u64::MAX, Scale::new(1000).unwrap());
        assert_eq!(last.start_ms(), 18_446_744_073_709_551_000);
        assert_eq!((last.end_ms(), last.elapsed_ms(u64::MAX)), (u64::MAX, 615));
    }
}
