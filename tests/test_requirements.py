"""The policy for missing parts, on a test that needs a program that is nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import requirements

ROOT = Path(__file__).parent.parent

PROBE = """
from tests import requirements

def test_needs_a_part():
    requirements.PACKAGES["no-such-program"] = "no-such-package"
    requirements.require_program("no-such-program")
"""


@pytest.fixture
def probe(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    monkeypatch.delenv(requirements.VARIABLE, raising=False)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pytester.makeconftest((ROOT / "tests" / "conftest.py").read_text())
    pytester.makepyfile(PROBE)
    return pytester


def test_a_missing_part_is_skipped_loudly(probe: pytest.Pytester) -> None:
    result = probe.runpytest_subprocess()
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(
        ["*NOT TESTED*", "the program no-such-program (apt-get install no-such-package): 1 skipped"]
    )


def test_a_missing_part_fails_where_all_is_required(probe: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(requirements.VARIABLE, "all")
    probe.runpytest_subprocess().assert_outcomes(failed=1)


@pytest.mark.parametrize(("asked", "is_told"), [((), True), (("tests",), True), (("test_other.py",), False)])
def test_a_run_of_everything_says_what_it_leaves_out(
    probe: pytest.Pytester, asked: tuple[str, ...], is_told: bool
) -> None:
    probe.makeini("[pytest]\ntestpaths = tests")
    folder = probe.mkdir("tests")
    for test in (folder / "test_some.py", probe.path / "test_other.py"):
        test.write_text("def test_it():\n    pass\n")
    result = probe.runpytest_subprocess(*asked)
    result.assert_outcomes(passed=1)
    assert ("NOT TESTED: a real Home Assistant" in result.stdout.str()) is is_told


def test_another_value_is_refused(probe: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(requirements.VARIABLE, "mosquitto")
    result = probe.runpytest_subprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*IPC_BRIDGE_TEST_REQUIRE is 'mosquitto'*"])


def test_a_program_is_found_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "openssl"
    program.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert requirements.require_program("openssl") == program
