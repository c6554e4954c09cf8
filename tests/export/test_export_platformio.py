"""The PlatformIO library: packed, and built into somebody's project by PlatformIO itself."""

import json
import re
import shutil
import tarfile
from pathlib import Path

import pytest
from exporting import RIGHT, Export, run

from edgekit.values.shipped import shipped
from offline_platformio import need_platformio, pio


@pytest.fixture
def core(tmp_path: Path) -> Path:
    """What PlatformIO has instead of its registry: a platform that is this computer's compiler."""
    need_platformio()
    shutil.copytree(shipped("firmware") / "platform", tmp_path / "platform")
    return tmp_path / "platform/core"


@pytest.mark.parametrize("optimize", ["size", "speed"])
def test_the_example_builds_in_somebodys_project_with_o2_whatever_the_project_takes(
    tmp_path: Path, export: Export, core: Path, optimize: str
) -> None:
    library = export("platformio", "--optimize", optimize)
    stranger = tmp_path / "stranger"
    shutil.copytree(library / "examples/classify/src", stranger / "src")
    (stranger / "platformio.ini").write_text(
        f"[env:native]\nplatform = symlink://{tmp_path}/platform/hosted\nlib_deps = pet=symlink://{library}\n"
        "custom_cflags = -std=c99\nbuild_flags = -Os -Wall -Wextra -Werror -fsanitize=address,undefined\n"
    )
    said = pio(stranger, "run", "-v", "-e", "native", core=core)
    (compiled,) = (line for line in said.splitlines() if re.search(r" -c .*pet\.c$", line))
    assert re.findall(r" (-O\w)", compiled) == ["-O2"]
    assert RIGHT in run(stranger / ".pio/build/native/program")


def test_pio_packs_what_the_manifest_lists(
    tmp_path: Path, export: Export, core: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = export("platformio", "--library-version", "1.2.3", "--url", "https://example.net/pet")
    monkeypatch.setenv("PLATFORMIO_CORE_DIR", str(core))
    from platformio.package.manifest.schema import ManifestSchema
    from platformio.package.pack import PackagePacker

    licences = {"licenses": [{"licenseId": "Apache-2.0"}]}  # in place of the list that is downloaded
    monkeypatch.setattr(ManifestSchema, "load_spdx_licenses", staticmethod(lambda: licences))
    PackagePacker(str(library)).pack(str(tmp_path / "packed.tar.gz"))
    with tarfile.open(tmp_path / "packed.tar.gz") as archive:
        names = set(archive.getnames())
        manifest = json.load(archive.extractfile("library.json") or pytest.fail("no manifest"))
    assert (manifest["name"], manifest["version"]) == ("pet", "1.2.3")
    (example,) = manifest["examples"]
    listed = {f"{example['base']}/{file}" for file in example["files"]}
    assert listed | {"include/pet.h", "include/pet_io.h", "src/pet.c", "README.md", "LICENSE", "MODEL.md"} <= names
    for header in manifest["headers"]:
        assert (library / "include" / header).is_file()
    assert "lib_deps = pet=symlink://../.." in (library / "examples/classify/platformio.ini").read_text()
