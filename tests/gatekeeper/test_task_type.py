"""The task type follows from domain, complexity, size and modality."""

import pytest

from arbiter.gatekeeper.task_type import LONG_DOCUMENT_TOKENS, task_type
from arbiter.vocabulary import Complexity, Domain, TaskType


@pytest.mark.parametrize(
    ("domain", "complexity", "expected"),
    [
        (Domain.CODING, Complexity.COMPLEX, TaskType.COMPLEX_CODE),
        (Domain.CODING, Complexity.MODERATE, TaskType.SIMPLE_CODE),
        (Domain.MATH, Complexity.SIMPLE, TaskType.MATH_LOGIC),
        (Domain.SCIENCE, Complexity.EXPERT, TaskType.MATH_LOGIC),
        (Domain.DATA_ANALYSIS, Complexity.TRIVIAL, TaskType.DATA_ANALYSIS),
        (Domain.CREATIVE_WRITING, Complexity.SIMPLE, TaskType.CREATIVE),
        (Domain.CONVERSATION, Complexity.TRIVIAL, TaskType.CHAT_SIMPLE),
        (Domain.MEDICINE, Complexity.EXPERT, TaskType.DATA_ANALYSIS),
        (Domain.GENERAL, Complexity.MODERATE, TaskType.DATA_ANALYSIS),
    ],
)
def test_domain_and_complexity_decide(domain: Domain, complexity: Complexity, expected: TaskType) -> None:
    """Each domain has its type, and hard questions are never simple chat."""
    assert task_type(domain, complexity, 100, 0) is expected


def test_images_come_first_and_length_second() -> None:
    """What only some models can take goes before what is asked; the limit itself is not yet long."""
    for domain in Domain:
        for complexity in Complexity:
            assert task_type(domain, complexity, 10**6, 1) is TaskType.MULTIMODAL
            assert task_type(domain, complexity, LONG_DOCUMENT_TOKENS + 1, 0) is TaskType.LONG_DOCUMENT
            assert task_type(domain, complexity, LONG_DOCUMENT_TOKENS, 0) is not TaskType.LONG_DOCUMENT
            if complexity >= Complexity.MODERATE:
                assert task_type(domain, complexity) is not TaskType.CHAT_SIMPLE
