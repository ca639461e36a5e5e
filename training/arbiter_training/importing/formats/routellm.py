"""RouteLLM's tables of two models on one benchmark: right or wrong per model, or a judge's marks out of ten."""

from collections.abc import Iterator

from arbiter_training.importing.fields import number
from arbiter_training.importing.formats.matrix import PROMPTS
from arbiter_training.importing.items import Call, Item, Reason, Refused, UnusableError
from arbiter_training.importing.reading import Record
from arbiter_training.importing.requests import read_messages

MARKS = {"True": 1.0, "False": 0.0, "true": 1.0, "false": 0.0, True: 1.0, False: 0.0}
TEN = 10.0
NOT_MODELS = frozenset({"", "Unnamed: 0", "index", "id", "category", "turn", "answer", "ground_truth"})


class RouteLLM:
    """Reads rows of ``prompt`` and a column per model.

    Marks above 1 are out of ten (MT-Bench); right and wrong are written ``True`` and ``False`` (MMLU, GSM8K).
    """

    name = "routellm"
    judges = False

    def recognises(self, record: Record) -> bool:
        """By a prompt and two further columns, named like models, that hold nothing but marks."""
        marks = _columns(record)
        return len(marks) == 2 and all(_is_mark(record[name]) for name in marks)

    def read(self, record: Record) -> Iterator[Item]:
        """Give a row for each model."""
        models = _columns(record)
        if not models:
            raise UnusableError(Reason.NO_MODEL)
        request = read_messages(next((record[name] for name in PROMPTS if record.get(name)), None))
        for model in models:
            try:
                yield Call(model=model, request=request, quality=_quality(record[model], model))
            except UnusableError as error:
                yield Refused.of(error)


def _columns(record: Record) -> list[str]:
    if not any(record.get(name) for name in PROMPTS):
        return []
    return [name for name in record if name not in PROMPTS and name not in NOT_MODELS and "-" in name]


def _is_mark(value: object) -> bool:
    try:
        return _quality(value, "") is not None
    except UnusableError:
        return False


def _quality(value: object, model: str) -> float | None:
    if isinstance(value, bool | str) and value in MARKS:
        return MARKS[value]
    found = number(value, f"score of {model}", high=TEN)
    return found if found is None or found <= 1.0 else found / TEN
