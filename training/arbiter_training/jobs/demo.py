"""The job of `arbiter demo`."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from arbiter.bundle import Provenance, check_target, save_bundle
from arbiter.loading import load_router
from arbiter_training.demo import Demo, run_demo
from arbiter_training.evaluation.noted import evaluation_note
from arbiter_training.evaluation.tracked import evaluation_metrics, log_evaluation
from arbiter_training.report import figure_png, frontier_figure, lines, render_html, write_html
from arbiter_training.tracking import Tracker
from arbiter_training.tracking_labels import DEMO, command_tags
from arbiter_training.train import Say


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoJob:
    """Where the demo writes, and its seed."""

    out: Path
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoDone:
    """What the demo found and wrote.

    Attributes
    ----------
    out : folder of ``report.html``, ``frontier.png``, ``bundle`` and ``mlflow.db``.
    demo : what was found.
    run : the MLflow run, in words.
    """

    out: Path
    demo: Demo
    run: str

    def lines(self) -> list[str]:
        """Say it to people."""
        found = [*lines(self.demo.report), "", *self._budgets(), ""]
        for prompt, decision in self.demo.decisions.items():
            found += [f"> {prompt}", *(f"  {line}" for line in decision.explain().splitlines()), ""]
        found += self.sentences()
        found.append(f"report: {self.out / 'report.html'}   bundle: {self.out / 'bundle'}")
        found.append(f"MLflow: {self.run}")
        return found

    def sentences(self) -> list[str]:
        """Say what the router is worth, by the truth."""
        best, truth, equal = self.demo.report.baseline, self.demo.report.truth, self.demo.equal_quality
        return [
            f"The router costs {self.demo.saving:.0%} less than {best}, at quality "
            f"{truth['router']['quality']:.3f} against {truth[best]['quality']:.3f}.",
            f"At equal quality ({equal.quality:.3f}) the cheapest mix of constant models costs "
            f"${1000 * equal.mixture_usd:.3f} per 1,000 requests, the router ${1000 * equal.router_usd:.3f}: "
            f"{equal.saving:.0%} saved.",
        ]

    def _budgets(self) -> list[str]:
        head = ["budget per request   fixed-model hull   router   gain (exact, on requests never seen)"]
        return head + [
            f"${row.budget_usd:<18.4f}  {row.hull:<16.4f}  {row.router:<7.4f}  {row.router - row.hull:+.4f}"
            for row in self.demo.budgets
        ]

    def to_dict(self) -> dict[str, Any]:
        """Say it to programs."""
        demo = self.demo
        return {
            "report": demo.report.to_dict(),
            "budgets": [{"budget_usd": r.budget_usd, "hull": r.hull, "router": r.router} for r in demo.budgets],
            "saving": demo.saving,
            "saving_at_equal_quality": demo.equal_quality.saving,
            "decisions": {prompt: decision.model for prompt, decision in demo.decisions.items()},
            "out": str(self.out),
            "mlflow": self.run,
        }


def run(job: DemoJob, say: Say) -> DemoDone:
    """Run the loop and write what it made into a folder.

    Raises
    ------
    MissingExtraError
        If the traffic's package is not installed.
    BundleError
        If the folder holds something else.
    """
    bundle = job.out / "bundle"
    check_target(bundle)
    demo = run_demo(load_router(), job.seed, say)
    job.out.mkdir(parents=True, exist_ok=True)
    figure = frontier_figure(demo.report)
    routed = [(prompt, decision.explain()) for prompt, decision in demo.decisions.items()]
    write_html(demo.report, job.out / "report.html", routed, title="arbiter demo")
    (job.out / "frontier.png").write_bytes(figure_png(figure))
    metrics = evaluation_metrics(demo.report)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    save_bundle(demo.router, bundle, Provenance(created=created, metrics=metrics))
    say("logging to MLflow")
    with Tracker(job.out, DEMO, f"demo, seed {job.seed}", command_tags("demo")) as tracker:
        tracker.log_params({"seed": job.seed, "n_train": demo.n_train, "twins_removed": demo.twins_removed})
        registered = tracker.register(bundle, "arbiter-demo")
        page = render_html(demo.report, routed, title="arbiter demo")
        log_evaluation(tracker, demo.report, page, registered.model_id)
        tracker.log_metrics({"saving": demo.saving, "saving_at_equal_quality": demo.equal_quality.saving})
        done = DemoDone(out=job.out, demo=demo, run="")
        tracker.describe("\n\n".join([*done.sentences(), evaluation_note(demo.report)]))
        logged = f"run {tracker.run_id}, model arbiter-demo version {registered.version}, store {tracker.uri}"
    return DemoDone(out=job.out, demo=demo, run=logged)
