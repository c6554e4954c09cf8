"""A whole evaluation: cut off and resumed, compared, reported."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from edgekit.cli.device import eval_device_command
from edgekit.device import firmware
from edgekit.device.client import Client
from edgekit.device.connection import check_model
from edgekit.device.evaluate import evaluate_on_desktop, evaluate_on_device
from edgekit.device.link import open_link
from edgekit.errors import EdgekitError
from edgekit.metrics.scores import score
from edgekit.testing.fault_proxy import FaultProxy
from edgekit.values.codec import to_document
from edgekit.values.device_run import Agreement, agreement, board_report, latency
from edgekit.values.evaluation import Prediction, Threshold
from edgekit.values.images import DataInfo, ImageSet
from edgekit.values.model import TfliteModel

INT8 = Path(__file__).parents[1] / "vectors/student/int8.tflite"


def test_every_image_agrees_with_the_desktop(
    client: Client, model: TfliteModel, xrays: ImageSet, data_info: DataInfo, tmp_path: Path
) -> None:
    run = evaluate_on_device(client, model, xrays, data_info, state_dir=tmp_path)
    host = evaluate_on_desktop(model, xrays).predictions
    assert agreement(run.predictions, host) == Agreement(100, 100, ())
    assert [p.id for p in run.predictions] == list(xrays.ids)
    assert [p.label for p in run.predictions] == xrays.labels.tolist()
    logits = np.array([p.logits for p in run.predictions])
    scored = score(logits, xrays.labels, Threshold(0.5, 1), runtime="aot", model_sha256="", data=data_info)
    plain = to_document(board_report(run, agreement(run.predictions, host), scored))
    assert (plain["schema_version"], plain["n"]) == (1, 100)
    assert plain["agreement"]["identical"] == 100
    assert plain["device"]["board"] == "native"
    assert plain["link"]["broken_frames"] == 0
    assert plain["link"]["bytes"] > 100 * 1024
    assert 0 < plain["latency_us"]["p50"] <= plain["latency_us"]["p95"]
    assert json.dumps(plain)
    assert not list(tmp_path.iterdir())  # a finished evaluation leaves no state


def test_images_on_which_device_and_desktop_differ_are_named() -> None:
    host = (Prediction("a", 0, (1, 2)), Prediction("b", 1, (3, 4)), Prediction("c", 1, (5, 6)))
    device = (Prediction("b", 1, (3, 5), 10), Prediction("a", 0, (1, 2), 10))
    assert agreement(device, host) == Agreement(2, 1, ("b",))


def test_latency_takes_nearest_ranks() -> None:
    times = latency(tuple(Prediction(str(n), 0, (0, 0), n) for n in range(1, 101)))
    assert times is not None
    assert (times.p50, times.p95, times.min, times.max) == (50, 95, 1, 100)
    assert latency((Prediction("a", 0, (0.0, 1.0)),)) is None


def cut_after(count: int, act: Callable[[], None]) -> Callable[[Prediction, object], None]:
    seen = 0

    def progress(prediction: Prediction, counts: object) -> None:
        nonlocal seen
        seen += 1
        if seen == count:
            act()

    return progress


def test_a_board_that_vanishes_is_reported_at_once_and_resume_completes_it(
    native: Path, model: TfliteModel, xrays: ImageSet, data_info: DataInfo, tmp_path: Path
) -> None:
    process = subprocess.Popen([native, "0"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process:
        client = Client(open_link(process.stdout.readline().strip()))
        begin = time.monotonic()
        with pytest.raises(EdgekitError, match="vanished") as caught:
            evaluate_on_device(
                client, model, xrays, data_info, state_dir=tmp_path, at="bench", progress=cut_after(40, process.kill)
            )
    assert time.monotonic() - begin < 10
    assert "--resume" in caught.value.hint
    with firmware.running(native) as port:
        sent: list[Prediction] = []
        fresh = Client(open_link(port))
        run = evaluate_on_device(
            fresh,
            model,
            xrays,
            data_info,
            resume=True,
            state_dir=tmp_path,
            at="bench",
            progress=lambda p, _: sent.append(p),
        )
    assert run.resumed >= 40
    assert len(sent) == 100 - run.resumed
    assert agreement(run.predictions, evaluate_on_desktop(model, xrays).predictions).identical == 100


def test_a_board_that_restarts_in_the_middle_is_recognised_and_resume_completes_it(
    native: Path,
    through: Callable[..., Client],
    model: TfliteModel,
    xrays: ImageSet,
    data_info: DataInfo,
    tmp_path: Path,
) -> None:
    client = through()
    with firmware.running(native) as restarted:

        def restart() -> None:
            client.proxy.redirect(restarted)  # type: ignore[attr-defined]

        begin = time.monotonic()
        with pytest.raises(EdgekitError, match="restarted in the middle"):
            evaluate_on_device(
                client, model, xrays, data_info, state_dir=tmp_path, at="b", progress=cut_after(20, restart)
            )
        assert time.monotonic() - begin < 10
        run = evaluate_on_device(
            Client(open_link(restarted_port(client))),
            model,
            xrays,
            data_info,
            resume=True,
            state_dir=tmp_path,
            at="b",
        )
    assert run.resumed >= 20
    assert len(run.predictions) == 100


def restarted_port(client: Client) -> str:
    host, number = client.proxy.target  # type: ignore[attr-defined]
    client.proxy.close()  # type: ignore[attr-defined]
    return f"socket://{host}:{number}"


def test_ctrl_c_keeps_what_is_done(
    client: Client, model: TfliteModel, xrays: ImageSet, data_info: DataInfo, tmp_path: Path
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate_on_device(client, model, xrays, data_info, state_dir=tmp_path, progress=cut_after(7, interrupt))
    assert evaluate_on_device(client, model, xrays, data_info, state_dir=tmp_path, resume=True).resumed == 7


def test_another_model_on_the_board_than_on_the_desk_is_refused(client: Client) -> None:
    from edgekit.tflite.model import read_tflite

    other = read_tflite(INT8.read_bytes() + b"\0")
    with pytest.raises(EdgekitError, match=r"The board holds the model \w{12}, this computer has"):
        check_model(client.hello(), other)


def evaluated(*arguments: str) -> dict[str, Any]:
    words = ["--model", str(INT8), "--data", "phantom:3:40", "--json", *arguments]
    done = CliRunner().invoke(eval_device_command, words, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def test_eval_device_prints_the_metrics_and_the_agreement(board: str, tmp_path: Path) -> None:
    answer = evaluated("--port", board, "--limit", "8", "--report", str(tmp_path / "report.json"))
    assert list(answer)[-4:] == ["agreement", "device", "link", "latency_us"]
    assert answer["agreement"] == {"images": 8, "identical": 8, "differing": []}
    assert answer["n"] == 8
    assert answer["device"]["chip"] == answer["runtime"] == "native"
    assert {"accuracy", "auc", "confusion", "intervals", "link", "latency_us"} <= answer.keys()
    report = json.loads((tmp_path / "report.json").read_text())
    assert report.pop("page")["title"] == "phantom on native"
    assert report == answer


def test_a_line_with_one_bad_byte_in_1000_costs_retries_and_no_output(board: str) -> None:
    proxy = FaultProxy(board, damage=0.001, delay_s=0.0005, split=True, seed=5)
    answer = evaluated("--port", proxy.port, "--data", "phantom:3:520")
    proxy.close()
    assert answer["n"] >= 100
    assert answer["agreement"]["identical"] == answer["agreement"]["images"] == answer["n"]
    assert proxy.damaged > 50
    assert answer["link"]["retries"] > 20


def test_eval_device_falls_back_to_the_desktop_and_scores_the_same(board: str) -> None:
    device, host = evaluated("--port", board), evaluated("--port", "desktop")
    assert host["runtime"] == host["device"]["backend"] == "tflm"
    assert host["device"]["board"] == "desktop"
    assert host.keys() == device.keys()
    assert 0 < host["latency_us"]["p50"] <= host["latency_us"]["p95"]
    assert {name: device[name] for name in ("n", "accuracy", "auc", "confusion")} == {
        name: host[name] for name in ("n", "accuracy", "auc", "confusion")
    }


def test_a_wrong_port_is_named_before_anything_is_loaded_or_run() -> None:
    with pytest.raises(EdgekitError, match="no port /dev/ttyNOPE"):
        evaluated("--port", "/dev/ttyNOPE", "--data", "no/such/folder")


def test_a_report_that_cannot_be_written_is_refused_before_the_board_is_asked(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way of a folder")
    arguments = ["--model", str(INT8), "--port", "/dev/ttyNOPE", "--report", str(tmp_path / "file/report.json")]
    done = CliRunner().invoke(eval_device_command, arguments)
    assert done.exit_code == 1
    assert "report.json cannot be written" in str(done.exception)


def test_a_killed_evaluation_is_completed_by_resume(native: Path, tmp_path: Path) -> None:
    slow = ["--model", str(INT8), "--data", "phantom:3:520", "--json"]
    state = {**environment(), "XDG_STATE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "edgekit", "eval-device", *slow]
    with firmware.running(native) as port:
        crawling = FaultProxy(port, delay_s=0.02, split=False)
        killed = subprocess.Popen([*command, "--port", crawling.port], env=state, stdout=subprocess.DEVNULL)
        until = time.monotonic() + 60
        while not list((tmp_path / "edgekit").glob("eval-*.state")):  # written every second
            assert killed.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        killed.kill()
        killed.wait()
        crawling.close()
        quick = FaultProxy(port, at=int(crawling.port.rpartition(":")[2]))  # the same board, by its port
        done = subprocess.run([*command, "--port", quick.port, "--resume"], env=state, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert 0 < answer["link"]["resumed"] < answer["n"]
    assert answer["agreement"]["identical"] == answer["n"]


def test_ctrl_c_says_how_to_go_on(board: str, tmp_path: Path) -> None:
    crawling = FaultProxy(board, delay_s=0.05)
    command = [sys.executable, "-m", "edgekit", "eval-device", "--model", str(INT8), "--data", "phantom:3:520"]
    state = {**environment(), "XDG_STATE_HOME": str(tmp_path)}
    with subprocess.Popen([*command, "--port", crawling.port], env=state, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while not list((tmp_path / "edgekit").glob("eval-*.state")):
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 130
    assert said.splitlines()[-1].startswith("Stopped. What is done is kept")
    assert "--resume" in said
    crawling.close()


def test_eval_device_shows_a_person_the_device(board: str) -> None:
    arguments = ["--model", str(INT8), "--data", "phantom:3:40", "--limit", "6", "--port", board]
    done = CliRunner().invoke(eval_device_command, arguments, catch_exceptions=False)
    assert "6 of 6 images give the desktop's bytes" in done.stdout


def test_talking_to_a_board_loads_neither_torch_nor_tensorflow(board: str) -> None:
    program = (
        "import sys; from edgekit.cli.device import eval_device_command\n"
        "eval_device_command(sys.argv[1:], standalone_mode=False)\n"
        "print(sorted({'torch', 'tensorflow', 'onnx'} & set(sys.modules)), file=sys.stderr)"
    )
    arguments = ["--model", str(INT8), "--data", "phantom:3:40", "--limit", "2", "--port", board]
    source = str(Path(__file__).parents[2] / "src")
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env={**environment(), "PYTHONPATH": source},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().endswith("[]")


def environment() -> Mapping[str, str]:
    import os

    return os.environ
