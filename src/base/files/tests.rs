//! Files replaced on a real file system: what they look like afterwards, and that a failure leaves them alone.

use std::{
    fs,
    io::Read as _,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    process::Stdio,
};

use super::*;

/// A directory of its own, and what is in it afterwards.
struct Room(tempfile::TempDir);

impl Room {
    fn new() -> Self {
        let room = Self(tempfile::tempdir().unwrap());
        room.chmod("", 0o755);
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    #[expect(clippy::disallowed_methods, reason = "a test prepares its files by other means")]
    fn put(&self, name: &str, content: &str, mode: u32) -> PathBuf {
        fs::write(self.path(name), content).unwrap();
        self.chmod(name, mode);
        self.path(name)
    }

    fn chmod(&self, name: &str, mode: u32) {
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().mode() & 0o7777
    }

    /// Every name, so that a test sees whatever is left behind.
    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(self.0.path()).unwrap();
        let mut names: Vec<String> = names.map(|name| name.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// Runs `action` as a user who is not root. Linux has credentials per thread, so that no other test notices.
fn as_nobody<T: Send>(action: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            if rustix::process::geteuid().is_root() {
                let nobody = rustix::process::Uid::from_raw(65_534);
                rustix::thread::set_thread_uid(nobody).unwrap();
            }
            action()
        });
        thread.join().unwrap()
    })
}

#[track_caller]
fn check_refusal(outcome: Result<(), FileError>, expected: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.problem.to_string(), expected, "{:?}", error.problem);
}

#[test]
fn a_replaced_file_keeps_its_mode_whatever_it_is() {
    for mode in [0o600, 0o640, 0o644, 0o664, 0o777, 0o4755] {
        let room = Room::new();
        let path = room.put("f", "old", mode);
        replace(&path, b"old", b"new").unwrap();
        assert_eq!((room.read("f").as_str(), room.mode("f")), ("new", mode));
        assert_eq!(room.names(), ["f"]);
    }
}

#[test]
fn a_replaced_file_keeps_its_owner_and_group() {
    let room = Room::new();
    let path = room.put("f", "old", 0o4640);
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&path, Some(1234), Some(4321)).unwrap();
        room.chmod("f", 0o4640);
    }
    let before = fs::metadata(&path).unwrap();
    replace(&path, b"old", b"new").unwrap();
    let after = fs::metadata(&path).unwrap();
    assert_eq!((after.uid(), after.gid()), (before.uid(), before.gid()));
    assert_eq!(room.mode("f"), 0o4640);
}

#[test]
fn a_file_whose_owner_cannot_be_kept_is_not_replaced() {
    if !rustix::process::geteuid().is_root() {
        // Only root can make a file of somebody else's; the build server runs this as root.
        return;
    }
    let room = Room::new();
    room.chmod("", 0o777);
    let path = room.put("f", "old", 0o666);
    let outcome = as_nobody(|| replace(&path, b"old", b"new"));
    check_refusal(outcome, "cannot be replaced by a file of the same owner, mode and access list");
    assert_eq!(room.names(), ["f"]);
    assert_eq!(room.read("f"), "old");
}

#[cfg(target_os = "linux")]
#[test]
fn a_replaced_file_keeps_its_access_list_and_attributes() {
    use rustix::fs::{XattrFlags, getxattr, setxattr};

    let room = Room::new();
    let path = room.put("f", "old", 0o600);
    // Version 2, then tag, permissions and id of: owner rw, user 1234 r, group none, mask r, others none.
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 4, 1234), (4, 0, u32::MAX), (16, 4, u32::MAX), (32, 0, u32::MAX)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, permissions, id) in entries {
        list.extend(tag.to_le_bytes().into_iter().chain(permissions.to_le_bytes()));
        list.extend(id.to_le_bytes());
    }
    setxattr(&path, "system.posix_acl_access", &list, XattrFlags::empty()).unwrap();
    setxattr(&path, "user.note", b"kept", XattrFlags::empty()).unwrap();
    replace(&path, b"old", b"new").unwrap();
    let value = |name: &str| {
        let mut value = vec![0; 100];
        let length = getxattr(&path, name, &mut value).unwrap();
        value.truncate(length);
        value
    };
    assert_eq!(value("system.posix_acl_access"), list);
    assert_eq!(value("user.note"), b"kept");
    assert_eq!(room.read("f"), "new");
}

#[test]
fn a_symlink_stays_and_its_target_is_replaced() {
    let room = Room::new();
    fs::create_dir(room.path("d")).unwrap();
    room.put("d/f", "old", 0o640);
    symlink("d/f", room.path("one")).unwrap();
    symlink("one", room.path("two")).unwrap();
    replace(&room.path("two"), b"old", b"new").unwrap();
    assert_eq!(room.names(), ["d", "one", "two"]);
    assert_eq!(fs::read_link(room.path("two")).unwrap(), Path::new("one"));
    assert_eq!((room.read("d/f").as_str(), room.mode("d/f")), ("new", 0o640));
}

#[test]
fn a_file_that_changed_since_it_was_read_is_not_replaced() {
    let told = "has been changed by somebody else since it was read";
    for now in ["", "ol", "olD", "old ", &"old".repeat(20_000)] {
        let room = Room::new();
        let path = room.put("f", now, 0o600);
        check_refusal(replace(&path, b"old", b"new"), told);
        assert_eq!((room.read("f").as_str(), room.names()), (now, vec!["f".to_owned()]));
    }
    let room = Room::new();
    check_refusal(replace(&room.path("f"), b"old", b"new"), told);
    assert!(room.names().is_empty());
}

#[test]
fn a_file_that_changes_between_staging_and_commit_is_not_replaced() {
    let change: [fn(&Room); 5] = [
        |room| drop(room.put("f", "OLD", 0o600)),
        |room| room.chmod("f", 0o644),
        |room| fs::remove_file(room.path("f")).unwrap(),
        |room| {
            room.put("g", "old", 0o600);
            fs::rename(room.path("g"), room.path("f")).unwrap();
        },
        |room| {
            fs::rename(room.path("f"), room.path("g")).unwrap();
            symlink("g", room.path("f")).unwrap();
        },
    ];
    for change in change {
        let room = Room::new();
        let path = room.put("f", "old", 0o600);
        let batch = Batch::new();
        batch.stage(&path, b"old", b"new").unwrap();
        // The clock of the file system moves in steps of some milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(20));
        change(&room);
        let before = room.names().into_iter().filter(|name| !is_leftover_name(name.as_ref()));
        let before: Vec<String> = before.collect();
        let (_, outcome) = batch.commit().remove(0);
        check_refusal(outcome, "has been changed by somebody else since it was read");
        assert_eq!(room.names(), before);
        assert!(before.is_empty() || fs::read(&path).unwrap() != b"new");
    }
}

#[test]
fn a_batch_that_is_dropped_changes_nothing() {
    let room = Room::new();
    let path = room.put("f", "old", 0o600);
    let batch = Batch::new();
    batch.stage(&path, b"old", b"new").unwrap();
    let names = room.names();
    assert!(names.len() == 2 && is_leftover_name(names[0].as_ref()), "{names:?}");
    assert!(names[0].starts_with(".f.") && names[0].ends_with(".secrets-tmp"), "{names:?}");
    assert_eq!(room.mode(&names[0]), 0o600);
    drop(batch);
    assert_eq!((room.read("f").as_str(), room.names()), ("old", vec!["f".to_owned()]));
}

#[test]
fn one_file_of_a_batch_that_fails_leaves_the_others_replaced() {
    let room = Room::new();
    let batch = Batch::new();
    for number in 0..20 {
        let path = room.put(&number.to_string(), "old", 0o600);
        batch.stage(&path, b"old", b"new").unwrap();
    }
    batch.stage(&room.path("absent"), b"old", b"new").unwrap_err();
    fs::remove_file(room.path("7")).unwrap();
    let outcomes = batch.commit();
    assert_eq!(outcomes.len(), 20);
    for (number, (path, outcome)) in outcomes.iter().enumerate() {
        assert_eq!(path, &room.path(&number.to_string()));
        assert_eq!(outcome.is_ok(), number != 7);
        assert!(number == 7 || room.read(&number.to_string()) == "new");
    }
    assert_eq!(room.names().len(), 19);
}

#[test]
fn a_batch_is_staged_from_many_threads() {
    let room = Room::new();
    let names: Vec<String> = (0..200).map(|number| format!("f{number}")).collect();
    let batch = Batch::new();
    std::thread::scope(|scope| {
        for part in names.chunks(50) {
            let (room, batch) = (&room, &batch);
            scope.spawn(move || {
                for name in part {
                    let path = room.put(name, "old", 0o644);
                    batch.stage(&path, b"old", name.as_bytes()).unwrap();
                }
            });
        }
    });
    assert!(batch.commit().iter().all(|(_, outcome)| outcome.is_ok()));
    assert_eq!(room.names().len(), 200);
    assert!(names.iter().all(|name| room.read(name) == *name));
}

#[test]
fn a_directory_that_cannot_be_written_to_leaves_the_file_alone() {
    let room = Room::new();
    let path = room.put("f", "old", 0o666);
    room.chmod("", 0o555);
    let outcome = as_nobody(|| replace(&path, b"old", b"new"));
    check_refusal(outcome, "cannot be written");
    room.chmod("", 0o755);
    assert_eq!((room.read("f").as_str(), room.names()), ("old", vec!["f".to_owned()]));
}

#[test]
fn a_file_that_may_not_be_written_to_is_not_replaced_by_way_of_its_directory() {
    let room = Room::new();
    room.chmod("", 0o777);
    let path = room.put("f", "old", 0o444);
    check_refusal(as_nobody(|| replace(&path, b"old", b"new")), "is not writable");
    check_refusal(as_nobody(|| write(&path, b"new")), "is not writable");
    assert_eq!((room.read("f").as_str(), room.names()), ("old", vec!["f".to_owned()]));
}

#[test]
fn what_is_no_file_is_not_replaced() {
    let room = Room::new();
    fs::create_dir(room.path("d")).unwrap();
    check_refusal(replace(&room.path("d"), b"", b"new"), "is not a regular file");
    check_refusal(write(&room.path("d"), b"new"), "is not a regular file");
    check_refusal(create_private(&room.path("d"), b"new"), "is not a regular file");
    room.put("f", "", 0o600);
    check_refusal(write(&room.path("f/g"), b"new"), "cannot be read");
    check_refusal(write(&room.path("absent/g"), b"new"), "cannot be written");
    symlink("nowhere", room.path("dangling")).unwrap();
    check_refusal(write(&room.path("dangling"), b"new"), "cannot be read");
    assert_eq!(room.names(), ["d", "dangling", "f"]);
}

#[test]
fn a_created_file_has_the_mode_of_the_umask_and_replaces_nothing() {
    let room = Room::new();
    create(&room.path("f"), b"new").unwrap();
    let usual = room.path("usual");
    fs::File::create(&usual).unwrap();
    assert_eq!((room.read("f").as_str(), room.mode("f")), ("new", room.mode("usual")));
    check_refusal(create(&room.path("f"), b"newer"), "exists already");
    check_refusal(create_new_private(&room.path("f"), b"newer"), "exists already");
    assert_eq!((room.read("f").as_str(), room.names().len()), ("new", 2));
}

#[test]
fn a_file_that_appears_while_one_is_created_is_not_replaced() {
    let room = Room::new();
    let staged = stage::Staged::new(&room.path("f"), stage::Before::Absent, stage::Access::Kept, b"new");
    let batch = Batch::from(staged.unwrap());
    room.put("f", "old", 0o600);
    check_refusal(batch.commit().remove(0).1, "exists already");
    assert_eq!((room.read("f").as_str(), room.names()), ("old", vec!["f".to_owned()]));
}

#[test]
fn a_written_file_keeps_its_mode_and_a_private_one_is_0600_whatever_it_was() {
    let room = Room::new();
    for (name, mode) in [("kept", 0o640), ("private", 0o644)] {
        room.put(name, "old", mode);
    }
    write(&room.path("kept"), b"new").unwrap();
    create_private(&room.path("private"), b"new").unwrap();
    create_private(&room.path("new"), b"new").unwrap();
    assert_eq!((room.read("kept").as_str(), room.mode("kept")), ("new", 0o640));
    assert_eq!((room.read("private").as_str(), room.mode("private")), ("new", 0o600));
    assert_eq!((room.read("new").as_str(), room.mode("new")), ("new", 0o600));
}

#[test]
fn devices_and_pipes_are_written_to_and_stay() {
    create_private(Path::new("/dev/null"), b"new").unwrap();
    assert!(!fs::metadata("/dev/null").unwrap().is_file());
    let error = create_private(Path::new("/dev/full"), b"new").unwrap_err();
    assert!(matches!(error.problem, FileProblem::Write(_)), "{error:?}");
    let room = Room::new();
    let pipe = room.path("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR).unwrap();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut text = String::new();
            fs::File::open(&pipe).unwrap().read_to_string(&mut text).unwrap();
            text
        });
        write(&pipe, b"new").unwrap();
        assert_eq!(reader.join().unwrap(), "new");
    });
    assert_eq!(room.names(), ["pipe"]);
}

#[test]
fn a_name_as_long_as_names_can_be_is_replaced() {
    let room = Room::new();
    let name = "n".repeat(255);
    let path = room.put(&name, "old", 0o600);
    replace(&path, b"old", b"new").unwrap();
    assert_eq!(room.names(), [name]);
}

#[test]
fn a_relative_name_is_replaced_where_we_are() {
    assert_eq!(stage::directory_of(Path::new("f")), Path::new("."));
    assert_eq!(stage::directory_of(Path::new("d/f")), Path::new("d"));
    assert_eq!(stage::directory_of(Path::new("/f")), Path::new("/"));
}

/// Runs `name`, a test of this file, in a process that cannot write a file of more than a few KiB: what a full disk
/// answers to `write`, a lowered limit does as well, and needs neither root nor a file system of its own.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "a test starts itself by other means")]
fn check_on_a_full_disk(name: &str) {
    let script = "trap '' XFSZ; ulimit -f 8; exec \"$0\" --exact \"$1\" --nocapture";
    let test = format!("base::files::tests::{name}");
    let mut child = std::process::Command::new("sh");
    child.args(["-c", script]).arg(std::env::current_exe().unwrap()).arg(test);
    let output = child.env("ON_A_FULL_DISK", "1").stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
fn a_full_disk_leaves_the_file_alone() {
    if std::env::var_os("ON_A_FULL_DISK").is_none() {
        return check_on_a_full_disk("a_full_disk_leaves_the_file_alone");
    }
    let room = Room::new();
    let path = room.put("f", "old", 0o600);
    let large = vec![b'x'; 100_000];
    check_refusal(replace(&path, b"old", &large), "cannot be written");
    check_refusal(write(&path, &large), "cannot be written");
    check_refusal(create_private(&path, &large), "cannot be written");
    check_refusal(create(&room.path("g"), &large), "cannot be written");
    assert_eq!((room.read("f").as_str(), room.names()), ("old", vec!["f".to_owned()]));
}
