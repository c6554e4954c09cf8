"""What a person sees while a board works."""

from rich.console import Console

from edgekit.device.client import LinkCounts
from edgekit.device.evaluate import Agreement, DeviceRun
from edgekit.device.view import LiveScore, device_facts
from edgekit.values.evaluation import Prediction, Threshold
from edgekit.values.task import CHEST_XRAY
from terminal import printed

ONE_OF_EACH = (  # label, margin: with a threshold of 5 a hit, a false alarm, a miss, a rejection
    Prediction("a", 1, (0, 9), 100),
    Prediction("b", 0, (0, 5), 200),
    Prediction("c", 1, (0, 4), 300),
    Prediction("d", 0, (9, 0), 400),
)


def text_of(shown: object) -> str:
    console = Console(width=80, record=True, quiet=False, file=open("/dev/null", "w"))  # noqa: PTH123, SIM115
    console.print(shown)
    return console.export_text()


def test_the_live_lines_tell_accuracy_confusion_rate_retries_and_latency_in_80_columns() -> None:
    live = LiveScore(624, CHEST_XRAY, Threshold(0.9, 5), "us", quiet=True)
    for one in ONE_OF_EACH:
        live(one, LinkCounts(retries=3))
    said = text_of(live)
    assert "4/624" in said
    assert "images/s" in said
    assert "3 retries" in said
    assert "accuracy 0.500  tp 1  fp 1  fn 1  tn 1  p50 200  p95 400 us" in said
    for number in range(620):
        live(Prediction(str(number), 1, (0, 9), 2_345_678), LinkCounts(retries=123))
    assert text_of(live).count("\n") == 2  # nothing wraps, nothing is cut
    assert "p95 2,345,678 us" in text_of(live)


def test_what_an_earlier_run_did_counts_in_the_score_but_not_in_the_rate() -> None:
    live = LiveScore(5, CHEST_XRAY, Threshold(0.9, 5), "us", quiet=True)
    live.resumed(ONE_OF_EACH)
    assert "4/5" in text_of(live)
    assert "accuracy 0.500" in live.line()
    assert "images/s" not in text_of(live)


def test_the_first_images_that_differ_are_named_and_the_rest_are_counted() -> None:
    names = tuple(f"test/{number}.png" for number in range(25))
    board = {"board": "emulated", "chip": "xtensa de212", "backend": "aot", "arena_bytes": 9000}
    run = DeviceRun(ONE_OF_EACH, board, LinkCounts(), 1.0)
    said = printed([device_facts(run, Agreement(30, 5, names))], 80)
    assert "test/19.png" in said
    assert "test/20.png" not in said
    assert "and 5 more" in said
    assert "not a real board" in said
    assert run.runtime == "emulated xtensa de212"
