//! Long work on a terminal: a bar with what is left, one line at the end, and an end in good order at an interrupt.

use expectrl::Expect as _;

use super::*;

/// A world with several encrypted files, the identity for which comes from a command that takes longer than work may take
/// without a bar.
fn world() -> World {
    let world = World::with_secret();
    let sealed = world.read("db.sops.yaml");
    for number in 0..5 {
        world.write(&format!("files/{number}.sops.yaml"), &sealed);
    }
    fs::remove_dir_all(world.path("home")).unwrap();
    world.write("key.txt", &fixture("keys/alice.txt"));
    world.write("slow.sh", "sleep 1.2\ncat key.txt\n");
    // A terminal that can do nothing shows no bar.
    world.set("TERM", "xterm").set("PATH", "/usr/bin:/bin").set("SOPS_AGE_KEY_CMD", "sh slow.sh")
}

#[test]
fn every_command_over_many_files_shows_a_bar_and_one_line_at_the_end() {
    for (arguments, summary) in [
        (&["verify", "--decrypt", "files"][..], "5 files checked, 0 findings, 0 not checked, in "),
        (&["rotate", "files"], "5 changed, 0 unchanged, 0 failed, in "),
        (&["decrypt", "-i", "files"], "5 changed, 0 unchanged, 0 failed, in "),
    ] {
        let world = world();
        let mut session = on_terminal(&world, arguments);
        session.expect("/5 files, ").unwrap();
        session.expect("s left").unwrap();
        session.expect(summary).unwrap();
        session.expect(expectrl::Eof).unwrap();
        ends_with(&session, 0);
    }
    // Without a terminal there is neither, unless it is asked for.
    let world = world();
    let ran = world.run(&["rotate", "files"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    let ran = world.run(&["-v", "rotate", "files"]);
    assert!(ran.stderr.lines().last().unwrap().starts_with("5 changed, 0 unchanged, 0 failed, in "), "{}", ran.stderr);
}

#[test]
fn sync_shows_a_bar_and_one_line_at_the_end() {
    let world = world();
    let policy = world.read(".sops.yaml").replace("*bob]", &format!("*bob, {CAROL}]"));
    world.write(".sops.yaml", &policy);
    let mut session = on_terminal(&world, &["sync", "files"]);
    session.expect("/5 files, ").unwrap();
    session.expect("5 changed, 0 unchanged, 0 failed, in ").unwrap();
    session.expect(expectrl::Eof).unwrap();
    ends_with(&session, 0);
}

#[test]
fn an_interrupt_leaves_every_file_as_it_was() {
    let world = world();
    world.write("slow.sh", "touch started\nsleep 60\n");
    let files = || -> Vec<_> {
        world.snapshot().into_iter().filter(|(path, _)| path.starts_with(world.path("files"))).collect()
    };
    let before = files();
    let mut session = on_terminal(&world, &["decrypt", "-i", "files"]);
    // The first file is being worked on: the command for the identity runs.
    while !world.path("started").exists() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    session.send("\u{3}").unwrap();
    session.expect(expectrl::Eof).unwrap();
    let status = session.get_process().wait().unwrap();
    assert!(matches!(status, expectrl::process::unix::WaitStatus::Signaled(..)), "{status:?}");
    assert_eq!(files(), before);
}
