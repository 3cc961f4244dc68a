#![no_main]

use ankuan_fuzz::{Format, check};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| check(Format::ReplyTable, bytes));
