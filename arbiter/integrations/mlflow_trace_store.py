"""The store of MLflow that traces and assessments are written to."""

import logging
import re
from typing import Any

from arbiter.integrations.mlflow_spans import span_dicts, trace_fields, trace_id
from arbiter.integrations.mlflow_stories import Story
from arbiter.integrations.quiet_mlflow import artifacts_beside
from arbiter.records import Feedback
from arbiter.vocabulary import FeedbackSource

logger = logging.getLogger(__name__)

PROBE_S = 2.0
"""Seconds in which a server must answer anything at all; MLflow itself would try for minutes."""

ABSENT = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
"""How MLflow says that there is no such trace."""

QUALITY = "quality"
"""Name of the assessments."""

SOURCES = {
    FeedbackSource.HUMAN: "HUMAN",
    FeedbackSource.JUDGE: "LLM_JUDGE",
    FeedbackSource.CODE: "CODE",
    FeedbackSource.IMPLICIT: "CODE",
    FeedbackSource.PREFERENCE: "HUMAN",
}
"""Who judged, in MLflow's words; arbiter's own, which are more, are in the assessment's metadata."""

NOTE = (
    "Requests that arbiter routed: the span arbiter.route is the choice, with its probability and what was expected of "
    "each candidate; inside it, one span for each call of a provider. Assessments named quality are feedback in [0, 1]."
)

_PASSWORD = re.compile(r"//[^/@]*@")


class TraceStore:
    """Writes to one experiment; writing something twice changes nothing.

    Parameters
    ----------
    mlflow : the module.
    uri : of the tracking store or server.
    experiment : made at the first write where it does not exist.
    """

    def __init__(self, mlflow: Any, uri: str, experiment: str) -> None:
        self._mlflow = mlflow
        self.uri = uri
        self.shown = _PASSWORD.sub("//***@", uri)  # for logs
        self._experiment = experiment
        self._place: str | None = None

    @property
    def failures(self) -> tuple[type[Exception], ...]:
        """What writing raises where the store refuses, or breaks."""
        return (self._mlflow.exceptions.MlflowException, OSError)

    def away(self) -> str:
        """Say why the store is away; empty where it answers. Only of servers can one be sure before one tries."""
        if not self.uri.startswith(("http://", "https://")):
            return ""
        import requests  # comes with mlflow

        try:
            requests.get(f"{self.uri.rstrip('/')}/health", timeout=PROBE_S)
        except requests.exceptions.SSLError:  # somebody answered; MLflow has its own settings for that
            return ""
        except requests.exceptions.RequestException as error:
            return type(error).__name__
        return ""

    def write(self, story: Story) -> None:
        """Write a trace whole, over what was there of it."""
        entities, client, place = self._mlflow.entities, self._client(), self._located()
        state = entities.trace_state.TraceState
        info = entities.TraceInfo(
            trace_location=entities.TraceLocation.from_experiment_id(place),
            state=state.ERROR if story.failed else state.OK,
            **trace_fields(story),
        )
        client.start_trace(info)
        client.log_spans(place, [entities.Span.from_dict(span) for span in span_dicts(story)])

    def assess(self, feedback: Feedback, at: float) -> None:
        """Log a judgement, made ``at`` seconds since 1970; what it corrects, by source and key, is overridden."""
        client, trace, source = self._client(), trace_id(feedback.decision_id), str(feedback.source)
        own = {"arbiter.source": source, "arbiter.key": feedback.key}
        try:
            earlier = client.get_trace_info(trace).assessments
        except self._mlflow.exceptions.MlflowException as error:
            if error.error_code not in ABSENT:
                raise
            logger.info("traces: a judgement of decision %s has no trace", feedback.decision_id)
            return
        corrected = [a for a in earlier if a.valid is not False and (a.metadata or {}).items() >= own.items()]
        assessment = self._mlflow.entities.Feedback(
            name=QUALITY,
            value=feedback.quality,
            source=self._mlflow.entities.AssessmentSource(SOURCES[feedback.source], feedback.key or source),
            metadata=own,
            create_time_ms=int(at * 1_000),
            last_update_time_ms=int(at * 1_000),
            overrides=corrected[-1].assessment_id if corrected else None,
        )
        client.log_assessment(trace, assessment)

    def _located(self) -> str:
        """Give the experiment's id; the experiment is made where it does not exist."""
        if self._place is None:
            client = self._mlflow.MlflowClient(tracking_uri=self.uri)
            found = client.get_experiment_by_name(self._experiment)
            artifacts = artifacts_beside(self.uri)
            self._place = str(
                client.create_experiment(self._experiment, artifacts, {"mlflow.note.content": NOTE})
                if found is None
                else found.experiment_id
            )
        return self._place

    def _client(self) -> Any:
        from mlflow.tracing.client import TracingClient  # MLflow's own exporter writes by it; nothing public can

        return TracingClient(self.uri)
