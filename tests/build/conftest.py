import pytest
from small_student import SmallStudent, small_student


@pytest.fixture(scope="session")
def student() -> SmallStudent:
    return small_student()
