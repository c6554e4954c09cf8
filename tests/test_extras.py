"""What is missing is said in one line, with the command that brings it from where this edgekit came."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from edgekit import extras
from edgekit.errors import EdgekitError
from edgekit.extras import EXTRAS, TO_BUILD, install, need, not_installed

ROOT = Path(__file__).parents[1]
CALLED = {  # on PyPI
    "sklearn": "scikit-learn", "tf_keras": "tf-keras", "ai_edge_litert": "ai-edge-litert",
    "efficientnet_lite_pytorch": "efficientnet-lite-pytorch",
}  # fmt: skip
ASKS = "from edgekit.extras import install; print(install('train'))"


def test_the_extras_are_those_of_pyproject_and_build_is_train_and_convert() -> None:
    asked = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    there = {
        extra: {re.split(r"[=<>;\[]", line)[0] for line in asked["optional-dependencies"][extra]} for extra in EXTRAS
    }
    assert there == {extra: {CALLED.get(name, name) for name in names} for extra, names in EXTRAS.items()}
    assert asked["optional-dependencies"]["build"] == [f"{asked['name']}[train,convert]"]
    assert asked["name"] == extras.DISTRIBUTION


def test_in_a_checkout_pip_takes_the_versions_that_were_tested_together() -> None:
    assert install("train,convert") == f'pip install -c "{ROOT}/tools/constraints.txt" "{ROOT}[train,convert]"'
    assert install() == f'pip install -c "{ROOT}/tools/constraints.txt" "{ROOT}"'


@pytest.mark.parametrize(
    ("noted", "command"),
    [
        ({"url": "file:///a%20b/edgekit.whl", "archive_info": {}}, 'pip install "/a b/edgekit.whl[train]"'),
        (
            {"url": "https://x.org/e.whl", "archive_info": {}},
            'pip install "edgekit-esp32[train] @ https://x.org/e.whl"',
        ),
        (None, 'pip install "edgekit-esp32[train]"'),
    ],
)
def test_outside_a_checkout_pip_is_given_what_it_installed_edgekit_from(
    tmp_path: Path, noted: dict[str, object] | None, command: str
) -> None:
    place, info = tmp_path / "site-packages", tmp_path / "site-packages" / "edgekit_esp32-0.1.0.dist-info"
    (place / "edgekit").mkdir(parents=True)
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: edgekit-esp32\nVersion: 0.1.0\n")
    if noted is not None:
        (info / "direct_url.json").write_text(json.dumps(noted))
    for name in ("extras.py", "errors.py"):
        (place / "edgekit" / name).write_text((ROOT / "src/edgekit" / name).read_text())
    words = [sys.executable, "-P", "-S", "-c", ASKS]
    said = subprocess.run(words, env={"PYTHONPATH": str(place)}, capture_output=True, text=True, check=True).stdout
    assert said.strip() == command


def test_a_package_is_said_by_its_own_name_with_the_extra_that_brings_it() -> None:
    for package, extra in (
        ("sklearn", "[train]"),
        ("ai_edge_litert", "[convert]"),
        ("ray", "[cluster]"),
        ("click", '"'),
    ):
        assert f"{extra}" in not_installed(package).hint
    assert not_installed("ai_edge_litert").message == "LiteRT is not installed."
    assert not_installed("sklearn", "there are no digits").message == (
        "scikit-learn is not installed, without which there are no digits."
    )


def test_all_that_a_long_run_needs_is_asked_for_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    need(TO_BUILD, "no model is built")
    for name in ("torch", "onnx2tf"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EdgekitError) as raised:
        need(TO_BUILD, "no model is built")
    assert raised.value.message == "PyTorch, onnx2tf are not installed, without which no model is built."
    assert raised.value.hint == install("train,convert")


@pytest.mark.parametrize(
    "words",
    [
        ("build-model", "--recipe", "smoke", "--data", "phantom:0:40", "--out", "made"),
        ("reproduce", "--budget", "smoke", "--seeds", "0", "--out", "made"),
    ],
)
def test_a_command_that_trains_stops_in_its_first_second_where_conversion_is_not_installed(
    tmp_path: Path, words: tuple[str, ...]
) -> None:
    code = "import sys; sys.modules['onnx2tf'] = None; from edgekit.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={"PYTHONPATH": str(ROOT / "src"), "XDG_CACHE_HOME": str(tmp_path / "cache")},
    )  # fmt: skip
    assert done.returncode == 1
    first, second = done.stderr.splitlines()
    assert first.startswith("error: onnx2tf is not installed, without which ")
    assert second == f"  {install('convert')}"
    assert not (tmp_path / "made").exists()
