"""Who trains on: the fronts decide, then the greater AUC."""

from edgekit.search.cost import Cost
from edgekit.search.halving import Reached, depths_of, next_up, ranked


def one(root: int, auc: float, flash: int, ram: int = 100, ms: float = 1.0) -> Reached:
    return Reached(root, auc, Cost(flash, ram, ms, flash))


def test_who_is_beaten_at_no_more_of_anything_is_behind_the_front() -> None:
    depths = depths_of([one(0, 0.9, 10), one(1, 0.8, 20), one(2, 0.7, 30), one(3, 0.95, 40)])
    assert depths == {0: 0, 1: 1, 2: 2, 3: 0}


def test_a_front_of_any_one_cost_is_enough() -> None:
    small_in_ram = one(1, 0.8, 20, ram=50)
    assert depths_of([one(0, 0.9, 10), small_in_ram]) == {0: 0, 1: 0}


def test_of_equals_the_first_is_kept() -> None:
    assert [each.root for each in ranked([one(1, 0.9, 10), one(0, 0.9, 10)])] == [0, 1]


def test_on_a_front_the_greater_auc_is_first() -> None:
    assert [each.root for each in ranked([one(0, 0.7, 10), one(1, 0.9, 20), one(2, 0.6, 30)])] == [1, 0, 2]


def test_one_in_three_goes_on_as_soon_as_three_have_come_the_highest_rung_first() -> None:
    first = {root: one(root, 0.5 + root / 100, 10 + root) for root in range(3)}
    begun: list[set[int]] = [{0, 1, 2}, set(), set()]
    assert next_up([{0: first[0], 1: first[1]}, {}, {}], begun, 3) is None
    assert next_up([first, {}, {}], begun, 3) == (2, 1)
    assert next_up([first, {}, {}], [begun[0], {2}, set()], 3) is None
    assert next_up([first, first, {}], [begun[0], {0, 1, 2}, set()], 3) == (2, 2)
