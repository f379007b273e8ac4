#!/usr/bin/env python3
"""Brings the corpus of real YAML files here: the files that `files.tsv` lists, by commit and hash.

    python3 tests/corpus/fetch.py OUT                     from https://github.com
    python3 tests/corpus/fetch.py OUT --mirror DIR        from git repositories below DIR, no network
    python3 tests/corpus/fetch.py OUT --base URL          from another host with the same names
    python3 tests/corpus/fetch.py OUT --list FILE         the files of another list, as tests/policies/files.tsv

The files are other people's, under their own licences: they are read by tests and never committed.
Each is written to OUT under one flat name, `NNNN-OWNER-NAME-FILE.yaml`, and OUT/index.tsv gets the same
columns as `files.tsv` with that name in front. A file that is there already with the right hash is kept.
Exit codes: 0 all files are there, 1 some are not (each is named on standard error), 2 usage.

DIR holds one git directory, bare or not, for each repository, under the first of these that exists:
OWNER+NAME, OWNER+NAME/repo, OWNER+NAME.git, OWNER/NAME, OWNER/NAME.git.
Without --mirror, each commit is fetched with depth 1 and without blobs into OUT/.git-cache; git then
asks for the files it needs. Needs git 2.30 or newer and Python 3.9; nothing else.
"""
import argparse
import hashlib
import pathlib
import subprocess
import sys

LIST = pathlib.Path(__file__).resolve().parent / "files.tsv"
COLUMNS = ("repository", "commit", "path", "bytes", "sha256", "class", "sops")


def read_list(path):
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            rows.append(dict(zip(COLUMNS, line.split("\t"), strict=True)))
    return rows


def flat_name(number, row):
    tail = row["path"].rsplit("/", 1)[-1]
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in tail)
    return f"{number:04}-{row['repository'].replace('/', '-')}-{plain}"


def find_in_mirror(mirror, repository):
    joined = repository.replace("/", "+")
    for name in (joined, f"{joined}/repo", f"{joined}.git", repository, f"{repository}.git"):
        for git_dir in (mirror / name / ".git", mirror / name):
            if (git_dir / "HEAD").is_file():
                return git_dir
    return None


def fetch_commit(cache, base, repository, commit):
    git_dir = cache / f"{repository.replace('/', '+')}.git"
    git = ["git", "--git-dir", str(git_dir)]
    if not git_dir.exists():
        subprocess.run(["git", "init", "--quiet", "--bare", str(git_dir)], check=True)
        subprocess.run([*git, "remote", "add", "origin", f"{base.rstrip('/')}/{repository}.git"], check=True)
        # What makes git fetch a missing blob when it is asked for.
        subprocess.run([*git, "config", "remote.origin.promisor", "true"], check=True)
        subprocess.run([*git, "config", "remote.origin.partialclonefilter", "blob:none"], check=True)
    done = subprocess.run([*git, "fetch", "--quiet", "--depth=1", "--filter=blob:none", "origin", commit])
    return git_dir if done.returncode == 0 else None


def read_blob(git_dir, commit, path):
    done = subprocess.run(["git", "--git-dir", str(git_dir), "cat-file", "blob", f"{commit}:{path}"],
                          capture_output=True)
    return done.stdout if done.returncode == 0 else None


def is_right(content, row):
    return content is not None and hashlib.sha256(content).hexdigest() == row["sha256"]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", type=pathlib.Path)
    arguments.add_argument("--mirror", type=pathlib.Path)
    arguments.add_argument("--base", default="https://github.com")
    arguments.add_argument("--list", type=pathlib.Path, default=LIST)
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)

    git_dirs, index, missing = {}, [], 0
    for number, row in enumerate(read_list(given.list), start=1):
        file = given.out / flat_name(number, row)
        if not (file.is_file() and is_right(file.read_bytes(), row)):
            origin = (row["repository"], row["commit"])
            if origin not in git_dirs:
                git_dirs[origin] = (find_in_mirror(given.mirror, row["repository"]) if given.mirror
                                    else fetch_commit(given.out / ".git-cache", given.base, *origin))
            git_dir = git_dirs[origin]
            content = read_blob(git_dir, row["commit"], row["path"]) if git_dir else None
            if not is_right(content, row):
                reason = "no such repository" if not git_dir else "not there" if content is None else "another hash"
                print(f"{row['repository']}@{row['commit']}:{row['path']}: {reason}", file=sys.stderr)
                missing += 1
                continue
            file.write_bytes(content)
        index.append("\t".join([file.name, *(row[column] for column in COLUMNS)]))
    (given.out / "index.tsv").write_text("\n".join(index) + "\n", encoding="utf-8")
    print(f"{len(index)} files in {given.out}, {missing} missing")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
