//! `secrets exposure`: real git repositories, with commits of fixed dates.

use std::process::Command;

use serde_json::Value;

use super::*;

/// A world with git, and a repository in it. Each commit has a date of its own.
struct Fleet {
    world: World,
    day: u32,
}

impl Fleet {
    fn new(options: &[&str]) -> Self {
        let fleet = Self { world: World::new().set("PATH", "/usr/bin:/bin"), day: 0 };
        fleet.git(&[&["init", "-q", "-b", "main"], options].concat());
        fleet.world.write(".git/info/exclude", "home/\n");
        fleet
    }

    /// With a file for alice and bob that was committed.
    fn with_secret(options: &[&str]) -> Self {
        let mut fleet = Self::new(options);
        fleet.world.write(".sops.yaml", &policy()).write("db.sops.yaml", SECRET);
        fleet.world.runs(&["encrypt", "-i", "db.sops.yaml"]);
        fleet.commit();
        fleet
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut command = Command::new("git");
        command.arg("-C").arg(self.world.root.path()).args(arguments).env_clear().env("PATH", "/usr/bin:/bin");
        let date = format!("2024-01-{:02}T12:00:00Z", self.day);
        for name in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{name}_NAME"), "n").env(format!("GIT_{name}_EMAIL"), "e");
            command.env(format!("GIT_{name}_DATE"), &date);
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Commits all there is, on the next day, and gives the beginning of the commit's name.
    fn commit(&mut self) -> String {
        self.day += 1;
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", "x"]);
        self.git(&["rev-parse", "HEAD"]).split_at(10).0.to_owned()
    }

    /// Takes bob out of the policy and the files.
    fn remove_bob(&mut self, flags: &[&str]) -> String {
        assert_eq!(self.world.run(&["recipient", "remove", "bob"]).code, 0);
        let ran = self.world.run(&[&["sync"], flags].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        self.commit()
    }

    /// What `exposure` prints, and what it says without the time.
    #[track_caller]
    fn exposure(&self, arguments: &[&str], code: i32) -> (String, String) {
        let ran = self.world.run(&[&["exposure"], arguments].concat());
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        let says = ran.stderr.lines().map(|line| line.split(" read, in ").next().unwrap());
        (ran.stdout, says.map(|line| format!("{line}\n")).collect())
    }

    #[track_caller]
    fn text(&self, arguments: &[&str]) -> String {
        self.exposure(arguments, 0).0
    }

    /// The states of the values of the JSON, as `FILE VALUE STATE`.
    #[track_caller]
    fn states(&self, arguments: &[&str]) -> Vec<String> {
        let (text, _) = self.exposure(&[arguments, &["--format", "json"]].concat(), 0);
        let json: Value = serde_json::from_str(&text).unwrap();
        let mut states = Vec::new();
        for file in json.pointer("/files").unwrap().as_array().unwrap() {
            for value in file["values"].as_array().unwrap() {
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                states.push(format!("{} {} {}", text(&file["path"]), text(&value["path"]), text(&value["state"])));
            }
        }
        states
    }
}

#[test]
fn a_recipient_that_was_removed_is_told_with_what_it_could_read() {
    for format in ["sha1", "sha256"] {
        let mut fleet = Fleet::with_secret(&["--object-format", format]);
        let first = fleet.git(&["rev-parse", "HEAD"]).split_at(10).0.to_owned();
        fleet.world.runs(&["set", "db.sops.yaml", "stringData.token", "\"t0ken\""]);
        let second = fleet.commit();
        // Bob's name is only in the policies of old by then.
        fleet.remove_bob(&[]);
        let (text, says) = fleet.exposure(&["bob"], 0);
        assert_eq!(
            text,
            format!(
                "\
db.sops.yaml
  change this secret, unless you know that it was: re-encrypted since
    stringData.token
    in 2024-01-02 ({second})
  change this secret, unless you know that it was: re-encrypted since
    stringData.password, stringData.user
    from 2024-01-01 ({first}) to 2024-01-02 ({second})
"
            )
        );
        assert_eq!(
            says,
            format!(
                "\
secrets: note: bob is {BOB}
secrets: note: whether 3 values with a new ciphertext are the same cannot be told without a key
secrets: hint: --decrypt tells, with an identity that opens both versions
3 values in 1 files could be read; 5 versions in 3 commits
"
            )
        );
        // The recipient itself says the same, and no key is needed.
        fs::remove_dir_all(fleet.world.path("home")).unwrap();
        assert_eq!(fleet.exposure(&[BOB], 0).0, text);
        let (_, says) = fleet.exposure(&["alice"], 0);
        assert!(says.contains("some files are still for that recipient"), "{says}");
    }
}

#[test]
fn with_a_key_a_new_ciphertext_is_no_new_value() {
    let mut fleet = Fleet::with_secret(&[]);
    fleet.world.runs(&["set", "db.sops.yaml", "stringData.gone", "\"x\""]);
    fleet.commit();
    fleet.remove_bob(&[]);
    fleet.world.runs(&["set", "db.sops.yaml", "stringData.password", "\"a new one\""]);
    fleet.world.runs(&["unset", "db.sops.yaml", "stringData.gone"]);
    // What is not committed is what is there now.
    let keyless = fleet.states(&["bob"]);
    let states = |password: &str, user: &str| {
        let lines = [("gone", "gone"), ("password", password), ("user", user)];
        lines.map(|(name, state)| format!("db.sops.yaml stringData.{name} {state}")).to_vec()
    };
    assert_eq!(keyless, states("unknown", "unknown"));
    assert_eq!(fleet.states(&["bob", "--decrypt"]), states("changed", "reencrypted"));
    let (text, says) = fleet.exposure(&["bob", "--decrypt"], 0);
    assert!(
        text.contains("  change this secret: the same value under a new ciphertext\n    stringData.user\n"),
        "{text}"
    );
    assert!(text.contains("  changed since\n    stringData.password\n"), "{text}");
    assert!(!format!("{text}{says}").contains("a new one") && !text.contains("correct horse"));
    // Back to a value that bob knew.
    fleet.world.runs(&["set", "db.sops.yaml", "stringData.password", "\"correct horse\""]);
    assert_eq!(fleet.states(&["bob", "--decrypt"]), states("reencrypted", "reencrypted"));
    // Without an identity that opens it, nothing is claimed.
    let fleet = Fleet { world: fleet.world.set_identity("carol"), ..fleet };
    assert_eq!(fleet.states(&["bob", "--decrypt"]), keyless);
    assert!(fleet.exposure(&["bob", "--decrypt"], 0).1.contains("2 values could not be compared"));
}

#[test]
fn a_value_that_kept_its_ciphertext_is_to_be_changed_wherever_it_went() {
    let mut fleet = Fleet::with_secret(&[]);
    fleet.world.write("list.sops.yaml", "data: [one, two]\n");
    fleet.world.runs(&["encrypt", "-i", "list.sops.yaml"]);
    fleet.commit();
    fleet.remove_bob(&["--keep-data-key"]);
    assert!(fleet.states(&["bob"]).iter().all(|line| line.ends_with(" unchanged")));
    fs::create_dir(fleet.world.path("clusters")).unwrap();
    fleet.git(&["mv", "db.sops.yaml", "clusters/new.sops.yaml"]);
    fleet.commit();
    fleet.world.runs(&["unset", "list.sops.yaml", "data[0]"]);
    fleet.world.runs(&["set", "clusters/new.sops.yaml", "stringData.user", "\"root\""]);
    let text = fleet.text(&["bob"]);
    let block = "  change this secret: unchanged since\n    stringData.password\n";
    assert!(text.contains(&format!("db.sops.yaml  (gone)\n{block}")), "{text}");
    // Nothing in the new file was ever for bob, but for its data key.
    let known = "  its data key is one that the recipient knows: rotate it, then change all values\n";
    assert!(text.starts_with(&format!("clusters/new.sops.yaml\n{known}db.sops.yaml  (gone)\n")), "{text}");
    assert!(text.contains(&format!("list.sops.yaml\n{known}")), "{text}");
    assert!(text.contains("    also stands in clusters/new.sops.yaml\n"), "{text}");
    assert!(text.contains("  not here any more; change it where it is in use\n    stringData.user\n"), "{text}");
    let states = fleet.states(&["bob"]);
    assert_eq!(
        states,
        [
            "db.sops.yaml stringData.password unchanged",
            "db.sops.yaml stringData.user gone",
            "list.sops.yaml data[0] unknown",
            "list.sops.yaml data[1] unchanged",
        ]
    );
    assert!(text.contains("    also stands in list.sops.yaml: data[0]\n"), "{text}");
}

#[test]
fn versions_are_found_in_merges_on_side_branches_and_in_bare_repositories() {
    let mut fleet = Fleet::new(&[]);
    fleet.world.write(".sops.yaml", &policy()).write("a", "1");
    fleet.commit();
    fleet.git(&["checkout", "-q", "-b", "side"]);
    fleet.world.write("side.sops.yaml", SECRET);
    fleet.world.runs(&["encrypt", "-i", "side.sops.yaml"]);
    fleet.commit();
    fleet.git(&["checkout", "-q", "main"]);
    fleet.world.write("a", "2");
    fleet.commit();
    fleet.git(&["merge", "-q", "--no-commit", "-s", "ours", "side"]);
    fleet.world.write("merged.sops.yaml", SECRET);
    fleet.world.runs(&["encrypt", "-i", "merged.sops.yaml"]);
    let merge = fleet.commit();
    fleet.git(&["rm", "-q", "merged.sops.yaml"]);
    fleet.commit();
    let text = fleet.text(&["bob"]);
    assert!(
        text.starts_with("merged.sops.yaml  (gone)\n") && text.contains(&format!("in 2024-01-04 ({merge})")),
        "{text}"
    );
    assert!(text.contains("side.sops.yaml  (gone)\n"), "{text}");

    fleet.git(&["clone", "-q", "--bare", ".", "bare.git"]);
    let bare = fleet.world.run(&["-C", "bare.git", "exposure", "bob", "--format", "json"]);
    let bare: Value = serde_json::from_str(&bare.stdout).unwrap();
    assert_eq!((&bare["compared_with"], &bare["files"].as_array().unwrap().len()), (&"HEAD".into(), &2));
    assert_eq!((&bare["schema"], &bare["complete"]), (&"secrets-exposure/1".into(), &true.into()));
    let linked = fleet.world.path("linked");
    fleet.git(&["worktree", "add", "-q", "--detach", linked.to_str().unwrap()]);
    assert_eq!(fleet.world.run(&["-C", "linked", "exposure", "bob"]).stdout, text);
}

#[test]
fn several_key_groups_are_told_with_how_many_others_are_needed() {
    let mut fleet = Fleet::new(&[]);
    fleet.world.write(
        ".sops.yaml",
        &format!(
            "keys: [&alice {ALICE}, &bob {BOB}, &carol {CAROL}]\ncreation_rules:\n- shamir_threshold: 2\n  \
             key_groups: [{{age: [*alice]}}, {{age: [*bob]}}, {{age: [*carol]}}]\n"
        ),
    );
    fleet.world.write("a.yaml", "a: 1\n");
    fleet.world.runs(&["encrypt", "-i", "a.yaml"]);
    fleet.commit();
    assert!(fleet.text(&["bob"]).contains("    only together with 1 other key group\n"));
}

#[test]
fn every_type_of_file_that_sops_writes_is_known() {
    let mut fleet = Fleet::new(&[]);
    let enc = |name: &str| format!("ENC[AES256_GCM,data:{name},iv:b,tag:c,type:str]");
    let json = format!(
        r#"{{"a": {{"b": "{}"}}, "sops": {{"age": [{{"recipient": "{BOB}", "enc": "x"}}], "lastmodified": "x", "mac": "{}", "version": "3.13.2"}}}}"#,
        enc("json"),
        enc("mac")
    );
    fleet.world.write("a.json", &json).write("cert.pem", &json);
    let flat = |equals: &str, prefix: &str| {
        format!(
            "{prefix}age__list_0__map_recipient{equals}{BOB}\n{prefix}mac{equals}{}\n{prefix}version{equals}3.13.2\n",
            enc("mac")
        )
    };
    fleet.world.write("a.env", &format!("A={}\n#{}\n{}", enc("env"), enc("comment"), flat("=", "sops_")));
    fleet.world.write("a.ini", &format!("[s]\nk = {}\n\n[sops]\n{}", enc("ini"), flat(" = ", "")));
    // Words of the format, and no file of it.
    fleet.world.write("README.md", &format!("sops mac lastmodified: `{}`\n\tx: [\n", enc("x")));
    fleet.world.write("binary", &format!("sops mac \u{0} {}", enc("x")));
    fleet.commit();
    assert_eq!(
        fleet.states(&[BOB]),
        [
            "a.env  unchanged",
            "a.env A unchanged",
            "a.ini s.k unchanged",
            "a.json a.b unchanged",
            "cert.pem a.b unchanged"
        ]
    );
    assert!(fleet.text(&[BOB]).contains("    A, comments\n") || fleet.text(&[BOB]).contains("    comments, A\n"));
}

#[test]
fn what_could_not_be_read_is_told_and_fails() {
    let mut fleet = Fleet::with_secret(&[]);
    let sealed = fleet.world.read("db.sops.yaml");
    fleet.world.write("db.sops.yaml", &format!("<<<<<<< ours\n{sealed}=======\n{sealed}>>>>>>> theirs\n"));
    let broken = fleet.commit();
    fleet.world.write("db.sops.yaml", &sealed);
    fleet.commit();
    let (text, says) = fleet.exposure(&["bob"], 1);
    assert!(text.contains("stringData.password"), "{text}");
    assert!(says.contains(&format!("secrets: error: db.sops.yaml in commit {broken}: ")), "{says}");

    // A content that is lost.
    let blob = fleet.git(&["rev-parse", "HEAD:.sops.yaml"]);
    let (directory, name) = blob.split_at(2);
    fs::remove_file(fleet.world.path(&format!(".git/objects/{directory}/{name}"))).unwrap();
    let (text, _) = fleet.exposure(&[BOB, "--format", "json"], 1);
    let json: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json["complete"], false);
    assert_eq!(json["not_read"][0]["reason"], "its content is not in the repository");
    assert_eq!(json["not_read"][0]["path"], ".sops.yaml");
}

#[test]
fn what_makes_no_sense_is_refused() {
    let fleet = Fleet::with_secret(&[]);
    let world = &fleet.world;
    let hint = world.refuses(&["exposure", "mallory"], 1, "no policy and no file names a recipient `mallory`");
    assert_eq!(hint, "see `secrets access`");
    world.refuses(&["exposure", CAROL], 1, &format!("no policy and no file names a recipient `{CAROL}`"));
    assert_eq!(world.run(&["exposure"]).code, 2);
    assert_eq!(world.run(&["exposure", "bob", "--cluster", "x"]).code, 2);
    assert_eq!(world.run(&["exposure", "--cluster", "nowhere"]).code, 1);
    let outside = World::new().set("PATH", "/usr/bin:/bin");
    let hint = outside.refuses(&["exposure", "bob"], 1, "there is no git repository in ROOT or above");
    assert_eq!(hint, "start in a repository, or with -C DIR");
    let without = Fleet { world: fleet.world.set("PATH", "/nowhere"), ..fleet };
    assert_eq!(without.world.refuses(&["exposure", "bob"], 1, "git is not on PATH"), "install git");
}

#[test]
fn a_cluster_is_asked_for_by_its_name_also_when_it_is_gone() {
    let mut fleet = Fleet::new(&[]);
    let policy = policy().replace("bob", "lab");
    fleet.world.write(".sops.yaml", &policy).write("clusters/lab/db.sops.yaml", SECRET);
    fleet.world.write("clusters/alice/db.sops.yaml", SECRET);
    fleet.world.runs(&["encrypt", "-i", "clusters/lab/db.sops.yaml"]);
    fleet.commit();
    let text = fleet.text(&["--cluster", "lab"]);
    assert!(text.starts_with("clusters/lab/db.sops.yaml  (still readable)\n"), "{text}");
    // Another recipient under the same name: what the old one could read is told by the old one.
    fleet.world.write(".sops.yaml", &policy.replace(BOB, CAROL));
    fleet.commit();
    let (text, says) = fleet.exposure(&["--cluster", "lab"], 0);
    assert_eq!(text, "");
    assert!(says.contains(&format!("lab was {BOB} once; `secrets exposure {BOB}` tells")), "{says}");
    fleet.git(&["rm", "-rq", "clusters", ".sops.yaml"]);
    fleet.commit();
    assert!(fleet.text(&["--cluster", "lab"]).starts_with("clusters/lab/db.sops.yaml  (gone)\n"));
}
