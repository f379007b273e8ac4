//! `secrets`: arguments in, one library call, one report.

fn main() {}
