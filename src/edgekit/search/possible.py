"""Whether a search can find anything, asked before anything is trained."""

from edgekit.errors import EdgekitError
from edgekit.recipes.recipe import StudentRecipe
from edgekit.search.cost import cost_of, said
from edgekit.search.request import Request
from edgekit.search.space import Candidate, smallest
from edgekit.values.task import Task


def check_possible(request: Request, task: Task) -> None:
    """Raises EdgekitError: nothing in the space meets the budget; says which limit and the nearest student."""
    nearest: tuple[float, StudentRecipe, dict[str, float]] | None = None
    for student in smallest(request.recipe.search):
        cost = cost_of(student.spec(task), request.options, request.budget)
        excess = request.budget.excess(cost)
        worst = max(excess.values(), default=0.0)
        if worst <= 0:
            return
        if nearest is None or worst < nearest[0]:
            over = {what: cost.of(what) for what, share in excess.items() if share > 0}
            nearest = worst, student, over
    assert nearest is not None
    _, student, over = nearest
    takes = " and ".join(
        f"{said(what, value)}, above --max-{what} {getattr(request.budget, what):g}" for what, value in over.items()
    )
    raise EdgekitError(
        f"No student meets the budget. The nearest, {Candidate(student)}, takes {takes}.",
        "Raise that limit, or let the search try smaller ones: --set search.widths=2,4 --set search.input_sizes=16,32.",
    )
