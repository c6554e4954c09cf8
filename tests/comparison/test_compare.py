"""Two files of a model each, side by side: real models, and evaluations as the commands print them."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edgekit.comparison.compare import compare
from edgekit.compile import CompileOptions, compile_model
from edgekit.compile.inspection import inspected, inspection_json
from edgekit.compile.program import program_json
from edgekit.errors import EdgekitError
from edgekit.files import write_json
from edgekit.metrics.scores import score
from edgekit.values.codec import to_document, to_json
from edgekit.values.comparison import Comparison, Difference
from edgekit.values.evaluation import EvalReport, Threshold, ValuesReport
from edgekit.values.images import DataInfo
from edgekit.values.task import CHEST_XRAY, Task

MODELS = Path(__file__).resolve().parents[2] / "models"
STUDENT = MODELS / "chest_xray" / "student_int8.tflite"
BOTH = Task(("cat", "dog"), positive="dog")
THREE = Task(("ant", "bee", "cow"))
LABELS = np.arange(300) % 3
RNG = np.random.default_rng(3)
GOOD, BAD = (np.eye(3)[LABELS] * size + RNG.normal(size=(300, 3)) for size in (3.0, 1.0))


def report(
    logits: NDArray[Any], labels: NDArray[np.int64] = LABELS, task: Task = THREE, name: str = "farm",
    fingerprint: str = "aa", first: int = 0,
) -> EvalReport:  # fmt: skip
    ids = [f"{row + first:04d}.png" for row in range(len(labels))]
    data = DataInfo(name, fingerprint, False, task)
    threshold = Threshold(0.5, 0) if task.positive else None
    return score(logits, labels, threshold, data=data, runtime="tflm", model_sha256="ab" * 32, ids=ids)


def saved(path: Path, one: EvalReport | ValuesReport, **more: Any) -> Path:
    write_json(path, {**to_document(one), **to_json(more)})
    return path


def both(folder: Path, one: EvalReport | ValuesReport, other: EvalReport | ValuesReport) -> Comparison:
    return compare(saved(folder / "a.json", one), saved(folder / "b.json", other))


def row(found: Comparison, name: str) -> Difference:
    return next(one for one in found.differences if one.name == name)


def compiled(path: Path, **options: Any) -> Path:
    write_json(path, to_json(program_json(compile_model(STUDENT, CompileOptions(**options)), None, 45_392)))
    return path


def profile(path: Path, **changes: Any) -> Path:
    """As `profile --json` prints one, of so many layers as the comparison reads."""
    device = {"board": "emulated", "chip": "esp32"}
    options = to_json(CompileOptions(target="esp32"))
    total = {"estimated_ms": 24.7, "cycles": 5_918_297, "macs": 9, "instructions": 4_943_580, "us": None}
    values = {"model_sha256": "ab", "options": options, "flash_mode": "dio40", "device": device, "total": total}
    write_json(path, {**values, "layers": [{"op": "CONV_2D + MAX_POOL_2D"}], **changes})
    return path


def test_two_models_of_the_same_images_are_tested_pair_by_pair(tmp_path: Path) -> None:
    found = both(tmp_path, report(BAD), report(GOOD))
    assert found.mcnemar is not None
    right = [logits.argmax(axis=1) == LABELS for logits in (BAD, GOOD)]
    assert found.mcnemar.images == 300
    assert found.mcnemar.only_b == int((right[1] & ~right[0]).sum())
    accuracy = row(found, "accuracy")
    assert accuracy.difference == pytest.approx(right[1].mean() - right[0].mean())
    assert (accuracy.noise, accuracy.p) == ("beyond", found.mcnemar.p)
    assert accuracy.interval is not None
    assert 0 < accuracy.interval[0] < accuracy.difference < accuracy.interval[1]
    bee = row(found, "recall:bee")
    of_bees = int((right[1] & ~right[0])[LABELS == 1].sum()), int((right[0] & ~right[1])[LABELS == 1].sum())
    assert bee.title == "recall of bee"
    assert bee.p is not None
    assert (bee.p < 0.05) == (bee.noise == "beyond")
    assert of_bees[0] > of_bees[1]


def test_a_difference_of_one_image_is_within_noise(tmp_path: Path) -> None:
    one, other = GOOD.copy(), GOOD.copy()
    other[np.flatnonzero(one.argmax(axis=1) == LABELS)[0]] *= -1
    found = both(tmp_path, report(one), report(other))
    assert {each.noise for each in found.differences} == {"within"}
    assert row(found, "accuracy").p == 1.0
    assert row(found, "accuracy").difference == pytest.approx(-1 / 300)


def test_pairs_give_a_narrower_interval_than_two_models_taken_for_independent(tmp_path: Path) -> None:
    close = GOOD + np.random.default_rng(1).normal(scale=0.3, size=GOOD.shape)
    paired = both(tmp_path, report(GOOD), report(close))
    apart = both(tmp_path, replace(report(GOOD), answers=None), report(close))
    assert apart.mcnemar is None
    assert apart.notes[0].startswith("A holds no answers to single images")
    for name in ("accuracy", "auc", "auc:bee", "f1", "precision:cow"):
        one, other = row(paired, name), row(apart, name)
        assert one.difference == pytest.approx(other.difference)
        assert one.interval is not None
        assert other.interval is not None
        assert one.interval[1] - one.interval[0] < 0.9 * (other.interval[1] - other.interval[0]), name


def test_models_that_saw_some_images_in_common_are_compared_on_those(tmp_path: Path) -> None:
    found = both(tmp_path, report(GOOD), report(BAD[100:200], LABELS[100:200], first=100))
    assert found.mcnemar is not None
    assert found.mcnemar.images == 100
    assert row(found, "accuracy").a == float((GOOD.argmax(axis=1) == LABELS)[100:200].mean())
    assert found.notes == ("Figures are of the 100 images that both saw; A saw 300, B 100.",)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        ({"name": "zoo", "fingerprint": "bb"}, "Different data sets, farm and zoo"),
        ({"fingerprint": "bb"}, "(of one name, but of other files)"),
        ({"first": 1000}, "no image in common"),
    ],
)
def test_other_data_give_no_test_and_no_interval(tmp_path: Path, other: dict[str, Any], says: str) -> None:
    found = both(tmp_path, report(BAD), report(GOOD, **other))
    assert found.mcnemar is None
    assert {(one.noise, one.interval) for one in found.differences} == {("untested", None)}
    assert row(found, "accuracy").difference is not None
    assert says in found.notes[0]


def test_classes_are_joined_by_name_whatever_their_order_and_case(tmp_path: Path) -> None:
    order = np.array([2, 0, 1])
    turned = report(GOOD[:, order], np.argsort(order)[LABELS], Task(("COW", "ant", "Bee")))
    found = both(tmp_path, report(GOOD), turned)
    assert {one.difference for one in found.differences} == {0.0}
    assert found.mcnemar is not None
    assert (found.mcnemar.only_a, found.mcnemar.only_b) == (0, 0)


def test_a_task_with_a_positive_label_has_its_own_figures_and_paired_tests(tmp_path: Path) -> None:
    labels = np.arange(200) % 2
    logits = [np.round(8 * (np.eye(2)[labels] * size + RNG.normal(size=(200, 2)))).astype(int) for size in (0.7, 3.0)]
    found = both(tmp_path, *(report(one, labels, BOTH) for one in logits))
    assert {one.name for one in found.differences if one.p is not None} == {"accuracy", "recall", "specificity"}
    assert not any(":" in one.name for one in found.differences)
    assert row(found, "auc").noise == "beyond"


def test_a_threshold_and_the_greater_output_are_compared_by_the_figures_of_all_classes(tmp_path: Path) -> None:
    logits, labels = GOOD[:, :2] - (0.0, 1.0), LABELS % 2
    found = both(tmp_path, report(logits, labels, BOTH), report(logits[:, ::-1], 1 - labels, Task(("Dog", "Cat"))))
    assert found.notes == (
        "A looks for dog, B for no class: figures are of all classes, by each model's own decision.",
    )
    assert row(found, "recall:cat").p == 1.0
    assert {one.difference for one in found.differences} == {0.0}


def test_models_of_different_tasks_are_refused(tmp_path: Path) -> None:
    other = Task(("ant", "bee", "hen"))
    with pytest.raises(EdgekitError, match=r"these are different tasks"):
        both(tmp_path, report(GOOD), report(GOOD, task=other))
    labels = LABELS % 2
    one, other = (replace(report(GOOD[:, :2], labels, task), answers=None) for task in (BOTH, Task(("cat", "dog"))))
    with pytest.raises(EdgekitError, match="A looks for dog, B for no class"):
        both(tmp_path, one, other)
    with pytest.raises(EdgekitError, match=r"the outputs of .* are no classes"):
        both(tmp_path, report(GOOD), values(0.5))
    with pytest.raises(EdgekitError, match=r"NORMAL, PNEUMONIA apart, .* NORMAL, BACTERIA, VIRUS"):
        compare(MODELS / "chest_xray", MODELS / "chest_xray_3")


def values(mse: float) -> ValuesReport:
    return ValuesReport(9, 4, mse, 0.1, 0.9, "y", 0.1, "tflm", "ab" * 32, "sines.npz")


def test_outputs_that_are_no_classes_differ_by_their_errors_untested(tmp_path: Path) -> None:
    found = both(tmp_path, values(0.5), values(0.6))
    assert row(found, "mse").difference == pytest.approx(0.1)
    assert row(found, "mse").noise == "untested"
    assert both(tmp_path, values(0.5), values(float("nan"))).differences[0].difference is None


def test_one_image_with_two_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EdgekitError, match=r"says that 0000\.png is ant, .* that it is bee"):
        both(tmp_path, report(GOOD), report(GOOD, (LABELS + 1) % 3))


def test_a_model_brings_its_costs_and_the_figures_of_its_card(tmp_path: Path) -> None:
    found = compare(MODELS / "chest_xray", MODELS / "chest_xray" / "card.json", options=CompileOptions(target="esp32"))
    assert (found.a.kind, found.b.kind) == ("model", "card")
    assert found.a.facts["figures"] == "of the card beside it"
    assert found.domain == CHEST_XRAY.domain
    assert {row(found, name).difference for name in ("accuracy", "bytes", "parameters", "macs", "ram")} == {0.0}
    assert row(found, "ms").noise == "estimated"
    assert row(found, "flash").why == "B does not tell"
    assert found.operators == ()


def test_a_model_its_inspection_and_its_compilation_tell_the_same(tmp_path: Path) -> None:
    options = CompileOptions()
    write_json(tmp_path / "inspected.json", inspection_json(inspected(STUDENT, options), options))
    inspection = compare(STUDENT, tmp_path / "inspected.json")
    compilation = compare(STUDENT, compiled(tmp_path / "compiled.json"))
    for found, names in (
        (inspection, {"bytes", "parameters", "macs", "ram", "ms", "cycles", "tflm_arena"}),
        (compilation, {"macs", "ram", "ms", "cycles", "tflm_arena"}),
    ):
        assert {one.name for one in found.differences if one.difference == 0.0} >= names
        assert not [note for note in found.notes if "Different" in note]


def test_a_model_without_a_card_is_evaluated_where_data_are_named(tmp_path: Path) -> None:
    shutil.copy(STUDENT, tmp_path / "mine.tflite")
    found = compare(STUDENT, tmp_path / "mine.tflite", data="phantom:0:40")
    assert found.mcnemar is not None
    assert found.b.facts["runtime"] == "tflm"
    with pytest.raises(EdgekitError, match=r"card\.json is no \.tflite, so it cannot be evaluated on phantom"):
        compare(STUDENT, MODELS / "chest_xray" / "card.json", data="phantom")


def test_other_options_are_named_and_other_flash_modes_give_no_difference_of_time(tmp_path: Path) -> None:
    found = compare(compiled(tmp_path / "a.json"), compiled(tmp_path / "b.json", flash_mode="qio80", optimize="speed"))
    assert row(found, "ms").difference is None
    assert row(found, "ms").why == (
        "A: classic ESP32, flash at dio40, planned; B: classic ESP32, flash at qio80, planned"
    )
    assert row(found, "ram").difference is not None
    assert [note.partition(":")[0] for note in found.notes] == [
        "Different flash mode, dio40 and qio80", "Different optimize, size and speed",
    ]  # fmt: skip


def test_an_emulated_board_and_a_real_one_are_named_and_their_times_kept_apart(tmp_path: Path) -> None:
    latency = {"p50": 25_000, "p95": 26_000, "min": 24_000, "max": 27_000}
    for name, board in (("real", "real"), ("emulated", "emulated")):
        device = {"board": board, "chip": "esp32"}
        saved(tmp_path / f"{name}.json", report(GOOD), device=device, latency_us=latency)
    found = compare(tmp_path / "real.json", tmp_path / "emulated.json")
    assert row(found, "board_ms").a == 25.0
    assert row(found, "board_ms").b is None
    assert any("real esp32 and emulated Espressif's QEMU" in note for note in found.notes)
    measured = profile(tmp_path / "p.json", device={"board": "real", "chip": "esp32"}, total={"us": 24_700.0})
    found = compare(tmp_path / "real.json", measured)
    assert row(found, "board_ms").difference is None
    assert "one run with a profile's hooks" in row(found, "board_ms").why


def test_time_that_is_planned_is_not_compared_with_time_that_is_counted(tmp_path: Path) -> None:
    found = compare(compiled(tmp_path / "a.json", target="esp32"), profile(tmp_path / "b.json"))
    assert row(found, "ms").difference is None
    assert "counted on an emulated core" in row(found, "ms").why
    same = compare(profile(tmp_path / "c.json"), profile(tmp_path / "b.json", layers=[{"op": "ADD"}, {"op": "ADD"}]))
    assert row(same, "instructions").difference == 0.0
    assert [(one.operator, one.a, one.b) for one in same.operators] == [
        ("ADD", 0, 2), ("CONV_2D", 1, 0), ("MAX_POOL_2D", 1, 0),
    ]  # fmt: skip


def test_a_model_that_does_not_compile_says_why(tmp_path: Path) -> None:
    options = CompileOptions()
    content = json.loads(json.dumps(inspection_json(inspected(STUDENT, options), options)))
    broken = {**content, "obstacles": ["FFT2D (operator 3) is not supported. Leave it out."], "total": {}}
    for name in ("flash_mode", "flash_bytes", "code_bytes", "apart_ram_bytes", "tflm_arena_bytes"):
        broken[name] = None
    write_json(tmp_path / "b.json", broken)
    found = compare(STUDENT, tmp_path / "b.json")
    assert f"{tmp_path / 'b.json'} does not compile: FFT2D (operator 3) is not supported. Leave it out." in found.notes
    assert row(found, "ms").why == "B does not tell"


def changed(path: Path, **changes: Any) -> Path:
    write_json(path, {**json.loads(path.read_text()), **changes})
    return path


def evaluation(folder: Path) -> Path:
    return saved(folder / "one.json", report(GOOD))


def bad_files(folder: Path) -> Sequence[tuple[Path, str]]:
    (folder / "cut.json").write_bytes(evaluation(folder).read_bytes()[:-400])
    (folder / "other.json").write_text('{"hello": 1}')
    (folder / "list.json").write_text("[1, 2]")
    (folder / "text.md").write_text("# hello")
    (folder / "not.tflite").write_bytes(b"x" * 400)
    answers = to_json(report(GOOD).answers)
    return (
        (folder / "cut.json", "neither a .tflite nor whole JSON"),
        (folder / "other.json", "says nothing of a model's quality or cost"),
        (folder / "list.json", "says nothing of a model's quality or cost"),
        (folder / "text.md", "neither a .tflite nor whole JSON"),
        (folder / "not.tflite", "not.tflite"),
        (folder / "absent.json", "cannot be read"),
        (changed(saved(folder / "n.json", report(GOOD)), accuracy="high"), "accuracy takes a number, not 'high'"),
        (changed(saved(folder / "v.json", report(GOOD)), schema_version=99), "schema_version 99"),
        (
            changed(saved(folder / "s.json", report(GOOD)), answers={**answers, "labels": answers["labels"][1:]}),
            "not one of each for every image",
        ),
        (
            changed(saved(folder / "c.json", report(GOOD)), answers={**answers, "labels": [9, *answers["labels"][1:]]}),
            "answers are of other classes than its task's",
        ),
        (profile(folder / "d.json", device={}), "does not say what board it is of: device has no 'board'"),
        (profile(folder / "t.json", total={"macs": -4}), "total.macs=-4 is out of range"),
        (changed(compiled(folder / "k.json"), options={}), "options.target is missing"),
    )


def test_damaged_files_and_files_of_another_kind_are_named_with_what_is_wrong(tmp_path: Path) -> None:
    good = evaluation(tmp_path)
    for path, says in bad_files(tmp_path):
        with pytest.raises(EdgekitError) as caught:
            compare(good, path)
        assert says in caught.value.message, path
        assert path.name in caught.value.message
        assert caught.value.hint
