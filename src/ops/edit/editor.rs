//! Which editor, and what it is told so that it leaves no copy of a plaintext behind.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use super::super::error::OpError;
use crate::base::{
    env::Env,
    process::{Tool, WordsError},
};

/// Where an editor may be named, in this order.
const VARIABLES: [&str; 2] = ["SOPS_EDITOR", "EDITOR"];
/// What is looked for on `PATH` where none is named, in this order.
const USUAL: [&str; 3] = ["vim", "nano", "vi"];

/// What vim may not write beside the file: before its configuration is read, and again after that.
const VIM_WRITES_NOTHING: &str = "set noswapfile nobackup nowritebackup noundofile viminfo=";
/// Editors that return at once, with a window of their own, unless they are told to wait.
const WAITING_WINDOWS: [&str; 4] = ["code", "code-insiders", "codium", "vscodium"];

/// An editor with its arguments.
#[derive(Debug)]
pub struct Editor {
    pub(super) tool: Tool,
    /// Whether it is known to keep copies of what it edits, and cannot be told not to.
    pub keeps_copies: bool,
}

/// Finds the editor as SOPS does: `SOPS_EDITOR`, then `EDITOR`, cut into words without a shell, then vim, nano and vi.
///
/// # Errors
/// [`OpError::NoEditor`], [`OpError::EditorWords`].
///
/// # Source
/// `docs/cli.md`; `cmd/sops/edit.go` of SOPS 3.13.2 for the order.
pub fn find_editor(env: &Env) -> Result<Editor, OpError> {
    let named = VARIABLES.iter().find_map(|variable| Some((*variable, env.text(variable)?)));
    let tool = match named {
        Some((variable, command)) => {
            Tool::from_words(command).map_err(|cause: WordsError| OpError::EditorWords { variable, cause })?
        }
        None => USUAL.iter().find(|name| find_on_path(env, name).is_some()).map(Tool::new).ok_or(OpError::NoEditor)?,
    };
    Ok(discreet(env, tool))
}

/// Tells a known editor to write nothing beside the file, and to wait for its end.
fn discreet(env: &Env, tool: Tool) -> Editor {
    let name = true_name(env, &tool);
    let is_window = WAITING_WINDOWS.contains(&name.as_str());
    let tool = match name.as_str() {
        // `-n`: no swap file; `-i NONE`: no history, marks or registers. The rest can be set again by a vimrc.
        name if is_vim(name) => tool.args(["-n", "-i", "NONE", "--cmd", VIM_WRITES_NOTHING, "-c", VIM_WRITES_NOTHING]),
        _ if is_window => tool.arg("--wait"),
        _ => tool,
    };
    Editor { tool, keeps_copies: is_window }
}

/// vim under its own names and those that Debian gives its builds: `vim.basic`, `vim.tiny`.
fn is_vim(name: &str) -> bool {
    matches!(name.split('.').next(), Some("vim" | "nvim" | "rvim"))
}

/// The file name of the program behind all links: `vi` is vim in most places, and not in all.
fn true_name(env: &Env, tool: &Tool) -> String {
    let program = Path::new(tool.program());
    let found = if program.components().count() > 1 { Some(program.to_owned()) } else { find_on_path(env, program) };
    let file = found.and_then(|found| fs::canonicalize(found).ok());
    let name = file.as_deref().and_then(Path::file_name).unwrap_or_else(|| tool.name());
    // A link such as `code` can lead to a file of any name.
    let given = tool.name();
    let is_known = WAITING_WINDOWS.iter().any(|window| given == OsStr::new(window));
    if is_known { given } else { name }.to_string_lossy().into_owned()
}

fn find_on_path(env: &Env, name: impl AsRef<Path>) -> Option<PathBuf> {
    let path = env.path("PATH")?;
    std::env::split_paths(&path).map(|directory| directory.join(name.as_ref())).find(|file| is_executable(file))
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}
