#!/usr/bin/env python3
"""Side by side with the real sops: the same work, on the same machine, in one run. Prints Markdown.

    cargo build-static && benches/compare.py

Needs python3, GNU time as /usr/bin/time, and sops 3.13.2 on PATH (or --sops); takes some five minutes, nearly all of them
sops'. Not run in CI: figures of a shared machine say nothing. Each result is compared with what it has to be before its
time counts.
"""

import argparse
import json
import os
import platform
import pty
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECIPIENT = "age1sv0vp6ss66u8z9yjtsr59cvunt7rppmc5hcer7hef7a4ns93vqgqmkpa42"
SECRET = """\
apiVersion: v1
kind: Secret
metadata:
    name: db
    namespace: production
stringData:
    user: admin
    password: correct horse battery staple
"""
POLICY = f"""\
creation_rules:
    - path_regex: big.*\\.yaml$
      age: {RECIPIENT}
    - encrypted_regex: ^(data|stringData)$
      age: {RECIPIENT}
"""
# A file system in memory: what is left there is the work of the programs.
MEMORY = Path("/dev/shm")
# One sample of a short command is the mean of so many runs in a loop of /bin/sh.
LOOP = 'n=$1; shift; i=0; while [ $i -lt $n ]; do "$@" > /dev/null || exit 1; i=$((i+1)); done'


def big(values):
    """Maps of ten values; 100,000 are 20 MB."""
    filler = "0123456789abcdefghijklmnopqrstuvwxyz " * 5
    lines = []
    for number in range(values):
        if number % 10 == 0:
            lines.append(f"group{number // 10:05}:\n")
        lines.append(f"    key{number:06}: {filler}{number}\n")
    return "".join(lines)


class Bench:
    def __init__(self, folder, tools):
        self.folder = folder
        self.tools = tools
        self.env = {
            "HOME": str(folder),
            "PATH": "/usr/bin:/bin",
            "SOPS_AGE_KEY_FILE": str(ROOT / "fixtures/keys/alice.txt"),
            "SOPS_DISABLE_VERSION_CHECK": "1",
        }

    def run(self, command, output=subprocess.DEVNULL):
        subprocess.run(command, cwd=self.folder, env=self.env, stdin=subprocess.DEVNULL, stdout=output,
                       stderr=subprocess.DEVNULL, check=True)

    def read(self, command):
        with tempfile.TemporaryFile(dir=self.folder) as output:
            self.run(command, output)
            output.seek(0)
            return output.read().decode()

    def seconds(self, command, runs, prepare=None, repeat=1):
        """The median of `runs` samples."""
        looped = ["/bin/sh", "-c", LOOP, "sh", str(repeat), *command] if repeat > 1 else command
        samples = []
        for _ in range(runs):
            if prepare:
                prepare()
            # What is not on the disk yet is nobody's work.
            os.sync()
            start = time.perf_counter()
            self.run(looped)
            samples.append((time.perf_counter() - start) / repeat)
        return statistics.median(samples)

    def peak_kib(self, command, prepare=None):
        """The largest resident set of any process of `command`, started by a program that is small itself."""
        if prepare:
            prepare()
        report = self.folder / "peak"
        self.run(["/usr/bin/time", "-f", "%M", "-o", str(report), *command])
        return int(report.read_text())

    def fill(self, text, count):
        """A function that puts `count` copies of `text` into `many`."""

        def prepare():
            shutil.rmtree(self.folder / "many", ignore_errors=True)
            (self.folder / "many").mkdir()
            for number in range(count):
                (self.folder / "many" / f"{number}.yaml").write_text(text)

        return prepare

    def check_many(self, count):
        """All files in `many` are the Secret, in clear or encrypted."""
        for number in range(count):
            text = (self.folder / "many" / f"{number}.yaml").read_text()
            if text != SECRET and self.read([self.tools["secrets"], "decrypt", f"many/{number}.yaml"]) != SECRET:
                sys.exit(f"many/{number}.yaml is not what it should be")


def many(tool, name, command):
    if name == "secrets":
        return [tool, command, "-i", "many"]
    return ["/bin/sh", "-c", f'find many -type f -print0 | xargs -0 -n1 -P2 "$1" {command} -i', "sh", tool]


def duration(seconds):
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def mebibytes(kib):
    return f"{kib / 1024:.1f} MiB"


def row(title, figures):
    (ours, our_peak), (theirs, their_peak) = figures["secrets"], figures["sops"]
    return (
        f"| {title} | {duration(ours)} | {duration(theirs)} | {theirs / ours:.1f} "
        f"| {mebibytes(our_peak)} | {mebibytes(their_peak)} |"
    )


def compare(bench, wishes):
    """The rows of the table of both tools."""
    folder, tools = bench.folder, bench.tools
    (folder / "secret.yaml").write_text(SECRET)
    sealed = bench.read([tools["sops"], "encrypt", "secret.yaml"])
    (folder / "sealed.yaml").write_text(sealed)
    for command, file in [("decrypt", "sealed.yaml"), ("encrypt", "secret.yaml"), ("rotate", "sealed.yaml")]:
        figures = {}
        for name, tool in tools.items():
            line = [tool, command, file]
            (folder / "out.yaml").write_text(bench.read(line))
            opened = bench.read([tools["secrets"], "decrypt", "out.yaml"]) if command != "decrypt" else bench.read(line)
            assert opened == SECRET, (name, command)
            figures[name] = (bench.seconds(line, 9, repeat=20), bench.peak_kib(line))
        yield row(f"one Secret: `{command}`", figures)
    yield from compare_many(bench, wishes, sealed, "in place")
    if MEMORY.is_dir():
        with tempfile.TemporaryDirectory(dir=MEMORY) as memory:
            in_memory = Bench(Path(memory), tools)
            (in_memory.folder / ".sops.yaml").write_text(POLICY)
            yield from compare_many(in_memory, wishes, sealed, "in place, in memory")
    yield from compare_sync(bench, wishes, sealed)
    yield compare_check(bench, wishes, sealed)
    yield compare_typed(bench, wishes)
    text = big(wishes.values)
    (folder / "big.yaml").write_text(text)
    (folder / "big-sealed.yaml").write_text(bench.read([tools["sops"], "encrypt", "big.yaml"]))
    title = f"{wishes.values:,} values, {len(text) / 1e6:.0f} MB"
    for command, file in [("encrypt", "big.yaml"), ("decrypt", "big-sealed.yaml"), ("rotate", "big-sealed.yaml")]:
        figures = {}
        for name, tool in tools.items():
            line = [tool, command, file]
            if command == "decrypt":
                assert bench.read(line) == text, name
            figures[name] = (bench.seconds(line, 5 if name == "secrets" else 2), bench.peak_kib(line))
        yield row(f"{title}: `{command}`", figures)


def compare_many(bench, wishes, sealed, where):
    """The rows of many files, in the folder of `bench`."""
    prepare = bench.fill(sealed, wishes.files)
    for command in ["decrypt", "rotate"]:
        figures = {}
        for name, tool in bench.tools.items():
            line = many(tool, name, command)
            seconds = bench.seconds(line, 5 if name == "secrets" else 2, prepare)
            bench.check_many(wishes.files)
            figures[name] = (seconds, bench.peak_kib(line, prepare))
        yield row(f"{wishes.files:,} Secrets {where}: `{command}`", figures)


def compare_sync(bench, wishes, sealed):
    """The rows of one more recipient in many files: against sops file by file, and one sops over all."""
    recipients = json.loads((ROOT / "fixtures/keys/recipients.json").read_text())
    policy = (bench.folder / ".sops.yaml").read_text()
    (bench.folder / ".sops.yaml").write_text(policy.replace(RECIPIENT, f"{RECIPIENT},{recipients['bob']}"))
    prepare = bench.fill(sealed, wishes.files)
    find = 'find many -type f -print0 | xargs -0 '
    ours = [bench.tools["secrets"], "sync", "-q", "many"]
    theirs = {
        "file by file": ["/bin/sh", "-c", find + '-n1 "$1" updatekeys -y', "sh", bench.tools["sops"]],
        "one over all": ["/bin/sh", "-c", find + '"$1" updatekeys -y', "sh", bench.tools["sops"]],
    }
    figures = {}
    for name, line in {"secrets": ours, **theirs}.items():
        seconds = bench.seconds(line, 5 if name == "secrets" else 2, prepare)
        bench.check_many(wishes.files)
        assert recipients["bob"] in (bench.folder / "many" / "7.yaml").read_text(), name
        figures[name] = (seconds, bench.peak_kib(line, prepare))
    for name in theirs:
        pair = {"secrets": figures["secrets"], "sops": figures[name]}
        yield row(f"{wishes.files:,} Secrets for one more recipient: `sync`, `updatekeys -y` {name}", pair)
    (bench.folder / ".sops.yaml").write_text(policy)


def compare_check(bench, wishes, sealed):
    """The row of `sync --check` over ten times the files, against a program that only reads them."""
    bench.fill(sealed, wishes.files * 10)()
    check = [bench.tools["secrets"], "sync", "--check", "many"]
    bare = ["/bin/sh", "-c", "find many -type f -print0 | xargs -0 cat"]
    seconds = bench.seconds(check, 7)
    reading = bench.seconds(bare, 7)
    return (
        f"| {wishes.files * 10:,} Secrets: `sync --check`, and `find` with `cat` | {duration(seconds)} "
        f"| {duration(reading)} | {reading / seconds:.1f} | {mebibytes(bench.peak_kib(check))} | |"
    )


def typed(bench, command, key_file):
    """The seconds that `command` takes on a terminal of its own, where the passphrase is typed when it is asked for, and
    how often it was."""
    start = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(bench.folder)
        os.execve(command[0], command, {**bench.env, "SOPS_AGE_KEY_FILE": str(key_file)})
    asked = 0
    while True:
        try:
            shown = os.read(terminal, 4096)
        except OSError:
            break
        if b"assphrase" in shown:
            os.write(terminal, b"test-passphrase\n")
            asked += 1
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    if status != 0:
        sys.exit(f"{command} failed on a terminal")
    return time.perf_counter() - start, asked


def compare_typed(bench, wishes):
    """The row of many files for an identity behind a passphrase: sops asks for it for each file, so it gets ten."""
    key_file = ROOT / "fixtures/keys/dave-armored.age"
    recipient = json.loads((ROOT / "fixtures/keys/recipients.json").read_text())["dave"]
    sealed = bench.read([bench.tools["sops"], "encrypt", "--age", recipient, "secret.yaml"])
    prepare = bench.fill(sealed, wishes.files)
    ours, theirs = [], []
    for _ in range(3):
        prepare()
        os.sync()
        seconds, asked = typed(bench, [bench.tools["secrets"], "decrypt", "-i", "many"], key_file)
        assert asked == 1, asked
        bench.check_many(wishes.files)
        ours.append(seconds)
    prepare()
    for number in range(10):
        theirs.append(typed(bench, [bench.tools["sops"], "decrypt", "-i", f"many/{number}.yaml"], key_file)[0])
    ours, theirs = statistics.median(ours), statistics.mean(theirs) * wishes.files
    return (
        f"| {wishes.files:,} Secrets in place, an identity behind a passphrase: `decrypt` | {duration(ours)} "
        f"| {duration(theirs)} | {theirs / ours:.0f} | | |"
    )


def scale(bench, wishes):
    """The rows of ours alone, with a tenth of the work and all of it."""
    folder, tool = bench.folder, bench.tools["secrets"]
    for values in [wishes.values // 10, wishes.values]:
        (folder / f"big{values}.yaml").write_text(big(values))
        (folder / f"big{values}-sealed.yaml").write_text(bench.read([tool, "encrypt", f"big{values}.yaml"]))
    sealed = (folder / "sealed.yaml").read_text()
    for command, end in [("encrypt", ""), ("decrypt", "-sealed"), ("rotate", "-sealed")]:
        times = [
            bench.seconds([tool, command, f"big{values}{end}.yaml"], 7)
            for values in (wishes.values // 10, wishes.values)
        ]
        yield scale_row(f"`{command}`: {wishes.values // 10:,} and {wishes.values:,} values", times)
    for command in ["decrypt", "rotate"]:
        times = [
            bench.seconds(many(tool, "secrets", command), 7, bench.fill(sealed, files))
            for files in (wishes.files // 10, wishes.files)
        ]
        yield scale_row(f"`{command} -i`: {wishes.files // 10:,} and {wishes.files:,} files", times)


def scale_row(title, times):
    return f"| {title} | {duration(times[0])} | {duration(times[1])} | {times[1] / times[0]:.1f} |"


def processor():
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} processors"


def version(tool):
    return subprocess.run([tool, "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--secrets", default=str(ROOT / "target/x86_64-unknown-linux-musl/release/secrets"), help="our binary, as `cargo build-static` makes it")
    parser.add_argument("--sops", default=shutil.which("sops"), help="the real sops 3.13.2")
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--values", type=int, default=100_000)
    parser.add_argument("--tmp", help="where to work; the file system of it counts in what is done in place")
    wishes = parser.parse_args()
    if not wishes.sops:
        sys.exit("sops 3.13.2 has to be on PATH, or named by --sops")
    os.environ["SOPS_DISABLE_VERSION_CHECK"] = "1"
    tools = {"secrets": str(Path(wishes.secrets).resolve()), "sops": str(Path(wishes.sops).resolve())}
    with tempfile.TemporaryDirectory(dir=wishes.tmp) as folder:
        bench = Bench(Path(folder), tools)
        (bench.folder / ".sops.yaml").write_text(POLICY)
        print(f"{processor()}; {platform.system()} {platform.release()}; {time.strftime('%Y-%m-%d')}; "
              f"{version(tools['secrets'])}; {version(tools['sops'])}\n")
        nothing = bench.seconds(["/bin/true"], 9, repeat=20)
        print(f"Starting a process that does nothing: {duration(nothing)}, which is part of every time.\n")
        print("| work | `secrets` | `sops` | times faster | memory of `secrets` | memory of `sops` |")
        print("|---|---|---|---|---|---|")
        for line in compare(bench, wishes):
            print(line, flush=True)
        print("\n| ten times the work, `secrets` | a tenth | all | times as long |")
        print("|---|---|---|---|")
        for line in scale(bench, wishes):
            print(line, flush=True)


main()
