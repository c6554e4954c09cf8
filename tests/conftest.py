"""Fixtures that more than one room needs."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from bare_environment import BareEnvironment, built, copied, make
from edgekit.boards import emulators
from smoke_build import Said, Smoke

REPOSITORY = Path(__file__).resolve().parents[1]
# Of itself it hangs up 3 s after the end of a part, which a busy machine may take to send the next.
_BOOTLOADER = "from esp32_mock_bootloader import cli, registers, server; server._FLASH_END_IDLE_SEC = 600; cli.main()"
# bit 0 of the eFuses' word 3 at 0x3ff5a00c: the chip has no second core
_ONE_CORE = _BOOTLOADER.replace("cli.main", "registers.rom_profile('esp32')[0x3ff5a00c] = 1; cli.main")

# A shell starts what it puts in the background with Ctrl-C ignored, and every program that a test starts would inherit
# that: the tests that press Ctrl-C want it to work.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def xray_folder() -> Path:
    """The real X-rays: at EDGEKIT_XRAYS, or beside the repository."""
    folder = Path(os.environ.get("EDGEKIT_XRAYS", REPOSITORY.parent / "shared" / "data" / "chest_xray"))
    if not folder.is_dir():
        pytest.skip(f"the real X-rays are not at {folder}; set EDGEKIT_XRAYS to their folder")
    return folder


@pytest.fixture(scope="session")
def build_cpp(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Compiles C++ of the repository with this computer's compiler, under the sanitizers; returns the program."""

    def build(*sources: str, flags: tuple[str, ...] = ()) -> Path:
        program = tmp_path_factory.mktemp("cpp") / "program"
        include = [f"-Ifirmware/lib/{lib}/src" for lib in ("wire", "app")]
        warnings = ("-std=c++17", "-O1", "-g", "-Wall", "-Wextra", "-Werror")
        sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
        command = ["g++", *warnings, *sanitizers, *include, *flags, *sources, "-o", str(program)]
        done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return program

    return build


@pytest.fixture
def old_qemu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The first QEMU on the PATH says that it is of this version, which takes no plugins as edgekit's is given."""
    version = "5.2"
    program = tmp_path / "old" / "qemu-system-xtensa"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho 'QEMU emulator version {version}.0 (Debian 1:5.2+dfsg-11)'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    emulators.qemu_version.cache_clear()
    yield version
    emulators.qemu_version.cache_clear()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    made = subprocess.run(command, check=False, capture_output=True, text=True)
    if made.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {made.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.fixture(scope="session")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Smoke:
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # shared by the workers
    made = Smoke(base / "smoke" / "out", base / "smoke" / "cache")
    made.cache.mkdir(parents=True, exist_ok=True)
    with FileLock(made.cache / "lock"):
        if not (made.out / "card.md").exists():
            process = made.start(made.out)
            _, said = process.communicate(timeout=240)
            assert process.returncode == 0, said
    return made


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> BareEnvironment:
    """edgekit from its wheel, in an environment without any of its extras."""
    base = tmp_path_factory.getbasetemp()
    base = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "installed"  # shared by the workers
    base.mkdir(exist_ok=True)
    with FileLock(base / "lock"):
        if not (base / "whole").exists():
            make(built("wheel", copied(base / "tree"), base / "wheel"), base)
            (base / "whole").touch()
    return BareEnvironment(base / "environment", base / "cache")


@pytest.fixture
def edgekit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Runs the command line in this process; an exception that is not an exit fails the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user-cache"))

    def run(*words: object) -> Said:
        from edgekit.cli.main import main

        monkeypatch.setattr(sys, "argv", ["edgekit", *map(str, words)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as end:
            code = int(end.code or 0)
        return Said(code, *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def student() -> Any:
    """A `SmallStudent`, trained and converted once."""
    from small_student import small_student  # torch and tensorflow: only where it is asked for

    return small_student()


@pytest.fixture
def bootloader() -> Iterator[Callable[[str], str]]:
    """Starts a chip that waits in its bootloader and gives its port. `one_core`: an ESP32's eFuses say so."""
    processes = []

    def start(chip: str, one_core: bool = False) -> str:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            number = listener.getsockname()[1]
        if importlib.util.find_spec("esp32_mock_bootloader") is None:
            pytest.skip("esp32-mock-bootloader is not installed")
        words = ("run", "--chip", chip, "--port", str(number))
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", _ONE_CORE if one_core else _BOOTLOADER, *words],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
            )
        )
        assert b"listening" in processes[-1].stdout.readline()
        return f"socket://127.0.0.1:{number}"

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()
