"""The demo's data: real, two parts that do not overlap, and nothing in them that names the outcome."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from arbiter.errors import MissingExtraError, TrafficError
from arbiter_training.traffic import load_demo_traffic, near_duplicate_groups, pivot
from arbiter_training.traffic.demo_data import DemoTraffic, read_pareto_file

needs_data = pytest.mark.skipif(
    importlib.util.find_spec("pareto_bandit") is None, reason="paretobandit is not installed (extra [demo])"
)


@pytest.fixture(scope="module")
def demo() -> DemoTraffic:
    return load_demo_traffic()


@needs_data
def test_both_parts_are_full_information(demo: DemoTraffic) -> None:
    """1,785 and 1,824 requests less the twins, three models, quality and cost everywhere."""
    first, second = pivot(demo.first), pivot(demo.second)
    assert (first.n, second.n + demo.twins_removed, first.n_models) == (1785, 1824, 3)
    assert first.full_information and second.full_information and first.models == second.models
    assert (first.cost_usd > 0).all() and (second.cost_usd > 0).all()


@needs_data
def test_the_outcome_does_not_leak(demo: DemoTraffic) -> None:
    """Only the benchmark's name is kept beside the outcomes."""
    assert list(demo.first.extras) == ["source"] and not demo.first.labels


@needs_data
def test_no_request_is_in_both_parts(demo: DemoTraffic) -> None:
    """After the twins are out, no near-duplicate group spans the parts; there were some."""
    first, second = list(set(demo.first.prompt)), list(set(demo.second.prompt))
    groups = near_duplicate_groups(first + second)
    assert not np.isin(groups[len(first) :], groups[: len(first)]).any()
    assert 0 < demo.twins_removed < 100


@needs_data
def test_the_package_is_not_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are read; its code is not imported, even where another test did."""
    monkeypatch.delitem(sys.modules, "pareto_bandit", raising=False)
    assert load_demo_traffic().first.n_rows and "pareto_bandit" not in sys.modules


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed the error gives the pip command."""
    monkeypatch.setattr("arbiter_training.traffic.demo_data.PACKAGE", "no_such_package_at_all")
    with pytest.raises(MissingExtraError, match=r"pip install 'arbiter-router\[demo\]'"):
        load_demo_traffic()


def test_another_shape_is_refused(tmp_path: Path) -> None:
    """A file of another version is answered by file, row and remedy."""
    path = tmp_path / "val.jsonl"
    path.write_text('{"prompt": "x", "source": "y"}\n')
    with pytest.raises(TrafficError, match=r"val.jsonl: row 1: not of the shape .*paretobandit==0.1.1"):
        read_pareto_file(path, "val")
    with pytest.raises(TrafficError, match="no such file"):
        read_pareto_file(tmp_path / "absent.jsonl", "val")
