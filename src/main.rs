//! The command line.

use ankuan::cli::{self, output::Exit};
use ankuan::clock::Clock;

fn main() -> Exit {
    cli::run(std::env::args_os(), Clock::system())
}
