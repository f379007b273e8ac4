//! `sync --check`, `access` and `cluster status` over a repository of 30 clusters and 10,000 encrypted files, beside a bare
//! walk that reads them: `cargo bench --bench clusters`. Times are medians of whole processes; the bare walk is this
//! program, started again, which lists the files as `secrets` does and reads them in as many threads.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark fails by panicking, and prints its table")]

#[path = "../tests/support/repository.rs"]
mod repository;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use gitops_secrets::ops::{pool, target::find_targets};

const CLUSTERS: usize = 30;
const RUNS: usize = 7;
const BARE_WALK: &str = "--bare-walk";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(root) = arguments.iter().position(|argument| argument == BARE_WALK).and_then(|at| arguments.get(at + 1))
    {
        return println!("{}", read_all(Path::new(root)));
    }
    println!("| work | files | time | of a bare walk | memory |\n|---|---|---|---|---|");
    for files in [1_000, 10_000] {
        let root = tempfile::tempdir().unwrap();
        repository::write(root.path(), CLUSTERS, files);
        let own = std::env::current_exe().unwrap();
        let path = root.path().to_str().unwrap();
        let walk = measure(&own, &[BARE_WALK, path]);
        println!("| a bare walk | {files} | {:.0} ms | 1.0 | |", millis(walk.0));
        let check: &[&str] = &["-C", path, "sync", "--check"];
        let access: &[&str] = &["-C", path, "access"];
        let json: &[&str] = &["-C", path, "access", "--format", "json"];
        let status: &[&str] = &["-C", path, "cluster", "status"];
        let rows = [
            ("`sync --check`", check),
            ("`access`", access),
            ("`access --format json`", json),
            ("`cluster status`", status),
        ];
        for (name, arguments) in rows {
            let (time, memory) = measure(Path::new(env!("CARGO_BIN_EXE_secrets")), arguments);
            let ratio = time.as_secs_f64() / walk.0.as_secs_f64();
            println!("| {name} | {files} | {:.0} ms | {ratio:.1} | {memory} MiB |", millis(time));
        }
    }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// The bytes of all files below `root`.
fn read_all(root: &Path) -> usize {
    let files = find_targets(&[PathBuf::from(root)]).files;
    pool::map(&files, |target| std::fs::read(&target.path).unwrap().len()).into_iter().sum()
}

/// The median time of a process, and its largest resident set in MiB, by GNU `time`.
#[expect(clippy::disallowed_methods, reason = "a benchmark starts programs by other means")]
fn measure(program: &Path, arguments: &[&str]) -> (Duration, u64) {
    let mut times: Vec<Duration> = (0..RUNS)
        .map(|_| {
            let start = Instant::now();
            let status = Command::new(program).args(arguments).stdout(Stdio::null()).status().unwrap();
            assert!(status.success(), "{arguments:?}");
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let timed =
        Command::new("/usr/bin/time").args(["-f", "%M"]).arg(program).args(arguments).stdout(Stdio::null()).output();
    let memory = timed.ok().and_then(|output| String::from_utf8(output.stderr).ok()?.trim().parse::<u64>().ok());
    (times.get(RUNS / 2).copied().unwrap_or_default(), memory.unwrap_or_default() / 1024)
}
