//! Every limit of a server on a network, by raw bytes against the program.

mod support;

#[path = "limits/ending.rs"]
mod ending;
#[path = "limits/hostile.rs"]
mod hostile;
#[path = "limits/memory.rs"]
mod memory;
#[path = "limits/network.rs"]
mod network;
#[path = "limits/scripts.rs"]
mod scripts;
#[path = "limits/slices.rs"]
mod slices;
#[path = "limits/time.rs"]
mod time;
#[path = "limits/waiting.rs"]
mod waiting;
