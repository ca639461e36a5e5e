"""The kind of work that a request is, for cold-start tables."""

from arbiter.vocabulary import Complexity, Domain, TaskType

LONG_DOCUMENT_TOKENS = 50_000
"""From more tokens than this a request is a long document whatever it asks (the registry's own limit)."""

_ALWAYS = {
    Domain.MATH: TaskType.MATH_LOGIC,
    Domain.DATA_ANALYSIS: TaskType.DATA_ANALYSIS,
    Domain.CREATIVE_WRITING: TaskType.CREATIVE,
}


def task_type(domain: Domain, complexity: Complexity, input_tokens: int = 0, n_images: int = 0) -> TaskType:
    """Derive the task type.

    What only some models can take comes first (images, length), then the domain. Domains without a type of their own
    go by complexity, so that a hard clinical or legal question is never "simple chat": from complex on to the models
    of reasoning where the subject is science, from moderate on to those of analysis, below that to chat.

    Parameters
    ----------
    domain, complexity : the gatekeeper's verdicts.
    input_tokens : tokens of everything that will be sent.
    n_images : images in the request.

    Returns
    -------
    task_type : one of eight.
    """
    if n_images > 0:
        return TaskType.MULTIMODAL
    if input_tokens > LONG_DOCUMENT_TOKENS:
        return TaskType.LONG_DOCUMENT
    if domain is Domain.CODING:
        return TaskType.COMPLEX_CODE if complexity >= Complexity.COMPLEX else TaskType.SIMPLE_CODE
    if domain in _ALWAYS:
        return _ALWAYS[domain]
    if domain is Domain.SCIENCE and complexity >= Complexity.COMPLEX:
        return TaskType.MATH_LOGIC
    return TaskType.DATA_ANALYSIS if complexity >= Complexity.MODERATE else TaskType.CHAT_SIMPLE
