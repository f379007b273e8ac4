//! `secrets flux secret`

use std::path::{Path, PathBuf};

use clap::{ArgAction, Args};
use gitops_secrets::{
    base::files::{read_bytes, read_stdin_bytes},
    git::{find_repository, is_ignored},
    gitops::{
        controller::ControllerVersion,
        decryption_secret::{AskedSecret, SecretName},
    },
    keys::shorten_recipient,
    ops::{
        cluster::Overview,
        encrypt::Wishes,
        flux::{
            Comments, FluxError, Identities, Needed, asked_by, check_identities, check_version, render, render_report,
            render_report_json, seal, verify_secret, version_of,
        },
        in_place::NewText,
        recipients::parse_recipients,
    },
};

use crate::{
    app::App,
    cluster::look,
    exit::Exit,
    explain::ReportFormat,
    failure::Failure,
    files::{is_stdin, read_input, write_output},
};

/// As much as is read of any file of identities.
const FILE_LIMIT_BYTES: usize = 16 << 20;
/// What the encrypted file is called for the policy, where nothing else tells.
const UNNAMED: &str = "standard input";

/// What is typed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The cluster: which Secret its Kustomizations ask for, and whose identities are taken out of the keyring
    #[arg(long, value_name = "NAME")]
    cluster: Option<String>,
    /// File of identities, `-` is standard input; may be given again, as during a rotation
    #[arg(long, value_name = "FILE", action = ArgAction::Append)]
    identity: Vec<PathBuf>,
    /// Take the identity of this recipient out of the keyring; may be given again
    #[arg(long, value_name = "RECIPIENT", action = ArgAction::Append)]
    keyring: Vec<String>,
    /// What the Secret is called, instead of as the Kustomizations ask for
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Where the Secret is, instead of where the Kustomizations ask for it
    #[arg(long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// Write a Secret for every namespace whose Kustomizations ask for one
    #[arg(long, requires = "cluster", conflicts_with_all = ["name", "namespace"])]
    all_namespaces_needed: bool,
    /// Keep the comments of the identity files
    #[arg(long)]
    keep_comments: bool,
    /// Version of Flux in the cluster, instead of what the repository tells
    #[arg(long, value_name = "VERSION", value_parser = parse_version)]
    flux_version: Option<ControllerVersion>,
    /// Encrypt it, for the recipients that the policy has for FILE, or for --age
    #[arg(long)]
    encrypt: bool,
    /// Recipients, with commas between them, instead of those of the policy
    #[arg(short, long, value_name = "RECIPIENTS", action = ArgAction::Append, requires = "encrypt")]
    age: Vec<String>,
    /// What the encrypted file is called, for the policy
    #[arg(long, value_name = "NAME", requires = "encrypt")]
    filename_override: Option<PathBuf>,
    /// Write to FILE instead of standard output; in clear not where git would take it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Check the Secrets in FILE, `-` is standard input, instead of making one
    #[arg(long, value_name = "FILE", conflicts_with_all = [
        "identity", "keyring", "name", "namespace", "all_namespaces_needed", "keep_comments", "encrypt", "output",
    ])]
    verify: Option<PathBuf>,
    /// How the answer of --verify is given
    #[arg(long, value_enum, default_value_t, requires = "verify")]
    format: ReportFormat,
}

/// A repository and the number of the cluster that is meant.
struct Target {
    overview: Overview,
    number: usize,
}

/// Writes the Secret, or checks one.
pub(crate) fn run(app: &App, arguments: &Arguments) -> Result<Exit, Failure> {
    let target = arguments.cluster.as_deref().map(|name| Target::find(app, name)).transpose();
    if let Some(file) = &arguments.verify {
        return verify(app, arguments, file, target.map_err(unchecked)?.as_ref()).map_err(unchecked);
    }
    let target = target?;
    arguments.check_output(app)?;
    let identities = arguments.identities(app, target.as_ref())?;
    arguments.tell_version(app, target.as_ref(), &identities)?;
    if let Some(target) = &target {
        let needed = check_identities(&target.overview, target.number, &identities).map_err(|error| failure(&error))?;
        tell_closed(app, target.name(), &needed);
    }
    let secrets = arguments.secrets(target.as_ref()).map_err(|error| failure_at(target.as_ref(), &error))?;
    let comments = if arguments.keep_comments { Comments::Keep } else { Comments::Strip };
    let text = render(&secrets, &identities, comments);
    let text = if arguments.encrypt {
        let named = arguments.filename_override.as_ref().or(arguments.output.as_ref());
        let name = named.map_or(Path::new(UNNAMED), |name| name);
        let recipients = app.at(Path::new("--age"), parse_recipients(arguments.age.iter().map(String::as_str)))?;
        let wishes = Wishes { recipients: (!arguments.age.is_empty()).then_some(recipients), ..Wishes::default() };
        let sealed = seal(&app.session, name, &text, wishes, &identities);
        NewText::Sealed(sealed.map_err(|error| at(&name.display().to_string(), &error))?)
    } else {
        NewText::Clear(text)
    };
    write_output(app, arguments.output.as_deref(), &text)?;
    for recipient in identities.recipients() {
        let names: Vec<String> = secrets.iter().map(ToString::to_string).collect();
        app.ui.tell(&format!("{}: the identity of {}", names.join(", "), shorten_recipient(recipient)));
    }
    Ok(Exit::Done)
}

impl Target {
    fn find(app: &App, name: &str) -> Result<Self, Failure> {
        let overview = look(app)?;
        let number = overview.find_cluster(name).map_err(|error| Failure::of(&error))?;
        Ok(Self { overview, number })
    }

    fn name(&self) -> &str {
        self.overview.clusters().get(self.number).map(|cluster| cluster.name.as_str()).unwrap_or_default()
    }

    fn recipients(&self) -> &[String] {
        self.overview.recipients.get(self.number).map(|known| known.ids.as_slice()).unwrap_or_default()
    }
}

impl Arguments {
    fn identities(&self, app: &App, target: Option<&Target>) -> Result<Identities, Failure> {
        let mut identities = Identities::default();
        for file in &self.identity {
            let is_stdin = is_stdin(file);
            let read = if is_stdin { read_stdin_bytes(FILE_LIMIT_BYTES) } else { read_bytes(file, FILE_LIMIT_BYTES) };
            let place = if is_stdin { "standard input".to_owned() } else { file.display().to_string() };
            identities.add(&read?).map_err(|error| at(&place, &error))?;
        }
        for recipient in &self.keyring {
            let kept = identities.add_kept(&app.session, std::slice::from_ref(recipient));
            kept.map_err(|error| at("the keyring", &error))?;
        }
        if self.identity.is_empty() && self.keyring.is_empty() {
            let Some(target) = target else {
                let hint = "name a file with --identity, or the cluster whose identity is in the keyring";
                return Err(Failure::usage("no identity is given", hint));
            };
            if target.recipients().is_empty() {
                return Err(at(target.name(), &FluxError::UnknownRecipient));
            }
            let kept = identities.add_kept(&app.session, target.recipients());
            kept.map_err(|error| at("the keyring", &error))?;
        }
        Ok(identities)
    }

    /// Refuses what the controller could not read, as far as is known which one it is.
    fn tell_version(&self, app: &App, target: Option<&Target>, identities: &Identities) -> Result<(), Failure> {
        let told = || target.and_then(|target| version_of(&target.overview, target.number));
        match self.flux_version.or_else(told) {
            Some(version) => check_version(identities, version).map_err(|error| failure(&error)),
            None if check_version(identities, ControllerVersion { major: 0, minor: 0 }).is_err() => {
                app.ui.warn("which version of Flux runs is not known: post-quantum identities need 2.9 or newer");
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn secrets(&self, target: Option<&Target>) -> Result<Vec<SecretName>, FluxError> {
        let usual = || AskedSecret { secret: SecretName::default(), asked_by: Vec::new() };
        let asked = target.map_or_else(
            || Ok(vec![usual()]),
            |target| asked_by(&target.overview, target.number),
        );
        if let (Some(namespace), Some(name)) = (&self.namespace, &self.name) {
            return Ok(vec![SecretName::new(namespace, name)?]);
        }
        let mut secrets: Vec<SecretName> = asked?.into_iter().map(|asked| asked.secret).collect();
        // One of both chooses among those that are asked for, or else says how the one is called.
        let is_chosen = |secret: &SecretName| {
            self.namespace.as_ref().is_none_or(|namespace| namespace == secret.namespace())
                && self.name.as_ref().is_none_or(|name| name == secret.name())
        };
        if secrets.iter().any(is_chosen) {
            secrets.retain(is_chosen);
        } else if let [secret] = secrets.as_slice() {
            let namespace = self.namespace.as_deref().unwrap_or(secret.namespace());
            let name = self.name.as_deref().unwrap_or(secret.name());
            secrets = vec![SecretName::new(namespace, name)?];
        }
        if secrets.len() > 1 && !self.all_namespaces_needed { Err(FluxError::Several(secrets)) } else { Ok(secrets) }
    }

    /// Refuses to write identities in clear where git would take them.
    fn check_output(&self, app: &App) -> Result<(), Failure> {
        let Some(output) = self.output.as_deref().filter(|output| !is_stdin(output) && !self.encrypt) else {
            return Ok(());
        };
        let directory = output.parent().unwrap_or(output);
        // A link may lead into a work tree: it is where the file ends up that counts.
        let real = |path: &Path| app.session.directory().join(path).canonicalize();
        let Ok(directory) = real(directory) else { return Ok(()) };
        let path = real(output).unwrap_or_else(|_new| directory.join(output.file_name().unwrap_or_default()));
        let start = path.parent().unwrap_or(&directory);
        let repository = find_repository(start).map_err(|error| Failure::plain(&error))?;
        let Some(repository) = repository else { return Ok(()) };
        match &repository.work_tree {
            Some(tree) if !is_ignored(tree, &repository.common_directory, &path) => {
                Err(at(&output.display().to_string(), &FluxError::InWorkTree(tree.display().to_string())))
            }
            _ => Ok(()),
        }
    }
}

fn verify(app: &App, arguments: &Arguments, file: &Path, target: Option<&Target>) -> Result<Exit, Failure> {
    let format = gitops_secrets::ops::format::Format::Yaml;
    let input = read_input(app, Some(file), None, Some(format))?;
    let told = || target.and_then(|target| version_of(&target.overview, target.number));
    let version = arguments.flux_version.or_else(told);
    let cluster = target.map(|target| (&target.overview, target.number));
    let report = verify_secret(&app.session, &input.name, input.text.expose(), cluster, version);
    let report = report.map_err(|error| at(&input.place.display().to_string(), &error))?;
    match arguments.format {
        ReportFormat::Text => app.ui.print(&render_report(&report))?,
        ReportFormat::Json => {
            app.ui.print(&render_report_json(&report).map_err(|error| Failure::plain(&error))?)?;
        }
    }
    Ok(if report.has_findings() { Exit::Found } else { Exit::Done })
}

fn tell_closed(app: &App, cluster: &str, needed: &Needed) {
    let Needed { files, closed } = needed;
    if *closed > 0 {
        app.ui.warn(&format!("{cluster}: {closed} of the {files} files that it has to read stay closed with this Secret"));
        app.ui.hint("during a rotation both identities belong into it: give --identity twice");
    }
}

fn parse_version(text: &str) -> Result<ControllerVersion, String> {
    let version = ControllerVersion::parse(text).and_then(ControllerVersion::of_flux);
    version.ok_or_else(|| "a version of Flux is 2.6, for instance".to_owned())
}

fn unchecked(failure: Failure) -> Failure {
    Failure { exit: if failure.exit == Exit::Usage { Exit::Usage } else { Exit::Unchecked }, ..failure }
}

fn failure_at(target: Option<&Target>, error: &FluxError) -> Failure {
    target.map_or_else(|| failure(error), |target| at(target.name(), error))
}

fn at(place: &str, error: &FluxError) -> Failure {
    match error {
        FluxError::Op(error) => Failure::at(Path::new(place), error),
        FluxError::Keyring(problem) => Failure::of_keyring(problem.clone()),
        error => Failure { place: Some(place.to_owned()), ..failure(error) },
    }
}

fn failure(error: &FluxError) -> Failure {
    match error {
        FluxError::Op(error) => Failure::of(error),
        FluxError::Keyring(problem) => Failure::of_keyring(problem.clone()),
        error => {
            let hint = error.hint().map(str::to_owned);
            Failure { place: None, what: error.to_string(), hint, exit: Exit::Failed }
        }
    }
}
