//! Pure rate-limit arithmetic: no state, no allocation, no clock.
