//! One run: the terminal and what the library knows of it.

use std::{io, path::Path, sync::Arc};

use gitops_secrets::{
    base::env::Env,
    keys::Asker,
    ops::{error::OpError, session::Session},
};

use crate::{args::Globals, failure::Failure, terminal::Terminal, ui::Ui};

/// What every command gets.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) ui: Ui,
    pub(crate) terminal: Terminal,
    pub(crate) session: Session,
}

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("core dumps cannot be disabled")]
    CoreDumps(#[source] io::Error),
    #[error("{0} cannot be entered")]
    Directory(String, #[source] io::Error),
    #[error("there is no current directory")]
    NoDirectory(#[source] io::Error),
    #[error("signals cannot be watched")]
    Signals(#[source] io::Error),
}

/// Keeps keys and plaintexts out of core dumps and from other processes. Comes first.
pub(crate) fn close_to_others() -> Result<(), Failure> {
    #[cfg(unix)]
    gitops_secrets::base::scratch::disable_core_dumps()
        .map_err(|cause| Failure::plain(&StartError::CoreDumps(cause)))?;
    Ok(())
}

impl App {
    /// Enters the directory of `-C`.
    pub(crate) fn new(globals: Globals, ui: Ui, env: Env) -> Result<Self, (Ui, Failure)> {
        let terminal = Terminal::new(ui.screen());
        match Self::session(globals, env, &terminal) {
            Ok(session) => Ok(Self { ui, terminal, session }),
            Err(error) => Err((ui, Failure::plain(&error))),
        }
    }

    fn session(globals: Globals, env: Env, terminal: &Terminal) -> Result<Session, StartError> {
        if let Some(directory) = &globals.directory {
            let shown = || directory.display().to_string();
            std::env::set_current_dir(directory).map_err(|cause| StartError::Directory(shown(), cause))?;
        }
        let directory = std::env::current_dir().map_err(StartError::NoDirectory)?;
        Ok(Session::new(env, directory, globals.config).with_asker(Asker::new(Arc::new(terminal.clone()))))
    }

    /// From here on, a signal removes what is half done. Costs a thread, so that only commands call it that write.
    pub(crate) fn watch_signals(&self) -> Result<(), Failure> {
        #[cfg(unix)]
        gitops_secrets::base::leftover::watch_signals().map_err(|cause| Failure::plain(&StartError::Signals(cause)))?;
        Ok(())
    }

    /// Says what came up on the way.
    pub(crate) fn tell_notes(&self) {
        for note in self.session.notes().take() {
            self.ui.warn(&note.to_string());
        }
    }

    /// `outcome` of work on the file at `place`.
    pub(crate) fn at<T>(&self, place: &Path, outcome: Result<T, OpError>) -> Result<T, Failure> {
        outcome.map_err(|error| Failure::at(place, &error))
    }
}
