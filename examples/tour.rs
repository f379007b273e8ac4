//! A walk through the main job of `secrets`, on a temporary copy of an example repository:
//! `cargo run --release --example tour`.
//!
//! Prints each command and what it printed; ends with an error at the first that does not end as it should. Needs
//! neither network nor Go nor a key of yours, and changes nothing outside of the copy.
#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "an example is a program of its own")]

use std::{
    env,
    error::Error,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Output},
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// The home lab of two clusters, with files that `sops` encrypted.
const REPOSITORY: &str = "fixtures/repos/per-cluster";
/// The Secret that the tour adds; `$NEW` in its commands.
const NEW: &str = "k8s/clusters/lab/apps/adguard/secret.sops.yaml";

/// What is said, what is run line by line, and how the last line ends.
struct Scene {
    says: &'static str,
    runs: &'static [&'static str],
    ends_with: i32,
}

const fn scene(says: &'static str, runs: &'static [&'static str]) -> Scene {
    Scene { says, runs, ends_with: 0 }
}

const SCENES: &[Scene] = &[
    scene(
        "Which rule applies to a file that is still to be written, and who will be able to read it?",
        &["secrets explain $NEW"],
    ),
    scene(
        "A file that sops encrypted. Alice's key is in SOPS_AGE_KEY_FILE.",
        &["secrets decrypt k8s/clusters/lab/apps/pocket-id/secret.sops.yaml"],
    ),
    scene(
        "A new Secret, written by hand with comments and quotes, and encrypted in place.",
        &["cp ../adguard.yaml $NEW", "secrets encrypt -i $NEW", "head -9 $NEW | cut -c 1-72"],
    ),
    scene(
        "Decrypted, it is what was written, to the byte.",
        &["secrets decrypt $NEW | cmp - ../adguard.yaml && echo same bytes"],
    ),
    scene(
        "An edit. A line of sed stands for the editor.",
        &["SOPS_EDITOR='sed -i.old s/admin/root/' secrets edit $NEW", "secrets get $NEW stringData.user"],
    ),
    scene(
        "One value set, from standard input, so that it is in no list of processes.",
        &[
            "printf 'rain on the roof' | secrets set --string --value-stdin $NEW stringData.password",
            "secrets decrypt $NEW",
        ],
    ),
    scene("Is everything encrypted that should be? That needs no key.", &["secrets -v verify"]),
    Scene {
        says: "A value that somebody put in by hand is found.",
        runs: &[
            "cp $NEW ../good.yaml",
            "sed 's/^  password: .*/  password: oops/' ../good.yaml > $NEW",
            "secrets verify",
        ],
        ends_with: 1,
    },
    scene(
        "New data keys for all files of a cluster, for the recipients of the policy; then each is opened and checked.",
        &["cp ../good.yaml $NEW", "secrets -v rotate k8s/clusters/lab", "secrets -v verify --decrypt k8s/clusters/lab"],
    ),
];

/// What is written by hand in the tour.
const ADGUARD: &str = "\
apiVersion: v1
kind: Secret
metadata:
  name: adguard # for the web interface
  namespace: adguard
stringData:
  # changed on the first day
  user: \"admin\"
  password: 'correct horse'
";

fn main() -> Result<(), Box<dyn Error>> {
    let binary = build()?;
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("per-cluster");
    copy_directory(&Path::new(ROOT).join(REPOSITORY), &copy)?;
    fs::write(folder.path().join("adguard.yaml"), ADGUARD)?;
    println!("A copy of {REPOSITORY} is in {}; it is removed at the end.", copy.display());
    println!("Its keys are published and protect nothing.");
    for (number, scene) in SCENES.iter().enumerate() {
        println!("\n--- {}. {}", number + 1, scene.says);
        play(scene, &binary, &copy)?;
    }
    println!("\nThe end; all went as it should. README.md goes on from here.");
    Ok(())
}

/// Builds the command with the cargo and the profile that built this, and tells in which directory it is.
fn build() -> Result<PathBuf, Box<dyn Error>> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let profile: &[&str] = if cfg!(debug_assertions) { &[] } else { &["--release"] };
    let status =
        Command::new(cargo).args(["build", "--locked", "--bin", "secrets"]).args(profile).current_dir(ROOT).status()?;
    if !status.success() {
        return Err("the command could not be built".into());
    }
    // This is target/PROFILE/examples/tour.
    let own = env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).ok_or("no directory for the command")?;
    if !folder.join("secrets").is_file() {
        return Err(format!("there is no `secrets` in {}", folder.display()).into());
    }
    Ok(folder.to_owned())
}

/// Runs the lines of a scene one by one.
fn play(scene: &Scene, binary: &Path, copy: &Path) -> Result<(), Box<dyn Error>> {
    for (index, line) in scene.runs.iter().enumerate() {
        println!("$ {}", line.replace("$NEW", NEW));
        let output = run(line, binary, copy)?;
        let printed = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        // A value is printed without a line break behind it.
        print!("{printed}{}", if printed.is_empty() || printed.ends_with('\n') { "" } else { "\n" });
        let expected = if index + 1 == scene.runs.len() { scene.ends_with } else { 0 };
        if output.status.code() != Some(expected) {
            return Err(format!("`{line}` ended with {}, not with {expected}", output.status).into());
        }
        if expected != 0 {
            println!("(exit code {expected})");
        }
    }
    Ok(())
}

fn run(line: &str, binary: &Path, copy: &Path) -> Result<Output, Box<dyn Error>> {
    let own_path = env::var_os("PATH").unwrap_or_default();
    let path = env::join_paths(std::iter::once(binary.to_owned()).chain(env::split_paths(&own_path)))?;
    let output = Command::new("sh")
        .args(["-c", line])
        .current_dir(copy)
        .env_clear()
        .env("PATH", path)
        .env("HOME", copy)
        .env("NEW", NEW)
        .env("SOPS_AGE_KEY_FILE", "test-only-keys/alice.agekey")
        .output()?;
    Ok(output)
}

fn copy_directory(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_directory(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
        }
    }
    Ok(())
}
