"""Recipes: valid, typed, told apart by name, and the paper's is the paper's."""

import json
import typing
from pathlib import Path
from typing import Annotated, Any

import pytest

from edgekit.errors import EdgekitError
from edgekit.recipes.reading import BUILTIN, Leaf, leaves, recipe_named, recipe_of
from edgekit.values.codec import to_json
from edgekit.values.limits import Between


def limits_of(leaf: Leaf) -> tuple[Any, ...]:
    return typing.get_args(leaf.hint) if typing.get_origin(leaf.hint) is Annotated else (leaf.hint,)


@pytest.mark.parametrize("name", BUILTIN)
def test_every_recipe_is_valid_and_comes_back_from_json(name: str) -> None:
    recipe = recipe_named(name)
    assert recipe.name == name
    again = recipe_of(json.loads(json.dumps(to_json(recipe))))
    assert again == recipe
    assert json.dumps(to_json(again)) == json.dumps(to_json(recipe))  # 12 and 12.0 would be two keys of one stage


@pytest.mark.parametrize("name", BUILTIN)
def test_every_field_can_be_set_to_its_own_value_by_name_and_leaves_its_range_in_words(name: str) -> None:
    recipe = recipe_named(name)
    limited = 0
    for leaf in leaves(recipe):
        text = ",".join(map(str, leaf.value)) if isinstance(leaf.value, tuple) else str(leaf.value)
        assert recipe_named(name, [f"{leaf.path}={text}"]) == recipe, leaf.path
        kind, *limits = limits_of(leaf)
        for limit in limits:
            if isinstance(limit, Between):
                above = limit.high * 2 + 1
                whole = kind in (int, tuple[int, ...])
                for value in (int(above) if whole else above, *(() if whole else ("nan", "inf"))):
                    with pytest.raises(EdgekitError, match=f"{leaf.path}=.* is out of range"):
                        recipe_named(name, [f"{leaf.path}={value}"])
                    limited += 1
        if "Literal" in str(kind):
            with pytest.raises(EdgekitError, match=f"{leaf.path} cannot be 'nonsense'"):
                recipe_named(name, [f"{leaf.path}=nonsense"])
            limited += 1
    assert limited > 100


@pytest.mark.parametrize("name", ["../../elsewhere", "/etc/edgekit", "..", ".", "", "a\\b", "a/b", "a\0b", "a\x1b[2J"])
def test_a_recipe_whose_name_would_write_elsewhere_is_refused_by_its_field(name: str, tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps({**to_json(recipe_named("smoke")), "name": name}))
    for refused in (lambda: recipe_named(str(path)), lambda: recipe_named("smoke", [f"name={name}"])):
        with pytest.raises(EdgekitError, match="name must be the name of a file without a folder") as error:
            refused()
        assert error.value.hint == "It takes a name without a folder."


def test_a_saved_recipe_is_named_by_its_file_and_may_be_changed(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    path.write_text(json.dumps(to_json(recipe_named("paper"))))
    assert recipe_named(str(path)) == recipe_named("paper")
    assert recipe_named(str(path), ["distill.temperature=4"]).distill.temperature == 4
    for content in (
        "{",
        "[" * 10_000,
        '{"distill": {"alpha": NaN}}',
        '{"distill": {"alpha": 1e999}}',
        '{"teach": {"networks": ["resnet_tiny", "none"]}}',
        "[]",
    ):
        path.write_text(content)
        with pytest.raises(EdgekitError) as error:
            recipe_named(str(path))
        assert str(path) in error.value.message
        assert len(str(error.value).splitlines()) == 2
    with pytest.raises(EdgekitError, match=r"none\.json cannot be read"):
        recipe_named(str(tmp_path / "none.json"))


def test_the_paper_recipe_holds_the_papers_numbers() -> None:
    paper = recipe_named("paper")
    assert paper.teach.networks == ("alexnet", "densenet121", "resnet18", "vgg19", "googlenet")
    assert (paper.teach.weights, paper.teach.trunk, paper.teach.combine) == ("imagenet", "frozen", "mean")
    assert (paper.teach.prune, paper.teach.cross_fit) == (True, False)
    assert (paper.teach.fit.epochs, paper.distill.fit.epochs) == (50, 25)
    for fit in (paper.teach.fit, paper.distill.fit):
        assert (fit.optimizer, fit.batch_size, fit.learning_rate, fit.weight_decay) == ("adam", 32, 1e-3, 1.25e-4)
        assert (fit.schedule, fit.step_epochs, fit.step_factor) == ("step", 3, 0.5)
        assert (fit.ema_decay, fit.label_smoothing, fit.balanced) == (0, 0, False)
    assert (paper.distill.alpha, paper.distill.beta) == (0.9, 0.1)
    assert 2 <= paper.distill.temperature <= 5
    assert (min(paper.prune.alphas), max(paper.prune.alphas)) == (0.5, 15)
    assert {1, 4, 6} <= set(paper.prune.alphas)  # those of its Table I
    assert paper.prune.fine_tune_epochs == 0
    for views, noise in ((paper.teach.augment, True), (paper.distill.augment, False)):  # a flip and a crop alone
        assert views.flip == 0.5
        assert views.crop < 1
        assert (views.noise_std > 0) == noise
        assert {views.rotate_deg, views.translate, views.scale, views.contrast, views.gamma, views.blur} == {0}
    assert len(paper.student.channels) == 4
    assert paper.student.depths == (1, 1, 1, 1)


def test_a_change_touches_its_field_alone_and_later_ones_win() -> None:
    changed = recipe_named("esp32", ["distill.temperature=3", "teach.cross_fit=false", "distill.temperature = 4"])
    before = {leaf.path: leaf.value for leaf in leaves(recipe_named("esp32"))}
    after = {leaf.path: leaf.value for leaf in leaves(changed)}
    assert {path for path in before if before[path] != after[path]} == {"distill.temperature", "teach.cross_fit"}
    assert (changed.distill.temperature, changed.teach.cross_fit) == (4.0, False)
    assert isinstance(changed.distill.temperature, float)


@pytest.mark.parametrize("group", ["student", "teach"])
def test_an_images_size_is_one_side_or_height_and_width(group: str) -> None:
    def size(text: str) -> tuple[int, int]:
        recipe = recipe_named("esp32", [f"{group}.input_size={text}"])
        assert recipe_of(json.loads(json.dumps(to_json(recipe)))) == recipe
        return recipe.student.size if group == "student" else recipe.teach.size

    assert size("96") == (96, 96)
    assert size("48x64") == size("48, 64") == size("(48,64)") == (48, 64)
    square = recipe_named("esp32", [f"{group}.input_size=96x96"])
    assert to_json(square)[group]["input_size"] == 96  # the key of a stage that is made once
    for text in ("8", "513", "48x700", "8x64", "48x", "x48", "48x64x1", "large", "48.5"):
        with pytest.raises(EdgekitError, match=f"{group}.input_size cannot be ") as caught:
            size(text)
        assert "height and width, such as 48x64" in caught.value.hint


def test_a_student_that_is_higher_than_wide_can_be_halved_both_ways() -> None:
    with pytest.raises(EdgekitError, match=r"student\.input_size=48x72 cannot be halved 4 times"):
        recipe_named("esp32", ["student.input_size=48x72"])


def test_a_strided_first_convolution_halves_the_image_once_more() -> None:
    said = r"student\.input_size=48 cannot be halved 4 times behind a first convolution of stride 2"
    with pytest.raises(EdgekitError, match=said) as caught:
        recipe_named("esp32", ["student.input_size=48", "student.stem_stride=2"])
    assert "multiple of 32" in caught.value.hint


def test_the_kind_of_block_is_one_of_four() -> None:
    student = recipe_named("esp32", ["student.block=inverted", "student.expansion=3"]).student
    assert (student.block, student.expansion) == ("inverted", 3)
    with pytest.raises(EdgekitError, match=r"student\.block cannot be 'dense'") as caught:
        recipe_named("esp32", ["student.block=dense"])
    assert "vgg, separable, residual or inverted" in caught.value.hint


def test_what_is_asked_of_the_data_is_said_in_the_recipe() -> None:
    data = recipe_named("esp32", ["data.channels=3", "data.positive=malignant", "data.mirror=no"]).data
    assert (data.channels, data.positive, data.mirror) == (3, "malignant", "no")
    assert recipe_named("esp32").data == recipe_named(
        "esp32", ["data.channels=auto", "data.positive=", "data.mirror=auto"]
    ).data  # fmt: skip
    for text in ("2", "rgb", "true"):
        with pytest.raises(EdgekitError, match=r"data\.channels cannot be") as caught:
            recipe_named("esp32", [f"data.channels={text}"])
        assert caught.value.hint == "It takes auto, 1 or 3."


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("distill.temprature", "distill.temperature"),
        ("teach.fit.epoch", "teach.fit.epochs"),
        ("student.chanels", "student.channels"),
        ("prune.alpha", "prune.alphas"),
    ],
)
def test_a_field_that_is_nearly_right_is_answered_with_the_one_meant(words: str, meant: str) -> None:
    with pytest.raises(EdgekitError, match=f"no recipe field '{words}'") as error:
        recipe_named("esp32", [f"{words}=1"])
    assert "Did you mean" in error.value.hint
    assert meant in error.value.hint


@pytest.mark.parametrize("words", ["student.channels=3", "student.channels=rgb", "student.rgb=1", "channels=3"])
def test_who_asks_for_rgb_by_another_field_is_told_of_data_channels(words: str) -> None:
    with pytest.raises(EdgekitError) as caught:
        recipe_named("esp32", [words])
    assert "grey or RGB is data.channels: 1 or 3." in caught.value.hint


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"name": "x", "distil": {}}, "no recipe field 'distil'"),
        ({"distill": {"temperature": "warm"}}, "distill.temperature takes a number"),
        ({"distill": {"temperature": True}}, "distill.temperature takes a number"),
        ({"seeds": 1}, "seeds takes a list"),
        ({"seeds": [0.5]}, "seeds takes a whole number"),
        ({"distill": None}, "distill is a group"),
        ({"student": {"channels": [8, 16], "depths": [1]}}, "2 stages"),
        ([], "group of fields"),
    ],
)
def test_a_saved_recipe_that_was_edited_badly_is_refused_in_words(values: Any, says: str) -> None:
    with pytest.raises(EdgekitError, match=says):
        recipe_of(values)


def test_all_faults_of_a_recipe_are_told_at_once() -> None:
    with pytest.raises(EdgekitError) as error:
        recipe_named("esp32", ["distill.alpha=11", "teach.trunk=cut", "seeds=0,0"])
    assert error.value.message == (
        "seeds names the same value twice; teach.trunk cannot be 'cut'; distill.alpha=11 is out of range."
    )


def test_a_recipe_of_version_0_1_is_read_and_one_of_a_later_edgekit_is_refused(tmp_path: Path) -> None:
    vector = Path(__file__).parents[1] / "vectors" / "version_0_1" / "recipe.json"
    assert json.loads(vector.read_text())["teach"]["networks"] == ["compact"] * 2
    assert recipe_named(str(vector)) == recipe_named("demo")
    later = tmp_path / "recipe.json"
    later.write_text('{"schema_version": 2, "teach": "another shape"}')
    with pytest.raises(EdgekitError, match=r"recipe.json is a recipe of schema_version 2; this edgekit reads up to 1"):
        recipe_named(str(later))
    for version in ("true", "0", '"1"', "1.5"):
        later.write_text(f'{{"schema_version": {version}}}')
        with pytest.raises(EdgekitError, match="schema_version takes a whole number from 1 to 1, not"):
            recipe_named(str(later))


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["quantize.aware_epochs=-1"], "quantize.aware_epochs"),
        (["quantize.activations=int16", "quantize.aware_epochs=3"], "converter's own ranges and biases alone"),
        (["quantize.activations=int16", "quantize.calibration=mse"], "converter's own ranges and biases alone"),
        (["quantize.activations=int32"], "quantize.activations"),
    ],
)
def test_remedies_for_int8_that_make_no_sense_are_refused_by_their_field(words: list[str], says: str) -> None:
    with pytest.raises(EdgekitError, match=says):
        recipe_named("smoke", words)
