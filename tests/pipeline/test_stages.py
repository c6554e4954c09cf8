"""What the steps of a build depend on."""

import grimp
import pytest

from edgekit.pipeline import stages

# Values, names and ways to the disk: a change in them that changes a result shows in a stage's inputs.
PLAIN = {"errors", "files"}


@pytest.fixture(scope="module")
def imports() -> grimp.ImportGraph:
    return grimp.build_graph("edgekit", cache_dir=None)


@pytest.mark.parametrize(
    ("code", "modules", "imported_for_others"),
    [
        (stages._TEACHING, {"training.teach", "training.prune"}, {"training.distill", "training.same_view"}),
        (stages._DISTILLING, {"training.distill"}, {"training.backbones"}),
        (stages._PRUNING, {"training.prune"}, {"training.backbones"}),
        (stages._CONVERSION, {"conversion.convert"}, set()),
        (stages._RUNNING, {"runtimes.desktop"}, set()),
    ],
)
def test_a_change_in_any_module_that_shapes_a_stage_makes_it_stale(
    imports: grimp.ImportGraph, code: tuple[str, ...], modules: set[str], imported_for_others: set[str]
) -> None:
    named = {file.removesuffix(".py").replace("/", ".") for file in code}
    used = {f"edgekit.{name}" for name in modules}
    used |= {found for module in used for found in imports.find_upstream_modules(module)}
    leaves = {module.removeprefix("edgekit.") for module in used if not imports.find_children(module)}
    assert {
        leaf for leaf in leaves - PLAIN - imported_for_others if not leaf.startswith(("values.", "recipes."))
    } <= named
    assert {f"edgekit.{name}" for name in named} <= imports.modules
