"""Builds sync_worker/lib/gman_udf.so, the SQL functions; all else stands in pyproject.toml.

The library is no Python module: it has no Python suffix and is loaded by a database server. It
ships inside the wheel, which is therefore tied to the platform but to no Python version.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

try:
    from setuptools.command.bdist_wheel import bdist_wheel
except ImportError:
    from wheel.bdist_wheel import bdist_wheel

sys.path.insert(0, str(Path(__file__).resolve().parent / "udf"))
import headers

NAME = "sync_worker.lib.gman_udf"


class BuildLibrary(build_ext):
    """Compiles the library with the headers found, and names it plainly."""

    def build_extension(self, ext: Extension) -> None:
        ext.extra_compile_args = [*headers.COMPILE_FLAGS, *headers.FORTIFY_FLAGS, *headers.find()]
        ext.extra_link_args = headers.LINK_FLAGS
        super().build_extension(ext)

    def copy_extensions_to_source(self) -> None:
        Path("sync_worker", "lib").mkdir(exist_ok=True)
        super().copy_extensions_to_source()

    def get_ext_filename(self, fullname: str) -> str:
        return str(Path(*fullname.split("."))) + ".so"

    def get_export_symbols(self, ext: Extension) -> list[str]:
        return []


class PlatformWheel(bdist_wheel):  # type: ignore[misc]
    """A wheel for this platform and any Python 3."""

    def get_tag(self) -> tuple[Any, ...]:
        return ("py3", "none", super().get_tag()[2])


setup(
    ext_modules=[
        Extension(
            NAME,
            sources=headers.sources(),
            depends=[str(path) for path in sorted(Path("udf").glob("*.h"))],
        )
    ],
    cmdclass={"build_ext": BuildLibrary, "bdist_wheel": PlatformWheel},
)
