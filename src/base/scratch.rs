//! Private space for a plaintext that another program has to see: in memory where there is such a place, and wiped.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder},
    io,
    path::{Path, PathBuf},
};

use super::{
    env::Env,
    files::{FileError, FileProblem, create_new_private},
    leftover::Leftover,
    secret::Plaintext,
};

/// A directory of mode 0700 for files of mode 0600. Dropped, or on a signal that
/// [`watch_signals`](super::leftover::watch_signals) watches for, it is wiped with everything in it.
#[derive(Debug)]
pub struct Scratch {
    directory: Leftover,
    medium: Medium,
}

/// Where a scratch directory keeps its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Medium {
    /// In memory: no disk is written to, as long as the system does not swap it out.
    Memory,
    /// On a disk, where overwriting is an attempt only.
    Disk,
}

impl Scratch {
    /// Makes a directory in the first of `XDG_RUNTIME_DIR` and `/dev/shm` that is private or sticky, and in memory;
    /// where neither is, in `TMPDIR`.
    ///
    /// # Errors
    /// [`FileProblem::Write`], with the place that was tried last.
    pub fn new(env: &Env) -> Result<Self, FileError> {
        let in_memory = [env.path("XDG_RUNTIME_DIR"), Some(PathBuf::from("/dev/shm"))];
        for base in in_memory.into_iter().flatten().filter(|base| is_in_memory(base)) {
            if let Ok(directory) = make_directory(&base) {
                return Ok(Self { directory, medium: Medium::Memory });
            }
        }
        let base = env.path("TMPDIR").unwrap_or_else(std::env::temp_dir);
        let medium = if is_in_memory(&base) { Medium::Memory } else { Medium::Disk };
        make_directory(&base)
            .map(|directory| Self { directory, medium })
            .map_err(|cause| FileError { path: base, problem: FileProblem::Write(cause) })
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Where its bytes are.
    #[must_use]
    pub fn medium(&self) -> Medium {
        self.medium
    }

    /// Writes `content` to a new file of mode 0600 and returns its path. Only the last part of `name` counts.
    ///
    /// # Errors
    /// [`FileError`], when there is such a file already or no space.
    pub fn write(&self, name: &Path, content: &Plaintext) -> Result<PathBuf, FileError> {
        let name = name.file_name().unwrap_or(OsStr::new("plaintext"));
        let path = self.path().join(name);
        create_new_private(&path, content.expose().as_bytes())?;
        Ok(path)
    }
}

/// Keeps the memory of this process, and with it data keys and plaintexts, out of core dumps and from other processes
/// of the same user. The binary calls this first thing in `main`.
///
/// # Errors
/// The operating system's.
#[cfg(unix)]
pub fn disable_core_dumps() -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, setrlimit};

    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    // A handler named in `core_pattern` ignores the limit, but not this.
    #[cfg(target_os = "linux")]
    rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)?;
    Ok(())
}

fn make_directory(base: &Path) -> io::Result<Leftover> {
    let random = getrandom::u64().map_err(|error| io::Error::other(error.to_string()))?;
    let directory = Leftover::new(base.join(format!("secrets-{random:016x}")));
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory.path())?;
    Ok(directory)
}

/// Whether `base` is a directory on a file system without a disk, in which nobody else can replace what we make.
#[cfg(target_os = "linux")]
fn is_in_memory(base: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    const TMPFS_MAGIC: i128 = 0x0102_1994;
    const RAMFS_MAGIC: i128 = 0x8584_58f6;
    let Ok(metadata) = fs::metadata(base) else {
        return false;
    };
    let is_private = metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0;
    let is_sticky = metadata.mode() & 0o1000 != 0;
    let is_memory = rustix::fs::statfs(base)
        .is_ok_and(|file_system| [TMPFS_MAGIC, RAMFS_MAGIC].contains(&file_system.f_type.into()));
    base.is_absolute() && metadata.is_dir() && (is_private || is_sticky) && is_memory
}

#[cfg(not(target_os = "linux"))]
fn is_in_memory(_base: &Path) -> bool {
    false
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Read as _},
        os::unix::{fs::PermissionsExt as _, process::ExitStatusExt as _},
        process::Stdio,
    };

    use rustix::process::{Signal, getpid, kill_process};

    use super::*;
    use crate::base::{leftover::watch_signals, process::Tool};

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn scratch_space_is_private_in_memory_and_gone_afterwards() {
        let scratch = Scratch::new(&Env::default()).unwrap();
        assert_eq!(scratch.medium(), Medium::Memory);
        assert!(scratch.path().starts_with("/dev/shm"));
        let content = Plaintext::new("s3cret".to_owned());
        let file = scratch.write(Path::new("clusters/db.sops.yaml"), &content).unwrap();
        assert!(file.ends_with("db.sops.yaml"));
        assert_eq!((mode(scratch.path()), mode(&file)), (0o700, 0o600));
        assert_eq!(fs::read(&file).unwrap(), b"s3cret");
        let error = scratch.write(Path::new("db.sops.yaml"), &content).unwrap_err();
        assert!(matches!(error.problem, FileProblem::Exists));
        let directory = scratch.path().to_owned();
        drop(scratch);
        assert!(!directory.exists());
    }

    #[track_caller]
    fn check_base(base: &Path, mode: u32, expected: bool) {
        fs::set_permissions(base, fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(is_in_memory(base), expected, "{mode:o}");
        let env = [("XDG_RUNTIME_DIR", base)].into_iter().collect();
        let scratch = Scratch::new(&env).unwrap();
        assert_eq!(scratch.path().starts_with(base), expected, "{mode:o}");
    }

    #[test]
    fn a_runtime_directory_that_others_can_change_is_not_used() {
        let base = tempfile::tempdir_in("/dev/shm").unwrap();
        check_base(base.path(), 0o700, true);
        check_base(base.path(), 0o755, true);
        check_base(base.path(), 0o1777, true);
        check_base(base.path(), 0o777, false);
        check_base(base.path(), 0o770, false);
    }

    #[test]
    fn a_place_that_is_no_directory_in_memory_is_not_used() {
        assert!(!is_in_memory(Path::new("/nowhere")));
        assert!(!is_in_memory(Path::new("dev/shm")));
        assert!(!is_in_memory(Path::new("/proc")));
        let file = tempfile::NamedTempFile::new_in("/dev/shm").unwrap();
        assert!(!is_in_memory(file.path()));
    }

    /// Runs the test `name` again in a process of its own, where it does its work.
    #[expect(clippy::disallowed_methods, reason = "a test starts itself by other means")]
    fn again(name: &str, task: &str) -> std::process::Child {
        std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("base::scratch::tests::{name}"), "--nocapture"])
            .env("SCRATCH_TASK", task)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn task() -> Option<String> {
        std::env::var_os("SCRATCH_TASK").map(|task| task.into_string().unwrap())
    }

    /// Makes a scratch directory with a file, tells where, and gets `signal` from itself.
    fn wait_for(signal: Signal) {
        watch_signals().unwrap();
        let scratch = Scratch::new(&Env::default()).unwrap();
        scratch.write(Path::new("f"), &Plaintext::new("s3cret".to_owned())).unwrap();
        println!("\nscratch {}", scratch.path().display());
        kill_process(getpid(), signal).unwrap();
        std::thread::sleep(std::time::Duration::from_secs(60));
    }

    #[test]
    fn a_signal_removes_the_scratch_directory_and_ends_the_process() {
        let signals = [Signal::HUP, Signal::INT, Signal::TERM];
        if let Some(task) = task() {
            let signal = signals.into_iter().find(|signal| signal.as_raw().to_string() == task);
            return wait_for(signal.unwrap());
        }
        for signal in signals {
            let name = "a_signal_removes_the_scratch_directory_and_ends_the_process";
            let output = again(name, &signal.as_raw().to_string()).wait_with_output().unwrap();
            assert_eq!(output.status.signal(), Some(signal.as_raw()));
            let text = String::from_utf8(output.stdout).unwrap();
            let path = text.lines().find_map(|line| line.strip_prefix("scratch ")).unwrap();
            assert!(path.starts_with("/dev/shm/secrets-"), "{path}");
            assert!(!Path::new(path).exists(), "{path}");
        }
    }

    #[test]
    fn an_interrupt_is_survived_while_a_program_has_the_terminal_and_not_afterwards() {
        if task().is_some() {
            watch_signals().unwrap();
            // The program interrupts us, which the keyboard does to both.
            let script = "kill -INT $PPID; sleep 0.3; exit 7";
            let status = Tool::new("sh").args(["-c", script]).run_interactively().unwrap();
            println!("\nsurvived {status}");
            kill_process(getpid(), Signal::INT).unwrap();
            std::thread::sleep(std::time::Duration::from_secs(60));
            return;
        }
        let name = "an_interrupt_is_survived_while_a_program_has_the_terminal_and_not_afterwards";
        let output = again(name, "x").wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("survived exit status: 7"), "{text}");
        assert_eq!(output.status.signal(), Some(Signal::INT.as_raw()));
    }

    #[test]
    fn no_core_is_dumped_and_open_files_are_still_ours() {
        if task().is_some() {
            disable_core_dumps().unwrap();
            // Without the privileges of root, by which everything is allowed anyway.
            if rustix::process::geteuid().is_root() {
                let nobody = rustix::process::Uid::from_raw(65_534);
                rustix::thread::set_thread_uid(nobody).unwrap();
            }
            crate::base::files::create_private(Path::new("/dev/stdout"), b"\nwritten\n").unwrap();
            std::process::abort();
        }
        let mut child = again("no_core_is_dumped_and_open_files_are_still_ours", "x");
        let mut text = String::new();
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        while !text.contains("written") {
            assert_ne!(reader.read_line(&mut text).unwrap(), 0, "{text}");
        }
        reader.read_to_string(&mut text).unwrap();
        let status = child.wait().unwrap();
        assert_eq!((status.signal(), status.core_dumped()), (Some(Signal::ABORT.as_raw()), false));
    }
}
