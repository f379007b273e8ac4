//! The Secret with which Flux decrypts: how it is called where a cluster asks for it, and its manifest.

use std::collections::BTreeMap;

use super::{
    cluster::Cluster,
    controller::ControllerVersion,
    inventory::{FileId, Inventory, Scan},
    object::{FluxKustomization, Object},
};
use crate::{
    base::secret::Plaintext,
    document::yaml::scalar::{Scalar, resolve_plain},
    keys::AgeKey,
};

/// What Flux' guides call the Secret, and where it is.
const USUAL_NAME: &str = "sops-age";
const USUAL_NAMESPACE: &str = "flux-system";

/// The entry that identities are written to. Flux reads names that end in `.agekey`, and passes over others silently.
///
/// It is one entry however many identities there are, with a line for each. Flux would read several as well; but
/// `kubectl apply` leaves what is no longer below `stringData` in the cluster, so that an identity of its own entry would
/// stay there after a rotation. One entry is replaced as a whole.
pub const ENTRY: &str = "age.agekey";

/// How a Secret is called, and in which namespace it is. Both are names that Kubernetes takes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretName {
    namespace: String,
    name: String,
}

/// A name that Kubernetes does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not the name of a {of}: lower case letters, digits and `-` are")]
pub struct SecretNameError {
    /// The name.
    pub text: String,
    /// `Secret` or `namespace`.
    pub of: &'static str,
}

/// A Secret that Kustomizations of a cluster ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedSecret {
    /// How it is called.
    pub secret: SecretName,
    /// The names of the Kustomizations, in order; empty where none decrypts yet and this is what Flux' guides call it.
    pub asked_by: Vec<String>,
}

impl SecretName {
    /// Takes a name in a namespace.
    ///
    /// # Errors
    /// [`SecretNameError`].
    ///
    /// # Source
    /// RFC 1123 as Kubernetes has it: a Secret is called by a subdomain, a namespace by a label.
    pub fn new(namespace: &str, name: &str) -> Result<Self, SecretNameError> {
        let error = |text: &str, of| SecretNameError { text: text.to_owned(), of };
        if !is_label(namespace) {
            return Err(error(namespace, "namespace"));
        }
        if name.len() > 253 || !name.split('.').all(|part| part.len() <= 253 && is_word(part)) {
            return Err(error(name, "Secret"));
        }
        Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
    }

    /// Its namespace.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Default for SecretName {
    fn default() -> Self {
        Self { namespace: USUAL_NAMESPACE.to_owned(), name: USUAL_NAME.to_owned() }
    }
}

impl std::fmt::Display for SecretName {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}/{}", self.namespace, self.name)
    }
}

fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_word(text)
}

fn is_word(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(is_inner) && !text.starts_with('-') && !text.ends_with('-')
}

/// The Secrets that the Kustomizations which `cluster` reaches ask for, by namespace and name: `decryption.secretRef` in
/// each one's own namespace, else the controller's `--sops-age-secret` in `flux-system`; where none asks for any, the
/// usual one.
///
/// # Errors
/// [`SecretNameError`] for a name that is none, such as one with a variable.
pub fn find_asked(inventory: &Inventory, cluster: &Cluster) -> Result<Vec<AskedSecret>, SecretNameError> {
    let default = SecretName::new(USUAL_NAMESPACE, find_age_secret(inventory, cluster).unwrap_or(USUAL_NAME))?;
    let has_flag = find_age_secret(inventory, cluster).is_some();
    let mut asked: BTreeMap<SecretName, Vec<String>> = BTreeMap::new();
    for object in kustomizations(inventory, cluster) {
        let Some(decryption) = &object.decryption else { continue };
        let namespace = object.namespace.as_deref().unwrap_or(USUAL_NAMESPACE);
        let secret = match &decryption.secret {
            Some(name) => SecretName::new(namespace, name)?,
            None if has_flag => default.clone(),
            None => continue,
        };
        asked.entry(secret).or_default().push(object.name.clone());
    }
    if asked.is_empty() {
        asked.insert(default, Vec::new());
    }
    Ok(asked.into_iter().map(|(secret, asked_by)| AskedSecret { secret, asked_by }).collect())
}

/// The version of the controller that runs in `cluster`; `None` where the repository does not tell.
#[must_use]
pub fn find_controller_version(inventory: &Inventory, cluster: &Cluster) -> Option<ControllerVersion> {
    scans(inventory, cluster).find_map(|scan| scan.controller.version)
}

fn find_age_secret<'i>(inventory: &'i Inventory, cluster: &Cluster) -> Option<&'i str> {
    scans(inventory, cluster).find_map(|scan| scan.controller.age_secret.as_deref())
}

fn kustomizations<'i>(inventory: &'i Inventory, cluster: &Cluster) -> impl Iterator<Item = &'i FluxKustomization> {
    scans(inventory, cluster).flat_map(|scan| &scan.objects).filter_map(|object| match object {
        Object::Kustomization(object) => Some(object),
        Object::Source(_) | Object::Instance(_) => None,
    })
}

/// What the cluster reaches, and the file that tells of it.
fn scans<'i>(inventory: &'i Inventory, cluster: &Cluster) -> impl Iterator<Item = &'i Scan> {
    let entry = cluster.entry.told_by.as_ref().and_then(|(path, _)| inventory.find(path));
    let entry = entry.filter(|file| !cluster.reach.files.contains(file));
    let files: Vec<FileId> = entry.into_iter().chain(cluster.reach.files.iter().copied()).collect();
    files.into_iter().filter_map(|file| inventory.scan(file))
}

/// The manifest of the Secret with these `lines`: identities, and comments if they are to be kept.
#[must_use]
pub fn render_secret<'l>(secret: &SecretName, lines: impl IntoIterator<Item = &'l str> + Clone) -> Plaintext {
    let (name, namespace) = (scalar(&secret.name), scalar(&secret.namespace));
    let head = [
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: ",
        &name,
        "\n  namespace: ",
        &namespace,
        "\nstringData:\n  ",
        ENTRY,
        ": |\n",
    ];
    let length = head.iter().map(|part| part.len()).sum::<usize>();
    let body = lines.clone().into_iter().map(|line| line.len() + "    \n".len()).sum::<usize>();
    // Never moved: what it holds would stay where it was.
    let mut text = String::with_capacity(length + body);
    head.iter().for_each(|part| text.push_str(part));
    for line in lines {
        for part in ["    ", line, "\n"] {
            text.push_str(part);
        }
    }
    Plaintext::new(text)
}

/// The manifest of the Secret with these identities, and nothing else.
#[must_use]
pub fn render_identities(secret: &SecretName, identities: &[AgeKey]) -> Plaintext {
    render_secret(secret, identities.iter().map(AgeKey::expose).collect::<Vec<_>>())
}

/// A name as a YAML text, be it `true`, `1.5` or `null`.
fn scalar(text: &str) -> String {
    if matches!(resolve_plain(text), Scalar::Str(_)) && !matches!(text, "y" | "n" | "yes" | "no" | "on" | "off") {
        text.to_owned()
    } else {
        format!("\"{text}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gitops::{config::Config, discover, inventory::scan},
        keys::parse_age_keys,
    };

    const IDENTITY: &str = "AGE-SECRET-KEY-1HE0PTDE5FJ8C9HK5CEC3NXQKP94ZJ0H8W8J2QC77AUZFKG7MWADSJ9PVZ2";

    #[test]
    fn identities_stand_in_one_entry() {
        let keys = parse_age_keys(format!("# a comment\n{IDENTITY}\r\n\n{IDENTITY}").as_bytes());
        let rendered = render_identities(&SecretName::default(), &keys.identities);
        let expected = format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: sops-age\n  namespace: flux-system\nstringData:\n  \
             age.agekey: |\n    {IDENTITY}\n    {IDENTITY}\n"
        );
        assert_eq!(rendered.expose(), expected);
        let odd = render_identities(&SecretName::new("1", "true").unwrap(), &keys.identities);
        assert!(odd.expose().contains("\n  name: \"true\"\n  namespace: \"1\"\n"));
    }

    const SYNC: &str = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: flux-system\n  \
        namespace: flux-system\nspec:\n  url: ssh://git@example.org/fleet\n---\n";

    fn object(namespace: &str, name: &str, path: &str, decryption: &str) -> String {
        format!(
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {name}\n  \
             namespace: {namespace}\nspec:\n  path: {path}\n  sourceRef: {{kind: GitRepository, name: flux-system, \
             namespace: flux-system}}\n  {decryption}\n---\n"
        )
    }

    /// What is asked for in a cluster with these objects, `namespace/name: who`.
    #[track_caller]
    fn asked(objects: &[String], components: &str) -> Result<Vec<String>, SecretNameError> {
        let sync = object("flux-system", "flux-system", "./c", "");
        let files = [
            ("c/flux-system/gotk-sync.yaml", format!("{SYNC}{sync}")),
            ("c/flux-system/gotk-components.yaml", components.to_owned()),
            ("c/apps.yaml", objects.concat()),
            ("x/kustomization.yaml", "resources: []\n".to_owned()),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), scan(path, &text)));
        let inventory = Inventory::new(files);
        let discovery = discover(&inventory, &Config::default(), "c").unwrap();
        let [cluster] = discovery.clusters.as_slice() else { panic!("{:?}", discovery.clusters) };
        let asked = find_asked(&inventory, cluster)?;
        Ok(asked.iter().map(|asked| format!("{}: {}", asked.secret, asked.asked_by.join(" "))).collect())
    }

    #[test]
    fn the_kustomizations_say_which_secret_they_need() {
        let with = |namespace, name, secret: &str| {
            object(namespace, name, "./x", &format!("decryption: {{provider: sops{secret}}}"))
        };
        let none = "";
        let flag = "- --sops-age-secret=global\n";
        assert_eq!(asked(&[], none).unwrap(), ["flux-system/sops-age: "]);
        assert_eq!(asked(&[], flag).unwrap(), ["flux-system/global: "]);
        let bare = with("apps", "a", "");
        assert_eq!(asked(std::slice::from_ref(&bare), none).unwrap(), ["flux-system/sops-age: "]);
        assert_eq!(asked(std::slice::from_ref(&bare), flag).unwrap(), ["flux-system/global: a"]);
        let named =
            [with("apps", "a", ", secretRef: {name: own}"), with("apps", "b", ", secretRef: {name: own}"), bare];
        assert_eq!(asked(&named, flag).unwrap(), ["apps/own: a b", "flux-system/global: a"]);
        assert_eq!(
            asked(&[object("apps", "a", "./x", "decryption: {secretRef: {name: own}}")], none).unwrap().len(),
            1
        );
        let error = asked(&[with("apps", "a", ", secretRef: {name: \"${C}-age\"}")], none).unwrap_err();
        assert_eq!(error.text, "${C}-age");
    }

    #[test]
    fn a_name_is_one_that_kubernetes_takes() {
        let check = |namespace: &str, name: &str, error: Option<&str>| {
            let found = SecretName::new(namespace, name).err().map(|error| error.text);
            assert_eq!(found.as_deref(), error, "{namespace}/{name}");
        };
        check("flux-system", "sops-age.v2", None);
        check("a.b", "x", Some("a.b"));
        check("a", "${CLUSTER}-age", Some("${CLUSTER}-age"));
        check("a", "x\ny: z", Some("x\ny: z"));
        check("", "x", Some(""));
        check("a", "-x", Some("-x"));
        check("a", "x.", Some("x."));
        check(&"a".repeat(64), "x", Some(&"a".repeat(64)));
    }
}
