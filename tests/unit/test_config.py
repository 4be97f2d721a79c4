"""The configuration: every parser, where values come from, and what errors say."""

import dataclasses
import pickle
import sys
from pathlib import Path

import pytest

from sync_worker.config import Config, fields, load
from sync_worker.config import load as load_config
from sync_worker.errors import ConfigError

ROOT = Path(__file__).parents[2]
SECRET = "correct-horse-battery"


def every_setting():
    for section in dataclasses.fields(Config):
        if dataclasses.is_dataclass(section.default_factory):
            for field in dataclasses.fields(section.default_factory):
                yield section.name, field


EVERY = [pytest.param(*pair, id=f"{pair[0]}.{pair[1].name}") for pair in every_setting()]


@pytest.fixture
def write(tmp_path):
    def write_file(text):
        path = tmp_path / "c.toml"
        path.write_text(text)
        return path

    return write_file


# Parsers.


@pytest.mark.parametrize(
    ("parser", "given", "expected"),
    [
        (fields.duration, "500ms", 0.5),
        (fields.duration, "30s", 30.0),
        (fields.duration, "1.5m", 90.0),
        (fields.duration, "1h", 3600.0),
        (fields.duration, "1d", 86400.0),
        (fields.duration, "7", 7.0),
        (fields.duration, 0, 0.0),
        (fields.duration, 2.5, 2.5),
        (fields.positive_duration, "1ms", 0.001),
        (fields.size, 1, 1),
        (fields.size, "512KiB", 512 * 1024),
        (fields.size, "4 MiB", 4 << 20),
        (fields.size, "1GiB", 1 << 30),
        (fields.size, "9B", 9),
        (fields.whole(1, 256), 256, 256),
        (fields.whole(1, 256), "1", 1),
        (fields.text, "naïve", "naïve"),
        (fields.optional_text, "", ""),
        (fields.one_of("text", "json"), "JSON", "json"),
        (fields.path, "/a/b", Path("/a/b")),
        (fields.path, "", None),
        (fields.address, "localhost", "localhost"),
        (fields.address, "10.0.0.1:4730", "10.0.0.1:4730"),
        (fields.address, "[::1]:4730", "[::1]:4730"),
        (fields.optional_address, "", ""),
        (fields.addresses, "a:1, b:2,a:1", ("a:1", "b:2")),
        (fields.addresses, ["a", "b:2"], ("a", "b:2")),
        (fields.function_name, "syncToRedis", "syncToRedis"),
        (fields.redis_url, "redis://h:1/2", "redis://h:1/2"),
        (fields.redis_url, "rediss://user@h", "rediss://user@h"),
        (fields.redis_url, "unix:///run/redis.sock", "unix:///run/redis.sock"),
        (fields.key_template, "product:{id}", "product:{id}"),
        (fields.key_template, "{a}/{b}", "{a}/{b}"),
    ],
)
def test_a_parser_takes(parser, given, expected):
    found = parser(given)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    ("parser", "given"),
    [
        *((fields.duration, v) for v in ("", "soon", "-1s", -1, True, None, "1w", "1e3", [])),
        *((fields.positive_duration, v) for v in (0, "0s", "-1")),
        *((fields.size, v) for v in (0, -1, "0", "4MB", "1.5MiB", True, None)),
        *((fields.whole(1, 256), v) for v in (0, 257, "x", 1.0, True, "1.0", "9" * 30)),
        *((fields.text, v) for v in ("", "a\nb", "\0", 1, None)),
        *((fields.one_of("text"), v) for v in ("", "txt", 1)),
        *((fields.path, v) for v in ("a/b", "/a\0b", 1, "~/x")),
        *(
            (fields.address, v)
            for v in ("", "h:", "h:0", "h:65536", "a b", "::1", "h:1:2", "h:1\n", "h\0", 1)
        ),
        *((fields.addresses, v) for v in ("", [], [""], ["a", 1], "a,,b", 4730)),
        *((fields.function_name, v) for v in ("", "f" * 256, "é" * 128, "a\tb")),
        *((fields.redis_url, v) for v in ("", "h:6379", "http://h", "redis://", "unix://", 1)),
        *((fields.key_template, v) for v in ("", "product", "{}", "{a", "a}", "{a}{", "{{a}}")),
    ],
)
def test_a_parser_refuses_and_says_what_it_expects(parser, given):
    with pytest.raises(ValueError, match=r"^expected "):
        parser(given)


@pytest.mark.parametrize(
    "url",
    ["redis://:{}@h/0", "unix://u:{}@/s", "redis://h?password={}", "redis://:{}@[h", "r://:{}@h:x"],
)
def test_a_password_in_the_url_is_refused_without_showing_it(write, url):
    path = write(f'[redis]\nurl = "{url.format(SECRET)}"\n')
    with pytest.raises(ConfigError, match=r"redis\.url = the value: ") as caught:
        load(path, {})
    assert SECRET not in str(caught.value)


# File and environment.


def test_without_anything_every_default_is_taken(monkeypatch, tmp_path):
    module = sys.modules["sync_worker.config.load"]  # the package has a function of that name
    monkeypatch.setattr(module, "DEFAULT_PATH", tmp_path / "none")
    assert load(None, {}) == Config()


def test_the_variable_names_the_file(write):
    path = write('[gearman]\nfunction = "f"\n')
    assert load(None, {"SYNC_WORKER_CONFIG": str(path)}).gearman.function == "f"


def test_the_environment_overrides_the_file(write):
    path = write('[worker]\nprocesses = 2\ndrain = "5s"\n')
    config = load(path, {"SYNC_WORKER_WORKER_PROCESSES": "3"})
    assert (config.worker.processes, config.worker.drain) == (3, 5.0)
    assert config.sources == {"worker.processes": "environment", "worker.drain": "file"}


@pytest.mark.parametrize(("name", "field"), EVERY)
def test_every_setting_has_a_variable(name, field):
    variable = f"SYNC_WORKER_{name}_{field.name}".upper()
    with pytest.raises(ConfigError, match=f"environment: {variable} = "):
        load(Path("/dev/null"), {variable: "\0"})


def test_the_file_of_a_secret_is_read_to_its_first_line(write, tmp_path):
    (tmp_path / "secret").write_text(f"{SECRET}\nmore\n")
    path = write(f'[redis]\npassword_file = "{tmp_path}/secret"\n')
    assert load(path, {}).redis.password == SECRET
    assert load(path, {"SYNC_WORKER_REDIS_PASSWORD": "other"}).redis.password == "other"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe" + SECRET.encode(), None])
def test_a_bad_file_of_a_secret_is_named_but_not_shown(write, tmp_path, content):
    secret = tmp_path / "secret"
    if content is not None:
        secret.write_bytes(content)
    path = write(f'[redis]\npassword_file = "{secret}"\n')
    with pytest.raises(ConfigError, match=r"redis\.password_file = '") as caught:
        load(path, {})
    assert str(secret) in str(caught.value)
    assert SECRET not in str(caught.value)


# What errors say.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[redsi]\n", "'redsi' is no section; did you mean 'redis'?"),
        ("[redis]\nurll = 1\n", "'urll' is no field of [redis]; did you mean 'url'?"),
        ("[redis]\nzzz = 1\n", "'zzz' is no field of [redis]"),
        ("redis = 1\n", "redis must be a section, written [redis]"),
        ("[redis]\ntimeout = -1\n", "redis.timeout = -1: expected a duration"),
        ('[gearman]\nservers = "a b"\n', "gearman.servers = 'a b': expected"),
        ("[redis\n", "is not valid TOML"),
        (f'[redis]\npassword = "{SECRET}"\n', "redis.password does not belong in the file"),
        ('path = "/x"\n', "'path' is no section"),
        ('sources = "x"\n', "'sources' is no section"),
    ],
)
def test_an_error_names_file_field_and_value(write, text, expected):
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        load(path, {})
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert expected in message
    assert SECRET not in message


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read: No such file"):
        load(tmp_path / "none.toml", {})


def test_a_misspelt_variable_is_refused_with_a_hint():
    with pytest.raises(ConfigError, match="did you mean 'SYNC_WORKER_REDIS_URL'"):
        load(Path("/dev/null"), {"SYNC_WORKER_REDIS_ULR": "redis://h"})


def test_variables_of_others_are_left_alone():
    load(Path("/dev/null"), {"SYNC_WORKER_PORT": "tcp://1.2.3.4", "PATH": "/bin"})


def test_no_secret_is_in_the_text_of_the_configuration():
    config = load(Path("/dev/null"), {"SYNC_WORKER_REDIS_PASSWORD": SECRET})
    assert config.redis.password == SECRET
    assert SECRET not in repr(config)
    assert SECRET not in str(config)


def test_a_bad_secret_is_not_shown():
    with pytest.raises(ConfigError, match="SYNC_WORKER_REDIS_PASSWORD = the value: ") as caught:
        load(Path("/dev/null"), {"SYNC_WORKER_REDIS_PASSWORD": SECRET + "\n"})
    assert SECRET not in str(caught.value)


def test_a_configuration_cannot_be_changed_and_can_be_passed_on(write):
    config = load_config(write("[worker]\nprocesses = 2\n"), {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.worker.processes = 3
    assert pickle.loads(pickle.dumps(config)) == config


# The documents.


def shown(value):
    """A default as the documents write it."""
    if value is None or value == "":
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{part}"' for part in value) + "]"
    if value == 0:
        return "0"
    if isinstance(value, float):
        return next(
            f'"{value / size:g}{unit}"'
            for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1), ("ms", 0.001))
            if value >= size
        )
    return f'"{value}"' if isinstance(value, str) else str(value)


@pytest.mark.parametrize(("name", "field"), EVERY)
def test_every_setting_is_documented_with_its_default(name, field):
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in (ROOT / "docs" / "configuration.md").read_text().splitlines()
        if line.startswith("| `")
    ]
    setting = f"`{name}.{field.name}`"
    row = next((row for row in rows if row[0] == setting), None)
    assert row, f"docs/configuration.md has no row for {setting}"
    assert row[1] == f"`{shown(field.default)}`".replace("`empty`", "empty")
    assert row[2].startswith(field.metadata["doc"])


def test_the_example_says_every_setting_and_changes_none(tmp_path):
    example = ROOT / "examples" / "sync-worker.toml"
    assert load(example, {}) == dataclasses.replace(Config(), path=example)
    text = "".join(
        line.removeprefix("# ") if " = " in line and line.startswith("# ") else line
        for line in example.read_text().splitlines(keepends=True)
    )
    whole = tmp_path / "whole.toml"
    whole.write_text(text)
    config = load(whole, {"SYNC_WORKER_RUN_DIRECTORY": ""})
    for name, field in every_setting():
        if not field.metadata["secret"]:
            assert f"{name}.{field.name}" in config.sources
            assert getattr(getattr(config, name), field.name) == getattr(
                getattr(Config(), name), field.name
            )
