//! The memory of a running program, read as a debugger reads it: for root, or whoever may trace what is not dumpable.

use std::{
    fs::{self, File},
    io::{Read as _, Seek as _, SeekFrom},
};

/// Where `needle` stands in the memory of the process `pid`: the names of the mappings, such as `[heap]`.
///
/// Its own code is left out: what is built into a program is no secret.
pub(crate) fn find_in_memory(pid: u32, needle: &[u8]) -> Vec<String> {
    assert!(needle.len() >= 8, "a short text is found anywhere");
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).expect("a process that runs");
    let mut memory = File::open(format!("/proc/{pid}/mem")).expect("only root may read the memory of `secrets`");
    let (mut places, mut read) = (Vec::new(), 0);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, access) = (words.next().unwrap(), words.next().unwrap());
        let name = words.nth(3).unwrap_or("anonymous");
        if !access.starts_with("rw") {
            continue;
        }
        let (start, end) = range.split_once('-').unwrap();
        let [start, end] = [start, end].map(|number| u64::from_str_radix(number, 16).unwrap());
        let mut content = vec![0; usize::try_from(end - start).unwrap()];
        memory.seek(SeekFrom::Start(start)).unwrap();
        // The kernel's own mappings cannot be read.
        if memory.read_exact(&mut content).is_err() {
            continue;
        }
        read += content.len();
        let found = content.windows(needle.len()).filter(|window| *window == needle).count();
        places.extend(std::iter::repeat_n(name.to_owned(), found));
    }
    assert!(read > 100_000, "{read} bytes are not the memory of a program");
    places
}
