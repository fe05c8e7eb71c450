"""Mistakes in plugins: each is one sentence, and the bridge starts."""

from __future__ import annotations

import importlib.metadata
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.bridge.plugins.check import check_plugins
from ipc_bridge.bridge.plugins.plan import read_plan
from ipc_bridge.config import load_config
from ipc_bridge.errors import PluginRefusedError
from ipc_bridge.hooks.loading import load, validate
from tests.hooks.stage import HEAD, ISOLATIONS, stage

CONFIG = """\
account: {app_id: a, secret_key: b}
storage: {directory: state}
plugins:
  enabled:
    greet:
      isolation: ISOLATION
      group: vip
      hours:
        - 8
        - twenty
"""

MISTAKES = {
    "import": (
        "import nowhere",
        "cannot be imported: ModuleNotFoundError: No module named 'nowhere' (greet.py:2 in <module>)",
    ),
    "syntax": ("def greet(:", "cannot be imported: SyntaxError: invalid syntax (greet.py, line 2)"),
    "exit": ("raise SystemExit(3)", "cannot be imported: SystemExit: 3 (greet.py:2 in <module>)"),
    "no hook": ("def greet(): pass", "has no hook: mark its functions with @hookimpl, from ipc_bridge import hookimpl"),
    "unmarked": ("def startup(): pass", "its startup is not marked with @hookimpl"),
    "misspelt": (
        "@hookimpl\ndef face_recognised(): pass",
        "there is no hook face_recognised; did you mean face_recognized?",
    ),
    "far from all": ("@hookimpl\ndef xyz(): pass", "there is no hook xyz"),
    "argument": (
        "@hookimpl\ndef face_recognized(bridge, evnt): pass",
        "its face_recognized takes evnt, which the hook has not; did you mean event?",
    ),
    "argument of another": (
        "@hookimpl\ndef startup(camera): pass",
        "its startup takes camera, which the hook has not: it has bridge",
    ),
    "no argument": (
        "@hookimpl\ndef config_schema(bridge): pass",
        "its config_schema takes bridge, which the hook has not: it has none",
    ),
    "wrapper": (
        "@hookimpl(wrapper=True)\ndef startup(): yield",
        "its startup is a wrapper, and hooks cannot be wrapped",
    ),
    "twice": (
        "@hookimpl\ndef startup(): pass\n@hookimpl(specname='startup')\ndef begin(): pass",
        "it has startup twice",
    ),
    "schema": (
        "@hookimpl\ndef config_schema(): return 1 / 0",
        "its config_schema failed: ZeroDivisionError: division by zero (greet.py:3 in config_schema)",
    ),
    "entities": (
        "@hookimpl\ndef register_entities(): return [{'key': 1}]",
        "its register_entities failed: TypeError: {'key': 1} is no Entity; from ipc_bridge.hooks import Entity",
    ),
    "entity": (
        "from ipc_bridge.hooks import Entity\n@hookimpl\ndef register_entities(): return [Entity('K', 'sensor', 'x')]",
        "what it adds cannot be used: entities.0.key: expected a-z, 0-9 and _",
    ),
    "verbs": (
        "@hookimpl\ndef register_commands(): return {'a/b': print}",
        "its register_commands failed: TypeError: 'a/b' must be a name, and stand for an async function",
    ),
    "routes": ("@hookimpl\ndef register_routes(): return [1]", "its routes cannot be served: AttributeError:"),
}


def config_of(directory: Path, source: str, isolation: str = "thread") -> Any:
    (directory / "plugins").mkdir()
    (directory / "plugins" / "greet.py").write_text(HEAD + textwrap.dedent(source), encoding="utf-8")
    (directory / "config.yaml").write_text(CONFIG.replace("ISOLATION", isolation), encoding="utf-8")
    return load_config(directory / "config.yaml", {})


@pytest.mark.parametrize("name", MISTAKES)
@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_a_mistake_is_one_sentence(tmp_path: Path, isolation: str, name: str) -> None:
    source, sentence = MISTAKES[name]
    config = config_of(tmp_path, source, isolation)
    [line] = await check_plugins(config)
    assert line.startswith(f"{tmp_path}/config.yaml:5: plugins.enabled.greet: {sentence}")


async def test_mistakes_in_settings_have_their_lines(tmp_path: Path) -> None:
    source = """
        import voluptuous as vol

        @hookimpl
        def config_schema():
            return {vol.Required("group"): int, "hours": [int], vol.Required("topic"): str}
    """
    config = config_of(tmp_path, source)
    lines = [line.removeprefix(f"{tmp_path}/config.yaml:") for line in await check_plugins(config)]
    assert lines == [
        "7: plugins.enabled.greet.group: expected int",
        "10: plugins.enabled.greet.hours[1]: expected int",
        "5: plugins.enabled.greet.topic: required key not provided",
    ]


async def test_what_is_right_is_no_problem(tmp_path: Path) -> None:
    assert await check_plugins(config_of(tmp_path, "@hookimpl\ndef startup(bridge): pass")) == []


def test_settings_of_the_bridge_are_checked_and_taken_out() -> None:
    plan = read_plan(
        "greet", {"isolation": "process", "memory_megabytes": 64, "deadline": 3, "catch_up": False, "a": 1}
    )
    assert (plan.isolation, plan.memory_megabytes, plan.deadline, plan.catch_up) == ("process", 64.0, 3.0, False)
    assert plan.settings == {"a": 1}
    with pytest.raises(PluginRefusedError) as refused:
        read_plan("greet", {"isolation": "sandbox", "deadline": 0, "catch_up": "maybe"})
    assert refused.value.problems == [
        (("isolation",), "'sandbox' is wrong, expected thread or process"),
        (("catch_up",), "'maybe' is wrong, expected true or false"),
        (("deadline",), "0 is wrong, expected a number of seconds above 0"),
    ]


def test_a_missing_plugin_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    (tmp_path / "vip_arrival.py").touch()
    with pytest.raises(
        PluginRefusedError, match=r"is no plugin: there is no .*vip_arival\.py, and no installed package"
    ):
        load("vip_arival", tmp_path)
    with pytest.raises(PluginRefusedError, match="did you mean vip_arrival"):
        load("vip_arival", tmp_path)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with plugins."""
    package = tmp_path / "site" / "shop_plugins"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "rules.py").write_text("WORD = 'hello'\n", encoding="utf-8")
    (package / "greet.py").write_text(
        f"{HEAD}from shop_plugins.rules import WORD\n@hookimpl\ndef startup(): return WORD\n", encoding="utf-8"
    )
    info = tmp_path / "site" / "shop_plugins-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-plugins\nVersion: 1.0\n", encoding="utf-8")
    (info / "entry_points.txt").write_text(
        "[ipc_bridge]\nshop = shop_plugins.greet\nword = shop_plugins.rules:WORD\n", encoding="utf-8"
    )
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert importlib.metadata.version("shop-plugins") == "1.0"
    return package


def test_a_package_is_loaded_by_its_entry_point_and_anew(tmp_path: Path, package: Path) -> None:
    plugin = load("shop", tmp_path)
    assert plugin.call("startup") == "hello"
    assert plugin.folder == str(package / "greet.py")
    (package / "rules.py").write_text("WORD = 'good morning'\n", encoding="utf-8")
    assert load("shop", tmp_path).call("startup") == "good morning"
    with pytest.raises(PluginRefusedError, match=r"its entry point shop_plugins\.rules:WORD is no module"):
        load("word", tmp_path)


def test_a_file_comes_before_a_package(tmp_path: Path, package: Path) -> None:
    (tmp_path / "shop.py").write_text(f"{HEAD}@hookimpl\ndef startup(): return 'file'\n", encoding="utf-8")
    assert load("shop", tmp_path).call("startup") == "file"


def test_two_versions_within_a_moment_are_told_apart(tmp_path: Path) -> None:
    for word in ("one", "two"):
        (tmp_path / "greet.py").write_text(f"{HEAD}@hookimpl\ndef startup(): return '{word}'\n", encoding="utf-8")
        assert load("greet", tmp_path).call("startup") == word
    assert not (tmp_path / "__pycache__").exists()
    assert "ipc_bridge_plugins.greet" in sys.modules


@pytest.mark.parametrize(
    "schema", ["vol.Schema({'a': int})", "{'a': int}", "lambda settings: settings", "vol.Any(dict)"]
)
def test_a_schema_is_whatever_voluptuous_takes(tmp_path: Path, schema: str) -> None:
    source = f"{HEAD}import voluptuous as vol\n@hookimpl\ndef config_schema(): return {schema}\n"
    (tmp_path / "greet.py").write_text(source, encoding="utf-8")
    assert validate(load("greet", tmp_path), {"a": 1}) == {"a": 1}


def test_a_validator_may_refuse_by_itself(tmp_path: Path) -> None:
    source = f"""{HEAD}
import voluptuous as vol
def refuse(settings):
    raise vol.Invalid("not like this", path=["a"])
@hookimpl
def config_schema(): return refuse
"""
    (tmp_path / "greet.py").write_text(source, encoding="utf-8")
    with pytest.raises(PluginRefusedError) as refused:
        validate(load("greet", tmp_path), {"a": 1})
    assert refused.value.problems == [(("a",), "not like this")]


async def test_the_bridge_starts_without_what_is_refused(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with stage(tmp_path) as scene:
        scene.enable("broken", "import nowhere")
        scene.enable("good", "@hookimpl\ndef startup(): pass")
        async with scene.run():
            await scene.sees(lambda: scene.figures("good")["state"] == "running")
            assert scene.figures("broken")["state"] == "refused"
            assert "No module named 'nowhere'" in scene.figures("broken")["reason"]
            problem = scene.plugins.problem()
            assert problem is not None
            assert problem.startswith("plugins: broken is refused (config.yaml:1: plugins.enabled.broken: cannot be")
            assert scene.loaded == ["good"]
    assert "Plugin broken is refused" in caplog.text
