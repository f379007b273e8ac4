//! Real repositories, made and read by the real git.

use std::collections::BTreeSet;

use assert_fs::{TempDir, prelude::*};

use super::*;
use crate::base::{env::Env, process::Tool};

struct Repo {
    root: TempDir,
}

impl Repo {
    fn new(options: &[&str]) -> Self {
        let repo = Self { root: TempDir::new().unwrap() };
        repo.git(&[&["init", "-q", "-b", "main"], options].concat());
        repo
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut tool = Tool::new("git").arg("-C").arg(self.root.path()).args(arguments);
        for name in ["AUTHOR", "COMMITTER"] {
            tool = tool.env(format!("GIT_{name}_NAME"), "n").env(format!("GIT_{name}_EMAIL"), "e");
            tool = tool.env(format!("GIT_{name}_DATE"), "1700000000 +0200");
        }
        let tool = tool.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
        String::from_utf8(tool.capture(1 << 20).unwrap().to_vec()).unwrap().trim_end().to_owned()
    }

    fn write(&self, path: &str, text: &str) -> &Self {
        self.root.child(path).write_str(text).unwrap();
        self
    }

    fn commit(&self, path: &str, text: &str) -> String {
        self.write(path, text);
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", path]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn open(&self) -> Git {
        let found = find_repository(self.root.path()).unwrap().unwrap();
        Git::new(&found, &Env::of_process()).unwrap()
    }
}

/// All commits with path and content of what each brings.
fn history(git: &Git, revisions: &Revisions) -> Result<Vec<Vec<(String, String)>>, GitError> {
    let commits: Vec<Commit> = git.commits(revisions, None)?.collect::<Result<_, _>>()?;
    let content = |change: &Change| {
        let read = git.map_blobs(&[change.blob], 1000, |_, content| String::from_utf8(content.to_vec()).unwrap())?;
        match read.into_iter().next().unwrap() {
            BlobOutcome::Read(text) => Ok((String::from_utf8(change.path.clone()).unwrap(), text)),
            outcome => Ok((format!("{outcome:?}"), String::new())),
        }
    };
    commits.iter().map(|commit| commit.changes.iter().map(content).collect()).collect()
}

fn pair(path: &str, text: &str) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

#[test]
fn what_each_commit_brings_is_found_also_if_it_is_only_in_a_merge() {
    for format in ["sha1", "sha256"] {
        let repo = Repo::new(&["--object-format", format]);
        let git = repo.open();
        assert_eq!(history(&git, &Revisions::All).unwrap(), Vec::<Vec<_>>::new());
        repo.commit("a", "1");
        repo.git(&["checkout", "-q", "-b", "side"]);
        repo.commit("side\nfile", "s");
        repo.git(&["checkout", "-q", "main"]);
        repo.commit("a", "2");
        repo.git(&["merge", "-q", "--no-commit", "side"]);
        repo.write("only", "merged").write("a", "3");
        let merge = repo.commit("b", "4");
        repo.git(&["mv", "a", "renamed"]);
        repo.git(&["commit", "-q", "-m", "rename"]);
        repo.git(&["commit", "-q", "--allow-empty", "-m", "empty"]);
        repo.git(&["rm", "-q", "only"]);
        repo.git(&["commit", "-q", "-m", "removed"]);

        let found = history(&git, &Revisions::All).unwrap();
        let merged = [pair("a", "3"), pair("b", "4"), pair("only", "merged")];
        assert_eq!(found[..4], [vec![], vec![], vec![pair("renamed", "3")], merged.to_vec()], "{format}");
        assert_eq!(found[6], [pair("a", "1")]);
        let sides: BTreeSet<_> = found[4..6].iter().flatten().cloned().collect();
        assert_eq!(sides, BTreeSet::from([pair("a", "2"), pair("side\nfile", "s")]));
        assert_eq!(git.count_commits(&Revisions::All).unwrap(), 7);

        let commits: Vec<Commit> = git.commits(&Revisions::All, None).unwrap().map(Result::unwrap).collect();
        assert_eq!(commits[3].id.to_string(), merge);
        assert_eq!(commits[3].parents.len(), 2);
        assert_eq!(commits[3].author_time, Some(1_700_000_000));
        let range = Revisions::Range(format!("{merge}~1..{merge}"));
        assert_eq!(history(&git, &range).unwrap().len(), 2);
        let named: Vec<Commit> = git.commits(&Revisions::All, Some("b")).unwrap().map(Result::unwrap).collect();
        assert_eq!(named.iter().map(|commit| commit.changes.len()).sum::<usize>(), 1);
    }
}

#[test]
fn a_bare_repository_and_a_linked_work_tree_are_read() {
    let repo = Repo::new(&[]);
    repo.commit("a", "1");
    let [bare, linked] = ["bare", "linked"].map(|name| repo.root.child(name).to_path_buf());
    repo.git(&["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    repo.git(&["worktree", "add", "-q", linked.to_str().unwrap()]);
    for place in [&bare, &linked] {
        let found = find_repository(place).unwrap().unwrap();
        assert_eq!(found.work_tree.is_none(), place == &bare);
        let git = Git::new(&found, &Env::of_process()).unwrap();
        assert_eq!(history(&git, &Revisions::All).unwrap(), [[pair("a", "1")]]);
        assert_eq!(git.head_files().unwrap().len(), 1);
        assert!(!git.is_shallow().unwrap());
    }
}

#[test]
fn blobs_are_read_once_in_their_order_and_up_to_a_bound() {
    let repo = Repo::new(&[]);
    let git = repo.open();
    assert!(git.map_blobs(&[], 1, |_, _| ()).unwrap().is_empty());
    let sizes: Vec<usize> = (0..400).map(|number| number * number % 7919).chain([300_000, 300_001]).collect();
    let mut ids = Vec::new();
    for (number, size) in sizes.iter().enumerate() {
        repo.write(&format!("f{number}"), &"x".repeat(*size));
    }
    repo.git(&["add", "-A"]);
    let index = git.index().unwrap();
    for number in 0..sizes.len() {
        let path = format!("f{number}").into_bytes();
        ids.push(index.iter().find(|entry| entry.file.path == path).unwrap().file.blob);
    }
    let gone = ObjectId::parse(&[b'1'; 40]).unwrap();
    ids.push(gone);
    let outcomes = git.map_blobs(&ids, 300_000, |index, content| (index, content.len())).unwrap();
    for (number, size) in sizes.iter().enumerate() {
        let expected = match *size {
            300_001 => BlobOutcome::TooLarge { bytes: 300_001 },
            size => BlobOutcome::Read((number, size)),
        };
        assert_eq!(outcomes[number], expected);
    }
    assert_eq!(outcomes.last(), Some(&BlobOutcome::Missing));
}

#[test]
fn what_is_staged_is_the_index_and_not_the_work_tree() {
    for format in ["sha1", "sha256"] {
        let repo = Repo::new(&["--object-format", format]);
        let git = repo.open();
        let staged = || -> Vec<String> {
            let paths = git.staged().unwrap().into_iter().map(|change| String::from_utf8(change.path).unwrap());
            paths.collect()
        };
        repo.write("a", "1").write("b", "2").write("intended", "3").write("tab\tand\nbreak", "4");
        repo.git(&["add", "a", "b", "tab\tand\nbreak"]);
        repo.git(&["add", "--intent-to-add", "intended"]);
        assert_eq!(staged(), ["a", "b", "tab\tand\nbreak"]);
        repo.git(&["commit", "-q", "-m", "one"]);
        repo.write("a", "staged");
        repo.git(&["add", "a"]);
        repo.write("a", "not staged").write("b", "not staged");
        assert_eq!(staged(), ["a"]);
        let changes = git.staged().unwrap();
        let read = git.map_blobs(&[changes[0].blob], 100, |_, content| content.to_vec()).unwrap();
        assert_eq!(read, [BlobOutcome::Read(b"staged".to_vec())]);
        repo.git(&["mv", "-f", "a", "c"]);
        assert_eq!(staged(), ["c"]);
        assert_eq!(git.index().unwrap().len(), 4);
        repo.git(&["update-index", "--skip-worktree", "b"]);
        let index = git.index().unwrap();
        let absent: Vec<_> = index.iter().filter(|entry| !entry.is_checked_out).map(|entry| &entry.file.path).collect();
        assert_eq!(absent, [b"b"]);
    }
}

#[test]
fn nothing_that_a_repository_configures_is_run() {
    let repo = Repo::new(&[]);
    repo.commit("a", "1");
    let marker = repo.root.child("ran");
    let run = format!("touch '{}'; cat", marker.path().display());
    repo.write(".gitattributes", "* diff=evil filter=evil\n");
    for name in [
        "core.fsmonitor",
        "core.pager",
        "core.sshCommand",
        "core.editor",
        "diff.external",
        "diff.evil.textconv",
        "diff.evil.command",
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "gpg.program",
        "pager.log",
        "pager.diff-tree",
        "uploadpack.packObjectsHook",
        "core.alternateRefsCommand",
        "credential.helper",
    ] {
        repo.git(&["config", name, &run]);
    }
    repo.git(&["config", "log.showSignature", "true"]);
    repo.write("hooks/post-index-change", &format!("#!/bin/sh\n{run}\n"));
    repo.git(&["config", "core.hooksPath", "hooks"]);
    let git = repo.open();
    assert_eq!(history(&git, &Revisions::All).unwrap().len(), 1);
    git.index().unwrap();
    git.staged().unwrap();
    git.head_files().unwrap();
    assert!(!marker.path().exists());
}

#[test]
fn what_is_lost_or_corrupt_is_never_silently_left_out() {
    let repo = Repo::new(&[]);
    repo.commit("d/a", "1");
    let lost = repo.git(&["rev-parse", "HEAD:d/a"]);
    let tree = repo.git(&["rev-parse", "HEAD:d"]);
    let git = repo.open();
    let path = |id: &str| {
        let (directory, name) = id.split_at(2);
        repo.root.path().join(".git/objects").join(directory).join(name)
    };
    let replace = |id: &str, content: &[u8]| {
        #[expect(clippy::disallowed_methods, reason = "a test prepares its files by other means")]
        fs::write(path(id), content).unwrap();
    };
    fs::remove_file(path(&lost)).unwrap();
    assert_eq!(history(&git, &Revisions::All).unwrap(), [[pair("Missing", "")]]);
    replace(&lost, b"no object");
    assert_eq!(history(&git, &Revisions::All).unwrap(), [[pair("Missing", "")]]);
    // What is at its beginning can be read, and what follows not.
    let text: String = (0..300).map(|number| format!("{number:x}")).collect();
    repo.write("big", &text);
    let big = repo.git(&["hash-object", "-w", "big"]);
    let content = fs::read(path(&big)).unwrap();
    fs::remove_file(path(&big)).unwrap();
    replace(&big, &content[..content.len() / 2]);
    let error = git.map_blobs(&[ObjectId::parse(big.as_bytes()).unwrap()], 10_000, |_, _| ()).unwrap_err().to_string();
    assert!(error.contains("git does not read it: ") && error.contains(&big), "{error}");
    fs::remove_file(repo.root.path().join("big")).unwrap();
    fs::remove_file(path(&tree)).unwrap();
    let error = history(&git, &Revisions::All).unwrap_err();
    assert!(error.to_string().contains("git does not read it"), "{error}");
    assert!(error.hint().unwrap().contains(" fsck`"));
    let error = history(&git, &Revisions::Range("nothing".to_owned())).unwrap_err();
    assert!(error.to_string().ends_with("git does not read it: bad revision 'nothing'"), "{error}");
    history(&git, &Revisions::Range("--output=x".to_owned())).unwrap_err();
    // A reference that leads nowhere hides no other one.
    repo.git(&["checkout", "-q", "--orphan", "other"]);
    repo.git(&["rm", "-rq", "--cached", "."]);
    repo.git(&["branch", "-D", "main"]);
    fs::remove_dir_all(repo.root.path().join("d")).unwrap();
    repo.commit("b", "2");
    assert_eq!(history(&git, &Revisions::All).unwrap(), [[pair("b", "2")]]);
    repo.write(".git/refs/heads/broken", "nonsense\n");
    let error = history(&git, &Revisions::All).unwrap_err().to_string();
    assert!(error.ends_with("git does not read it: bad object refs/heads/broken"), "{error}");
}

#[test]
fn a_shallow_repository_is_told() {
    let repo = Repo::new(&[]);
    repo.commit("a", "1");
    repo.commit("a", "2");
    let shallow = repo.root.child("shallow").to_path_buf();
    let from = format!("file://{}", repo.root.path().display());
    repo.git(&["clone", "-q", "--depth", "1", &from, shallow.to_str().unwrap()]);
    let git = Git::new(&find_repository(&shallow).unwrap().unwrap(), &Env::of_process()).unwrap();
    assert!(git.is_shallow().unwrap());
    assert_eq!(history(&git, &Revisions::All).unwrap(), [[pair("a", "2")]]);
}

#[test]
fn without_git_it_is_told_what_to_do() {
    let repository = Repository { work_tree: None, git_directory: "/r".into(), common_directory: "/r".into() };
    let error = Git::new(&repository, &Env::from_iter([("PATH", "/nowhere")])).unwrap_err();
    assert_eq!((error.to_string().as_str(), error.hint().as_deref()), ("git is not on PATH", Some("install git")));
}
