"""The formats that `arbiter import` reads, a module each."""

from arbiter_training.importing.formats.columns import Mapped, MappedColumns
from arbiter_training.importing.formats.langfuse import Langfuse
from arbiter_training.importing.formats.litellm_payload import LiteLLMPayload
from arbiter_training.importing.formats.litellm_spend import LiteLLMSpend
from arbiter_training.importing.formats.matrix import OutcomeMatrix
from arbiter_training.importing.formats.mlflow_traces import MLflowTraces
from arbiter_training.importing.formats.openai_jsonl import OpenAIJsonl
from arbiter_training.importing.formats.openinference import OpenInference
from arbiter_training.importing.formats.otel import OtelGenAI
from arbiter_training.importing.formats.routellm import RouteLLM
from arbiter_training.importing.formats.tensorzero import TensorZero
from arbiter_training.importing.reading import LogReader

__all__ = ["FORMATS", "Mapped", "all_readers"]


def all_readers(mapped: Mapped | None = None) -> dict[str, LogReader]:
    """Give a reader of each format by its name.

    Parameters
    ----------
    mapped : for flat files, and the model of records that name none.
    """
    mapped = mapped or Mapped()
    readers: tuple[LogReader, ...] = (
        LiteLLMPayload(),
        LiteLLMSpend(),
        MLflowTraces(),
        OtelGenAI(),
        OpenInference(),
        Langfuse(),
        OpenAIJsonl(mapped.model),
        TensorZero(),
        OutcomeMatrix(),
        RouteLLM(),
        MappedColumns(mapped),
    )
    return {reader.name: reader for reader in readers}


FORMATS = tuple(all_readers())
"""What ``--format`` takes."""
