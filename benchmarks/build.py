"""Compiles the small C programs that benchmarks compare with."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent


def build(source: str, name: str, *, shared: bool = False) -> Path:
    """Compile benchmarks/c/`source` to benchmarks/bin/`name`; return its path."""
    target = HERE / "bin" / name
    target.parent.mkdir(exist_ok=True)
    options = ["-O2", "-Wall", "-Wextra", "-Werror", "-std=gnu11"]
    if shared:
        cflags = subprocess.run(
            [sys.executable, "udf/headers.py"],
            cwd=HERE.parent,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        options += ["-shared", "-fPIC", "-fvisibility=hidden", *shlex.split(cflags)]
    subprocess.run(["cc", *options, HERE / "c" / source, "-o", target], check=True)
    return target
