#!/usr/bin/env python3
"""Runs outage-replay on a Spark cluster, one task for each collector.

    spark-submit outage_replay_spark.py --output RUN [OPTIONS] -- --asn 131279 --from 2014-12-22 --to 2014-12-24

What follows `--` is the question, as for `outage-replay`. The program must be on every worker (--program); the archives come from
the publishers, or from a folder that all workers see (--archive in the question). Nothing else is shared: what a task collects comes
back through Spark. The folder RUN has the same bytes as that of one machine.
"""

import argparse
import base64
import io
import shlex
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from pyspark import StorageLevel
from pyspark.sql import SparkSession

# What `outage-replay join` exits with while tasks have no part.
LACKS_PARTS = 6


def arguments() -> argparse.Namespace:
    own, question = sys.argv[1:], []
    if "--" in own:
        at = own.index("--")
        own, question = own[:at], own[at + 1 :]
    parser = argparse.ArgumentParser(usage="spark-submit %(prog)s --output RUN [OPTIONS] -- QUESTION")
    parser.add_argument("--output", metavar="RUN", required=True, help="the folder of the run")
    parser.add_argument("--parts", metavar="DIR", help="keep parts here, to go on after a failure [default: a temporary folder]")
    parser.add_argument("--program", default="outage-replay", help="the program on the workers and here")
    parser.add_argument("--collect", metavar="FLAGS", default="", help="more flags for collect, such as '--mirror URL --cache-dir DIR'")
    parser.add_argument("--join", metavar="FLAGS", default="", help="more flags for join, such as '--export csv,parquet --down-below 0.4'")
    parser.add_argument("--failed-as-gaps", action="store_true", help="a task that fails is a gap in the result, not an error")
    parser.add_argument("--dataset", metavar="DIR", help="also add the tables to a data set, as `outage-replay dataset` does")
    parsed = parser.parse_args(own)
    if not question:
        parser.error("there is no question: write it after --")
    parsed.question = question
    return parsed


def collect_command(options: argparse.Namespace) -> str:
    """The command of a worker: task lines come in, and the folder of their parts goes out as one line."""
    collect = " ".join(shlex.quote(word) for word in [options.program, "collect", "--quiet", *shlex.split(options.collect)])
    failed = "exit 0" if options.failed_as_gaps else "exit 1"
    script = (
        'd=$(mktemp -d) && trap \'rm -rf "$d"\' EXIT; '
        f'{collect} --parts "$d" >"$d.log" 2>&1 || {{ cat "$d.log" >&2; rm -f "$d.log"; {failed}; }}; rm -f "$d.log"; '
        'tar -C "$d" -cf - . | base64 | tr -d "\\n"; echo'
    )
    return f"sh -c {shlex.quote(script)}"


def unpack(line: str, parts: Path) -> int:
    """Puts the parts of a line into the folder, each at once. Returns how many were new."""
    with tempfile.TemporaryDirectory(dir=parts) as place, tarfile.open(fileobj=io.BytesIO(base64.b64decode(line))) as archive:
        archive.extractall(place, filter="data")
        new = [part for part in Path(place).iterdir() if part.is_dir() and not (parts / part.name).exists()]
        for part in new:
            part.rename(parts / part.name)
        return len(new)


def main() -> int:
    options = arguments()
    spark = SparkSession.builder.appName("outage-replay").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    with tempfile.TemporaryDirectory() as temporary:
        parts = Path(options.parts or Path(temporary, "parts"))
        parts.mkdir(parents=True, exist_ok=True)
        tasks, following, failed = (Path(temporary, f"{name}.jsonl") for name in ("tasks", "next", "failed"))
        with tasks.open("wb") as file:
            planned = subprocess.run([options.program, "plan", *options.question, "--tasks"], stdout=file, check=False)
        if planned.returncode != 0:
            return planned.returncode
        join = [options.program, "join", str(tasks), "--parts", str(parts), "--next", str(following)]
        join += ["--output", options.output, *shlex.split(options.join)]
        while True:
            joined = subprocess.run(join, check=False)
            if joined.returncode != LACKS_PARTS:
                break
            lines = following.read_text().splitlines()
            collected = spark.sparkContext.parallelize(lines, len(lines)).pipe(collect_command(options), checkCode=True)
            collected.persist(StorageLevel.DISK_ONLY)
            # All at once; then they are fetched one after the other.
            collected.count()
            new = sum(unpack(line, parts) for line in collected.toLocalIterator() if line)
            collected.unpersist()
            print(f"collected {new} of {len(lines)} tasks", file=sys.stderr)
            if new < len(lines) and not options.failed_as_gaps:
                print("error: not every task left a part", file=sys.stderr)
                return 1
            # Of these, join passes over those that have a part.
            with failed.open("a") as file:
                file.writelines(line + "\n" for line in lines)
            if options.failed_as_gaps and "--failed" not in join:
                join += ["--failed", str(failed)]
        # 3 and 4 are answers: insufficient data, an outage with --fail-on-outage.
        if joined.returncode in (0, 3, 4) and options.dataset:
            added = subprocess.run([options.program, "dataset", options.output, "--into", options.dataset], check=False)
            if added.returncode != 0:
                return added.returncode
        return joined.returncode


if __name__ == "__main__":
    sys.exit(main())
