//! Every setting of ratel.

/// All settings, as plain data.
#[derive(Clone, Debug)]
pub struct Config {}
