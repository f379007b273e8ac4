//! `secrets identity test`

use std::path::PathBuf;

use clap::Args;
use gitops_secrets::ops::identity::{render_test_json, render_test_text, test::test_file};

use crate::{
    app::App,
    args::TypeArgs,
    exit::Exit,
    explain::ReportFormat,
    failure::Failure,
    files::read_input,
};

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Encrypted file
    file: PathBuf,
    /// How the answer is given
    #[arg(long, value_enum, default_value_t)]
    format: ReportFormat,
    #[command(flatten)]
    types: TypeArgs,
}

/// Prints who can open it; exit code 128 tells that you cannot.
pub(crate) fn run(app: &App, arguments: &Arguments) -> Result<Exit, Failure> {
    let format = arguments.types.format(None)?;
    let input = read_input(app, Some(&arguments.file), None, format)?;
    let test = app.at(&input.place, test_file(&app.session, &input.name, input.text.expose()))?;
    match arguments.format {
        ReportFormat::Text => {
            app.ui.print(&render_test_text(&test))?;
            let failure = test.failure.as_ref().map(|error| Failure::at(&input.place, error));
            failure.and_then(|failure| failure.hint).into_iter().for_each(|hint| app.ui.hint(&hint));
        }
        ReportFormat::Json => {
            app.ui.print(&render_test_json(&test).map_err(|error| Failure::plain(&error))?)?;
        }
    }
    Ok(test.failure.as_ref().map_or(Exit::Done, Exit::of))
}
