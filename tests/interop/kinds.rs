//! Post-quantum recipients and plugins, both ways with `sops`, `age` and its plugin, which have to be on PATH.

use super::{
    keys::{CLEAR, opens, printed, run},
    *,
};

/// Makes a post-quantum identity in `name`, by `age-keygen` or by us, and gives back its recipient.
fn make_hybrid(folder: &Path, name: &str, by_age: bool) -> String {
    if by_age {
        printed(folder, "age-keygen", &["-pq", "-o", name], &[]);
    } else {
        printed(folder, env!("CARGO_BIN_EXE_secrets"), &["identity", "new", "--post-quantum", "-o", name], &[]);
    }
    // Both have to make the same recipient of an identity.
    let recipient = printed(folder, "age-keygen", &["-y", name], &[]).trim().to_owned();
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(text.contains(&format!("# public key: {recipient}\n")), "{text}");
    recipient
}

fn entries(text: &str) -> Vec<(String, String)> {
    let file = SopsFile::read(text).unwrap();
    file.metadata.entries().map(|entry| (entry.key.id().to_owned(), entry.enc.clone())).collect()
}

#[test]
#[ignore = "needs sops, age and age-keygen on PATH"]
fn post_quantum_and_classic_recipients_mix_in_one_file_both_ways() {
    for by_age in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        std::fs::write(folder.join("clear.yaml"), CLEAR).unwrap();
        let recipient = make_hybrid(folder, "pq.txt", by_age);
        let both = format!("{recipient},{RECIPIENT}");
        let theirs = printed(folder, "sops", &["encrypt", "--age", &both, "clear.yaml"], &[]);
        let ours = printed(folder, env!("CARGO_BIN_EXE_secrets"), &["encrypt", "--age", &both, "clear.yaml"], &[]);
        std::fs::write(folder.join("ours.yaml"), &ours).unwrap();
        let names = |text: &str| entries(text).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(&ours), names(&theirs));
        let hybrid = folder.join("pq.txt").display().to_string();
        for path in [hybrid.as_str(), KEY_FILE] {
            let environment = [("SOPS_AGE_KEY_FILE", path), ("HOME", "/nonexistent")];
            assert_eq!(opens(&theirs, &environment), 0);
            assert_eq!(opens(&ours, &environment), 0);
            assert_eq!(printed(folder, "sops", &["decrypt", "ours.yaml"], &environment), CLEAR);
        }
        for ((_, enc), key) in entries(&ours).iter().zip(["pq.txt", KEY_FILE]) {
            std::fs::write(folder.join("enc.age"), enc).unwrap();
            let opened = run(folder, "age", &["-d", "-i", key, "enc.age"], &[]);
            assert_eq!(opened.stdout.len(), 32, "{}", String::from_utf8_lossy(&opened.stderr));
        }
    }
}

#[test]
#[ignore = "needs age and age-keygen on PATH"]
fn what_age_refuses_as_a_post_quantum_recipient_we_refuse() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("clear.yaml"), CLEAR).unwrap();
    let good = make_hybrid(folder, "pq.txt", true);
    let is_taken = |program: &str, arguments: &[&str]| run(folder, program, arguments, &[]).status.success();
    let (front, back) = good.split_at(900);
    let bad = [
        good.to_uppercase(),
        format!("{front}{}", back.to_uppercase()),
        format!("{front}{}", back.replacen('q', "p", 1)),
        format!("{front}b{back}"),
        front.to_owned(),
        format!("{good}q"),
        "age1pq1".to_owned(),
        good.replacen("age1pq1", "age1", 1),
        good.replacen("age1pq1", "age1tag1", 1),
    ];
    for (index, text) in std::iter::once(&good).chain(&bad).enumerate() {
        let by_age = is_taken("age", &["-r", text, "-o", "out.age", "clear.yaml"]);
        let by_us = is_taken(env!("CARGO_BIN_EXE_secrets"), &["encrypt", "--age", text, "clear.yaml"]);
        assert_eq!((by_age, by_us), (index == 0, index == 0), "{text}");
    }
}

#[test]
#[ignore = "needs sops, age and age-plugin-batchpass on PATH"]
fn the_plugin_that_comes_with_age_opens_what_it_wrapped() {
    const IDENTITY: &str = "AGE-PLUGIN-BATCHPASS-1JCS0Q9";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    std::fs::write(folder.join("clear.yaml"), CLEAR).unwrap();
    let theirs = printed(folder, "sops", &["encrypt", "--age", RECIPIENT, "clear.yaml"], &[]);
    // The plugin has no recipients, so sops cannot wrap for it: the entry gets what age makes of the data key.
    let enc = entries(&theirs).remove(0).1;
    std::fs::write(folder.join("enc.age"), &enc).unwrap();
    let unwrapped = run(folder, "age", &["-d", "-i", KEY_FILE, "-o", "key.bin", "enc.age"], &[]);
    assert!(unwrapped.status.success());
    let good = [("AGE_PASSPHRASE", "correct horse"), ("AGE_PASSPHRASE_WORK_FACTOR", "12")];
    let wrapped = printed(folder, "age", &["-e", "-a", "-j", "batchpass", "key.bin"], &good);
    let indented = |text: &str| text.lines().map(|line| format!("            {line}\n")).collect::<String>();
    assert!(theirs.contains(&indented(&enc)), "{theirs}");
    let patched = theirs.replace(&indented(&enc), &indented(&wrapped)).replace(RECIPIENT, "age1batchpass1x");
    std::fs::write(folder.join("ours.yaml"), &patched).unwrap();
    let identity = [("SOPS_AGE_KEY", IDENTITY)];
    let decrypt = |program: &str, passphrase| {
        run(folder, program, &["decrypt", "ours.yaml"], &[identity[0], ("AGE_PASSPHRASE", passphrase)])
    };
    for program in ["sops", env!("CARGO_BIN_EXE_secrets")] {
        let opened = decrypt(program, "correct horse");
        let told = String::from_utf8_lossy(&opened.stderr);
        assert_eq!(String::from_utf8_lossy(&opened.stdout), CLEAR, "{program}: {told}");
        assert_eq!(decrypt(program, "wrong").status.code(), Some(128), "{program}");
    }
    let told = String::from_utf8(decrypt(env!("CARGO_BIN_EXE_secrets"), "wrong").stderr).unwrap();
    assert!(told.contains("age-plugin-batchpass: (stanza 0 0) incorrect passphrase"), "{told}");
}

#[test]
#[ignore = "needs sops on PATH"]
fn a_plugin_with_recipients_works_in_sops_and_here_both_ways() {
    const PLUGIN: &str = "age1test1qurswpc8qurswdldkpl";
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let plugins = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plugin");
    let path = format!("{plugins}:{}", std::env::var("PATH").unwrap());
    let environment = [("PATH", path.as_str()), ("SOPS_AGE_KEY", "AGE-PLUGIN-TEST-1QURSWPC8QURSWKGVVTG")];
    std::fs::write(folder.join("clear.yaml"), CLEAR).unwrap();
    let programs = ["sops", env!("CARGO_BIN_EXE_secrets")];
    for [from, to] in [programs, [programs[1], programs[0]]] {
        let text = printed(folder, from, &["encrypt", "--age", PLUGIN, "clear.yaml"], &environment);
        assert!(text.contains(&format!("recipient: {PLUGIN}\n")), "{from}: {text}");
        std::fs::write(folder.join("file.yaml"), text).unwrap();
        assert_eq!(printed(folder, to, &["decrypt", "file.yaml"], &environment), CLEAR, "{from} to {to}");
    }
}
