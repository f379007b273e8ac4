//! The one door to other programs: arguments without a shell, output into wiped memory, a terminal lent and taken back.

use std::{
    ffi::{OsStr, OsString},
    io::{self, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    thread::JoinHandle,
};

use zeroize::Zeroizing;

use super::{env::Env, files::read_wiped, leftover::lend_the_terminal};

/// A program with its arguments and additions to its environment. No shell ever sees them.
#[derive(Clone)]
pub struct Tool {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    left_out: Vec<OsString>,
}

/// Arguments and environment may hold secrets, so only the program is shown.
impl std::fmt::Debug for Tool {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Tool({})", self.program.display())
    }
}

/// Why a program gave no result.
#[derive(Debug)]
pub struct ToolError {
    /// The program, without its arguments.
    pub program: String,
    /// What happened.
    pub problem: ToolProblem,
}

impl std::fmt::Display for ToolError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "`{}` {}", self.program, self.problem)
    }
}

impl std::error::Error for ToolError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.problem.source()
    }
}

/// What happened to a program.
#[derive(Debug, thiserror::Error)]
pub enum ToolProblem {
    /// It does not exist, is not executable, or the system refused.
    #[error("could not be started")]
    Start(#[source] io::Error),
    /// It ended with a failure.
    #[error("failed with {0}")]
    Failed(ExitStatus),
    /// It ended with a failure, and said why.
    #[error("failed with {status}: {said}")]
    Refused {
        /// How it ended.
        status: ExitStatus,
        /// The beginning of what it said on its standard error.
        said: String,
    },
    /// It printed more than the bound.
    #[error("printed more than {limit_bytes} bytes")]
    TooLong {
        /// The bound in bytes.
        limit_bytes: usize,
    },
    /// Its output could not be read, or its end not be awaited.
    #[error("could not be listened to")]
    Listen(#[source] io::Error),
}

/// Why a command line could not be cut into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WordsError {
    /// There is no word in it.
    #[error("the command is empty")]
    Empty,
    /// A quote is not closed, or the text ends in a backslash.
    #[error("the command has a quote that is not closed")]
    Unbalanced,
}

/// Where a program is that is given by its name alone.
#[derive(Debug, PartialEq, Eq)]
pub enum Located {
    /// In no directory of `PATH`.
    Nowhere,
    /// In this directory, which `PATH` names relative to the current one.
    Relative(PathBuf),
    /// Here, in the first directory that has it.
    At(PathBuf),
}

/// Where `PATH` leads to for `program`, a name without a directory.
#[must_use]
pub fn locate(program: &str, env: &Env) -> Located {
    let path = env.path("PATH").unwrap_or_default();
    let mut directories = std::env::split_paths(&path);
    let Some(directory) = directories.find(|directory| is_executable(&directory.join(program))) else {
        return Located::Nowhere;
    };
    if directory.is_absolute() { Located::At(directory.join(program)) } else { Located::Relative(directory) }
}

#[cfg(unix)]
fn is_executable(path: &Path) -> bool {
    path.is_file() && rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok()
}

#[cfg(not(unix))]
fn is_executable(path: &Path) -> bool {
    path.with_extension("exe").is_file()
}

/// How long after the program an interrupt from the keyboard can still arrive that was meant for it.
const LATE_INTERRUPT: std::time::Duration = std::time::Duration::from_millis(200);

/// How much of what a program says on its standard error is kept, in bytes.
const COMPLAINT_BYTES: u64 = 4096;

/// How much is read from a program at once, in bytes.
const OUTPUT_BUFFER_BYTES: usize = 256 << 10;

impl Tool {
    /// `program`, looked up on `PATH` unless it has a directory.
    #[must_use]
    pub fn new(program: impl Into<OsString>) -> Self {
        Self { program: program.into(), arguments: Vec::new(), environment: Vec::new(), left_out: Vec::new() }
    }

    /// Cuts `command` into words as a POSIX shell does, quotes and backslashes included, and expands nothing.
    ///
    /// # Errors
    /// [`WordsError`], which holds nothing of the command.
    pub fn from_words(command: &str) -> Result<Self, WordsError> {
        let mut words = shlex::split(command).ok_or(WordsError::Unbalanced)?.into_iter();
        let program = words.next().filter(|word| !word.is_empty()).ok_or(WordsError::Empty)?;
        Ok(Self::new(program).args(words))
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.arguments.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Sets one variable in the program's environment, which is ours otherwise.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Keeps one variable of ours from the program.
    #[must_use]
    pub fn without_env(mut self, name: impl Into<OsString>) -> Self {
        self.left_out.push(name.into());
        self
    }

    /// The program's file name, by which known editors are recognised.
    #[must_use]
    pub fn name(&self) -> &OsStr {
        Path::new(&self.program).file_name().unwrap_or(&self.program)
    }

    /// The program as it was given.
    #[must_use]
    pub fn program(&self) -> &OsStr {
        &self.program
    }

    /// Runs the program with nothing on its standard input and our standard error, and returns what it printed.
    ///
    /// # Errors
    /// [`ToolError`] when it cannot start, fails, or prints more than `limit_bytes`; then it is killed.
    pub fn capture(&self, limit_bytes: usize) -> Result<Zeroizing<Vec<u8>>, ToolError> {
        let mut child = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|cause| self.error(ToolProblem::Start(cause)))?;
        let printed = match read_output(&mut child, limit_bytes) {
            Ok(printed) => printed,
            Err(problem) => {
                end(&mut child);
                return Err(self.error(problem));
            }
        };
        let status = child.wait().map_err(|cause| self.error(ToolProblem::Listen(cause)))?;
        if !status.success() {
            return Err(self.error(ToolProblem::Failed(status)));
        }
        Ok(printed)
    }

    /// Runs the program on our terminal, as an editor needs it, and returns how it ended.
    ///
    /// While it runs, an interrupt from the keyboard is the program's affair: we survive it,
    /// once [`super::leftover::watch_signals`] has been called.
    ///
    /// # Errors
    /// [`ToolError`] when it cannot start or its end cannot be awaited; a failure of the program is no error.
    pub fn run_interactively(&self) -> Result<ExitStatus, ToolError> {
        let _lent = lend_the_terminal();
        let mut child = self.command().spawn().map_err(|cause| self.error(ToolProblem::Start(cause)))?;
        let status = child.wait().map_err(|cause| self.error(ToolProblem::Listen(cause)))?;
        if !status.success() {
            // An interrupt that ended the program was sent to us as well, and may reach us only now: it is still its own.
            std::thread::sleep(LATE_INTERRUPT);
        }
        Ok(status)
    }

    /// Starts the program beside us, with its standard input to be written and its standard output to be read. It sees the
    /// end of its input when that is dropped.
    ///
    /// # Errors
    /// [`ToolError`] when it cannot start.
    pub fn start(&self) -> Result<(Running, ProgramInput, ProgramOutput), ToolError> {
        let spawned = self.command().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|cause| self.error(ToolProblem::Start(cause)))?;
        let (Some(input), Some(output), Some(complaints)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            end(&mut child);
            return Err(self.error(ToolProblem::Listen(io::ErrorKind::BrokenPipe.into())));
        };
        let complaints = Some(std::thread::spawn(move || listen(complaints)));
        let running = Running { program: self.program.to_string_lossy().into_owned(), child, complaints };
        Ok((running, input, BufReader::with_capacity(OUTPUT_BUFFER_BYTES, output)))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the door that the lint points to")]
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        for name in &self.left_out {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn error(&self, problem: ToolProblem) -> ToolError {
        ToolError { program: self.program.to_string_lossy().into_owned(), problem }
    }
}

/// What is written to a program.
pub type ProgramInput = ChildStdin;

/// What a program prints.
pub type ProgramOutput = BufReader<ChildStdout>;

/// A program that runs beside us. It is ended where nobody waits for its end.
#[derive(Debug)]
pub struct Running {
    program: String,
    child: Child,
    complaints: Option<JoinHandle<String>>,
}

impl Running {
    /// Awaits the end of the program, whose input and output have been dropped or read to the end, and gives back what it
    /// said on its standard error, mostly nothing.
    ///
    /// # Errors
    /// [`ToolError`] when it failed.
    pub fn finish(mut self) -> Result<String, ToolError> {
        let status = self.child.wait();
        let said = self.complaints.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        let problem = match status {
            Ok(status) if status.success() => return Ok(said),
            Ok(status) if said.is_empty() => ToolProblem::Failed(status),
            Ok(status) => ToolProblem::Refused { status, said },
            Err(cause) => ToolProblem::Listen(cause),
        };
        Err(self.error(problem))
    }

    /// Ends it, so that nobody goes on writing to it.
    pub fn stop(&mut self) {
        end(&mut self.child);
    }

    /// That its output could not be read.
    #[must_use]
    pub fn unheard(&self, cause: io::Error) -> ToolError {
        self.error(ToolProblem::Listen(cause))
    }

    fn error(&self, problem: ToolProblem) -> ToolError {
        ToolError { program: self.program.clone(), problem }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.complaints.is_some() {
            end(&mut self.child);
        }
    }
}

/// The beginning of what a program says on its standard error; it is heard out.
fn listen(mut complaints: ChildStderr) -> String {
    let mut said = Vec::new();
    // What cannot be read was not said.
    drop(complaints.by_ref().take(COMPLAINT_BYTES).read_to_end(&mut said));
    drop(io::copy(&mut complaints, &mut io::sink()));
    String::from_utf8_lossy(&said).trim_end().to_owned()
}

fn read_output(child: &mut Child, limit_bytes: usize) -> Result<Zeroizing<Vec<u8>>, ToolProblem> {
    let Some(mut output) = child.stdout.take() else {
        return Err(ToolProblem::Listen(io::ErrorKind::BrokenPipe.into()));
    };
    read_wiped(&mut output, 4096, limit_bytes).map_err(ToolProblem::Listen)?.ok_or(ToolProblem::TooLong { limit_bytes })
}

/// Ends a child whose output is of no more use, so that it leaves neither work nor a zombie behind.
fn end(child: &mut Child) {
    // Either call fails only when the child has ended by itself, which is what is wanted.
    if child.kill().is_ok() {
        drop(child.wait());
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::{BufRead as _, Write as _};

    use super::*;

    #[track_caller]
    fn check(command: &str, expected: Result<&str, &str>) {
        let outcome = match Tool::from_words(command) {
            Err(error) => Err(error.to_string()),
            Ok(tool) => match tool.capture(100) {
                Ok(bytes) => Ok(String::from_utf8(bytes.to_vec()).unwrap()),
                Err(error) => Err(error.to_string()),
            },
        };
        assert_eq!(outcome, expected.map(str::to_owned).map_err(str::to_owned));
    }

    #[test]
    fn words_are_cut_without_a_shell() {
        check("printf %s 'a b'", Ok("a b"));
        check(r#"printf %s "$HOME;*"\ c"#, Ok("$HOME;* c"));
        check("printf %s,%s 1 2", Ok("1,2"));
        check("", Err("the command is empty"));
        check("  # nothing", Err("the command is empty"));
        check("''", Err("the command is empty"));
        check("printf 'a", Err("the command has a quote that is not closed"));
    }

    #[test]
    fn a_failure_names_the_program_and_not_its_arguments() {
        check("sh -c 'echo s3cret; exit 7'", Err("`sh` failed with exit status: 7"));
        check("sh -c 'kill -9 $$'", Err("`sh` failed with signal: 9 (SIGKILL)"));
        check("/nowhere/tool s3cret", Err("`/nowhere/tool` could not be started"));
    }

    #[test]
    fn output_beyond_the_bound_ends_the_program() {
        check("yes", Err("`yes` printed more than 100 bytes"));
        check("printf %0100d 0", Ok(&"0".repeat(100)));
        check("printf %0101d 0", Err("`printf` printed more than 100 bytes"));
    }

    #[test]
    fn standard_input_is_not_the_programs_to_read() {
        check("cat", Ok(""));
    }

    #[test]
    fn variables_reach_the_program() {
        let tool = Tool::new("sh").args(["-c", "printf %s \"$TOOL_TEST\""]).env("TOOL_TEST", "x y");
        assert_eq!(tool.capture(10).unwrap().as_slice(), b"x y");
    }

    #[test]
    fn debug_shows_the_program_only() {
        let tool = Tool::new("sh").arg("s3cret").env("A", "s3cret");
        assert_eq!(format!("{tool:?}"), "Tool(sh)");
    }

    #[test]
    fn an_interactive_program_returns_its_status() {
        let status = Tool::new("sh").args(["-c", "exit 3"]).run_interactively().unwrap();
        assert_eq!(status.code(), Some(3));
        Tool::new("/nowhere/editor").run_interactively().unwrap_err();
    }

    #[test]
    fn a_program_that_runs_beside_us_is_written_to_and_read_from() {
        let (running, mut input, output) = Tool::new("sh").args(["-c", "cat; echo odd >&2"]).start().unwrap();
        let writer = std::thread::spawn(move || input.write_all(b"a\nb").unwrap());
        let lines: Vec<String> = output.lines().map(Result::unwrap).collect();
        writer.join().unwrap();
        assert_eq!(lines, ["a", "b"]);
        assert_eq!(running.finish().unwrap(), "odd");
    }

    #[test]
    fn a_program_that_refuses_is_quoted_up_to_a_bound() {
        let finish =
            |script: &str| Tool::new("sh").args(["-c", script]).start().unwrap().0.finish().unwrap_err().to_string();
        assert_eq!(finish("echo no >&2; exit 3"), "`sh` failed with exit status: 3: no");
        assert_eq!(finish("exit 3"), "`sh` failed with exit status: 3");
        assert!(finish("yes >&2 & sleep 0.1; kill $!; exit 3").len() < 5000);
    }

    #[test]
    fn a_program_that_nobody_waits_for_is_ended() {
        let (running, ..) = Tool::new("sh").args(["-c", "exec sleep 1000"]).start().unwrap();
        let process = running.child.id();
        drop(running);
        assert!(!Path::new(&format!("/proc/{process}")).exists());
    }

    #[test]
    fn a_variable_is_kept_from_a_program() {
        // Cargo sets it for tests.
        let tool = Tool::new("sh").args(["-c", "printf %s ${CARGO_MANIFEST_DIR-none}"]);
        assert_ne!(tool.capture(1000).unwrap().as_slice(), b"none");
        assert_eq!(tool.without_env("CARGO_MANIFEST_DIR").capture(1000).unwrap().as_slice(), b"none");
    }

    #[test]
    fn a_tool_is_named_by_its_file() {
        assert_eq!(Tool::new("/usr/bin/vim").name(), "vim");
        assert_eq!(Tool::new("nano").name(), "nano");
    }
}
