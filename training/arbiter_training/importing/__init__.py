"""Logs of other systems, read to the traffic table."""

from arbiter_training.importing.formats import FORMATS, Mapped, all_readers
from arbiter_training.importing.quality import QualityRules
from arbiter_training.importing.report import ImportReport
from arbiter_training.importing.run import ImportRequest, import_log

__all__ = ["FORMATS", "ImportReport", "ImportRequest", "Mapped", "QualityRules", "all_readers", "import_log"]
