use super::*;

struct Room {
    directory: tempfile::TempDir,
}

impl Room {
    fn new() -> Self {
        let room = Self { directory: tempfile::tempdir().unwrap() };
        fs::create_dir_all(room.root().join("sub")).unwrap();
        for name in ["a", "b", "sub/c"] {
            room.put(name, &format!("old {name}"));
        }
        room
    }

    fn root(&self) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join("root")
    }

    fn journal(&self) -> Journal {
        Journal::open(&self.root().join("../journal"), &self.root()).unwrap()
    }

    #[expect(clippy::disallowed_methods, reason = "a test prepares its files by other means")]
    fn put(&self, name: &str, text: &str) {
        fs::write(self.root().join(name), text).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.root().join(name)).unwrap()
    }

    fn texts(&self) -> [String; 3] {
        ["a", "b", "sub/c"].map(|name| self.read(name))
    }

    fn leftovers(&self) -> usize {
        let in_directory = |path: PathBuf| {
            let names = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().file_name());
            names.filter(|name| is_leftover_name(name)).count()
        };
        in_directory(self.root()) + in_directory(self.root().join("sub")) + in_directory(self.root().join("../journal"))
    }

    fn stage<'j>(&self, journal: &'j Journal, names: &[&str]) -> Run<'j> {
        let run = journal.begin().unwrap();
        for name in names {
            run.stage(&self.root().join(name), &format!("old {name}"), &format!("new {name}")).unwrap();
        }
        run
    }

    /// What is on the disk when the process is killed while it replaces files: all of it, as far as `before_names` says.
    fn killed_while_replacing(&self) {
        let journal = self.journal();
        let run = self.stage(&journal, &["a", "b", "sub/c"]);
        let mut notes = run.notes();
        let entries = std::mem::take(&mut notes.entries);
        drop(notes);
        journal.write(&Record { stage: Stage::Replacing, token: run.token, entries }).unwrap();
        let (path, temporary) = (self.root().join("a"), temporary_path(&self.root().join("a"), run.token).unwrap());
        fs::rename(temporary, path).unwrap();
        killed(run);
    }
}

/// Ends a run as `kill -9` does: nothing is cleaned up.
#[expect(clippy::mem_forget, reason = "who is killed drops nothing")]
fn killed(run: Run<'_>) {
    std::mem::forget(run);
}

const NEW: [&str; 3] = ["new a", "new b", "new sub/c"];
const OLD_TEXTS: [&str; 3] = ["old a", "old b", "old sub/c"];

#[test]
fn a_run_that_was_killed_while_it_wrote_its_record_is_forgotten() {
    let room = Room::new();
    let journal = room.journal();
    let run = room.stage(&journal, &["a", "b"]);
    let record = temporary_path(&journal.directory.join(RECORD), 7).unwrap();
    attributes::create(&record, attributes::Readers::Owner).unwrap();
    killed(run);
    drop(journal);
    assert_eq!(room.leftovers(), 3);
    assert!(room.journal().settle().unwrap().is_none());
    assert_eq!((room.texts(), room.leftovers()), (OLD_TEXTS.map(str::to_owned), 0));
}

#[test]
fn a_run_replaces_and_is_taken_back_to_the_byte() {
    let room = Room::new();
    let journal = room.journal();
    let outcomes = room.stage(&journal, &["a", "b", "sub/c"]).commit(OnChanged::Stop).unwrap();
    assert!(outcomes.len() == 3 && outcomes.iter().all(|(_, outcome)| outcome.is_ok()));
    assert_eq!((room.texts(), room.leftovers()), (NEW.map(str::to_owned), 0));
    assert!(journal.settle().unwrap().is_none());
    let settled = journal.revert().unwrap().unwrap();
    assert_eq!((settled.done.len(), room.texts(), room.leftovers()), (3, OLD_TEXTS.map(str::to_owned), 0));
    assert!(journal.revert().unwrap().is_none());
}

#[test]
fn a_run_that_is_dropped_or_killed_before_its_record_has_changed_nothing() {
    let room = Room::new();
    drop(room.stage(&room.journal(), &["a", "b"]));
    assert_eq!((room.texts(), room.leftovers()), (OLD_TEXTS.map(str::to_owned), 0));
    let journal = room.journal();
    killed(room.stage(&journal, &["a", "sub/c"]));
    assert_eq!(room.leftovers(), 2);
    assert!(journal.settle().unwrap().is_none());
    assert_eq!((room.texts(), room.leftovers()), (OLD_TEXTS.map(str::to_owned), 0));
    assert_eq!(fs::read_dir(room.root().join("../journal")).unwrap().count(), 0);
}

#[test]
fn a_run_that_was_killed_while_it_replaced_files_is_finished_or_taken_back() {
    let room = Room::new();
    room.killed_while_replacing();
    assert_eq!(room.texts(), ["new a", "old b", "old sub/c"]);
    assert_eq!(Journal::peek(&room.root().join("../journal")), Some(Unfinished::Replacing));
    let (what, settled) = room.journal().settle().unwrap().unwrap();
    assert_eq!((what, settled.done.len(), settled.already.len()), (Unfinished::Replacing, 2, 1));
    assert_eq!((room.texts(), room.leftovers()), (NEW.map(str::to_owned), 0));
    assert!(room.journal().settle().unwrap().is_none());
    let room = Room::new();
    room.killed_while_replacing();
    let settled = room.journal().revert().unwrap().unwrap();
    assert_eq!((settled.done.len(), settled.already.len()), (1, 2));
    assert_eq!((room.texts(), room.leftovers()), (OLD_TEXTS.map(str::to_owned), 0));
}

#[test]
fn what_was_changed_meanwhile_stays() {
    let room = Room::new();
    let journal = room.journal();
    let run = room.stage(&journal, &["a", "b"]);
    room.put("b", "mine");
    let outcomes = run.commit(OnChanged::Stop).unwrap();
    let [(path, Err(error))] = outcomes.as_slice() else { panic!("{outcomes:?}") };
    assert!(path.ends_with("b") && matches!(error.problem, FileProblem::Changed));
    assert_eq!((room.texts(), room.leftovers()), (["old a", "mine", "old sub/c"].map(str::to_owned), 0));
    room.put("b", "old b");
    let run = room.stage(&journal, &["b", "sub/c"]);
    room.put("b", "mine");
    let outcomes = run.commit(OnChanged::KeepGoing).unwrap();
    assert!(outcomes.len() == 2 && outcomes[0].1.is_err() && outcomes[1].1.is_ok());
    assert_eq!((room.texts(), room.leftovers()), (["old a", "mine", "new sub/c"].map(str::to_owned), 0));
    ["b", "sub/c"].iter().for_each(|name| room.put(name, &format!("old {name}")));
    drop(journal);
    room.killed_while_replacing();
    room.put("b", "mine");
    let (_, settled) = room.journal().settle().unwrap().unwrap();
    assert_eq!(settled.foreign, [room.root().join("b")]);
    assert_eq!((room.texts(), room.leftovers()), (["new a", "mine", "new sub/c"].map(str::to_owned), 0));
    let settled = room.journal().revert().unwrap().unwrap();
    assert_eq!(settled.foreign, [room.root().join("b")]);
    assert_eq!(room.texts(), ["old a", "mine", "old sub/c"]);
}

#[test]
fn a_content_that_is_not_what_was_read_is_not_staged() {
    let room = Room::new();
    let journal = room.journal();
    let run = journal.begin().unwrap();
    let error = run.stage(&room.root().join("a"), "other", "new").unwrap_err();
    assert!(matches!(error, JournalError::File(FileError { problem: FileProblem::Changed, .. })));
    room.directory.path().join("outside").parent().map(|_| room.put("../outside", "x")).unwrap();
    let error = run.stage(&room.root().join("../outside"), "x", "new").unwrap_err();
    assert!(matches!(error, JournalError::Outside { .. }), "{error:?}");
    assert!(run.commit(OnChanged::Stop).unwrap().is_empty());
}

#[test]
fn two_runs_exclude_each_other() {
    let room = Room::new();
    let first = room.journal();
    let error = Journal::open(&room.root().join("../journal"), &room.root()).unwrap_err();
    assert!(matches!(error, JournalError::Busy(_)), "{error:?}");
    drop(first);
    drop(room.journal());
}

#[test]
fn a_journal_that_others_can_write_to_is_not_believed() {
    let room = Room::new();
    drop(room.journal());
    let path = room.root().join("../journal");
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    let error = Journal::open(&path, &room.root()).unwrap_err();
    assert!(matches!(error, JournalError::NotPrivate(_)), "{error:?}");
}

#[test]
fn a_record_never_leads_out_of_the_root() {
    let room = Room::new();
    let zeros = "0".repeat(64);
    for path in ["../outside", "/etc/passwd", "a/../../outside", "%2e%2e/outside"] {
        let journal = room.journal();
        for stage in ["replacing", "reverting", "done"] {
            let text = format!("secrets journal 1\n{stage} 0000000000000001 1\n{zeros} {zeros} 0 0 {path}\n");
            room.put("../journal/journal", &text);
            room.put("../journal/old-0000000000000001", "");
            let error = journal.revert().unwrap_err();
            assert!(matches!(error, JournalError::Unreadable(_)), "{path} {error:?}");
        }
    }
}

#[test]
fn a_record_reads_as_it_was_written_and_nothing_else_does() {
    use std::os::unix::ffi::OsStringExt as _;

    let path = PathBuf::from(std::ffi::OsString::from_vec(b"a b/%\n\xff\xc3\xa9".to_vec()));
    let entry = Entry { path, old: [1; 32], new: [255; 32], start: 7, length: 8 };
    let record = Record { stage: Stage::Replacing, token: 5, entries: vec![entry.clone(), entry] };
    let text = record.render();
    assert_eq!(Record::parse(text.as_bytes()), Some(record));
    for end in 0..text.len() {
        assert_eq!(Record::parse(&text.as_bytes()[..end]), None, "{end}");
    }
}
