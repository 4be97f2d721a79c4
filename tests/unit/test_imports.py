"""Which module may import what, as docs/architecture.md says; read from the source, not run."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "sync_worker"
MODULES = sorted(PACKAGE.rglob("*.py"))

# First match decides. What a module may import of ours, and which libraries it must not.
# "" is the package itself (its version).
BASE = {"errors"}
RULES = [
    ("errors", set(), {"redis", "mysql", "click", "rich"}),
    ("config", BASE | {"config"}, {"redis", "mysql", "click", "rich"}),
    ("gearman", BASE | {"gearman"}, {"redis", "mysql", "click", "rich"}),
    ("store", BASE | {"config", "store", "logs"}, {"mysql", "click", "rich"}),
    ("findings", set(), {"redis", "mysql", "click", "rich"}),
    ("mysql", BASE | {"config", "findings", "mysql"}, {"redis", "click", "rich"}),
    (
        "doctor",
        BASE | {"config", "findings", "gearman", "mysql", "store", ""},
        {"mysql", "click", "rich"},
    ),
    ("init", BASE | {"config", "mysql"}, {"redis", "mysql", "click", "rich"}),
    (
        "relay",
        BASE
        | {
            "config",
            "counters",
            "logs",
            "gearman",
            "store",
            "mysql",
            "relay",
            "backfill",
            "verify",
        },
        {"click", "rich"},
    ),
    (
        "backfill",
        BASE | {"config", "logs", "store", "mysql", "backfill"},
        {"redis", "click", "rich"},
    ),
    (
        "verify",
        BASE | {"config", "logs", "gearman", "store", "mysql", "backfill", "verify"},
        {"click", "rich"},
    ),
    ("counters", BASE, {"redis", "mysql", "click", "rich"}),
    ("logs", BASE | {"config"}, {"redis", "mysql", "click", "rich"}),
    (
        "worker",
        BASE | {"config", "counters", "logs", "gearman", "store", "applier"},
        {"mysql", "click", "rich"},
    ),
    ("applier", BASE | {"config", "logs", "gearman", "store"}, {"mysql", "click", "rich"}),
    ("cli", None, {"mysql"}),
    ("__main__", {"cli"}, {"redis", "mysql"}),
    ("__init__", set(), {"redis", "mysql", "click", "rich"}),
]
# What runs the processes knows neither Gearman nor Redis nor MySQL, and prints nothing.
RUNNING = {
    "board", "child", "config", "counters", "daemonize", "errors", "generation", "logs", "metrics",
    "notify", "pidfile", "process", "slot", "status", "supervisor", "",
}  # fmt: skip
RUNNING_RULE = ("running", RUNNING, {"redis", "mysql", "click", "rich"})

MAY_PRINT = "cli"


def name_of(path):
    """sync_worker/store/events.py is "store"; sync_worker/worker.py is "worker"."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def rule_for(name):
    for rule in RULES:
        if rule[0] == name:
            return rule
    assert name in RUNNING, (
        f"{name} is new: say in docs/architecture.md and here what it may import"
    )
    return RUNNING_RULE


def imports(path):
    """Return (modules of ours, libraries) that a file imports, inside functions as well."""
    ours, libraries = set(), set()
    package = ("sync_worker", *path.relative_to(PACKAGE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            targets = [alias.name.split(".") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            module = [*base, *(node.module.split(".") if node.module else [])]
            targets = [[*module, alias.name] for alias in node.names]
        else:
            continue
        for target in targets:
            if target[0] == "sync_worker":
                ours.add("" if target[1:] in ([], ["__version__"]) else target[1])
            else:
                libraries.add(target[0])
    return ours, libraries


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_module_imports_only_what_is_below_it(path):
    name = name_of(path)
    _, allowed, refused = rule_for(name)
    ours, libraries = imports(path)
    if allowed is not None:
        assert ours - {name} <= allowed
    assert not libraries & refused


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_only_the_command_line_prints_or_reads_its_arguments(path):
    if name_of(path) == MAY_PRINT:
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("print", "input", "exit", "quit"), f"line {node.lineno}"


def test_the_rules_are_read_from_what_is_there():
    found = imports(PACKAGE / "worker.py")
    assert {"gearman", "store", "config"} <= found[0]
    assert "os" in found[1]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_no_module_is_longer_than_400_lines(path):
    assert len(path.read_text().splitlines()) <= 400
