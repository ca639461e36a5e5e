"""Laws of the constraints that requirements and circumstances bring: languages, JSON mode, quantiles, who is out."""

from dataclasses import replace

import numpy as np
import pytest

from arbiter.catalog import Catalog
from arbiter.cold_start import cold_start_router
from arbiter.errors import InvalidInputError
from arbiter.intake import read_request
from arbiter.ledger import decision_from_json, decision_to_json
from arbiter.records import Circumstances, Query, Requirements
from arbiter.route_options import read_query
from arbiter.vocabulary import Capability

CATALOG = Catalog.default()
ROUTER = cold_start_router(CATALOG)


def reasons(query: Query, catalog: Catalog = CATALOG) -> dict[str, str]:
    router = replace(ROUTER, catalog=catalog)
    return router.weigh(router.outlook([query]), 0).reasons


def new(query: Query, catalog: Catalog = CATALOG) -> dict[str, str]:
    """Give the exclusions that a plain request does not have."""
    plain = reasons(read_request("hi"), catalog)
    return {name: reason for name, reason in reasons(query, catalog).items() if name not in plain}


def asked(**required: object) -> Query:
    return read_request("hi", Requirements(**required))  # type: ignore[arg-type]


def test_a_language_needs_an_entry_that_names_it_or_a_multilingual_model() -> None:
    """English is everyone's; a list in the catalog goes before the capability."""
    assert not new(asked(languages={"en"}))
    foreign = new(asked(languages={"de"}))
    lacking = {c.name for c in CATALOG if Capability.MULTILINGUAL not in c.capabilities} - set(reasons(asked()))
    assert set(foreign) == lacking
    assert all(reason == "does not answer in de" for reason in foreign.values())
    listed = CATALOG.replace("gpt-4o", languages=frozenset({"en", "fr"}))
    assert new(asked(languages={"de", "fr"}), listed)["gpt-4o"] == "does not answer in de"
    assert "gpt-4o" not in new(asked(languages={"fr"}), listed)


def test_json_mode_is_a_capability_like_any_other() -> None:
    """Candidates without it are named with the reason."""
    without = {c.name for c in CATALOG if Capability.JSON_MODE not in c.capabilities} - set(reasons(asked()))
    found = new(asked(capabilities={Capability.JSON_MODE}))
    assert set(found) == without
    assert all(reason == "lacks json_mode" for reason in found.values())
    bare = CATALOG.replace("gpt-4o", capabilities=CATALOG["gpt-4o"].capabilities - {Capability.JSON_MODE})
    assert new(asked(capabilities={Capability.JSON_MODE}), bare)["gpt-4o"] == "lacks json_mode"


def test_a_limit_for_more_of_the_requests_excludes_more() -> None:
    """The 95 % quantile is above the mean, the 99 % above that; the reason tells the share."""
    expected = ROUTER.outlook([asked()]).expectation.row(0)
    limit = float(np.median(expected.latency_s))
    sets = [set(new(asked(max_latency_s=limit, latency_quantile=share))) for share in (None, 0.95, 0.99)]
    assert sets[0] < sets[1] <= sets[2]
    k = CATALOG.position(sorted(sets[1] - sets[0])[0])
    reason = new(asked(max_latency_s=limit, latency_quantile=0.95))[CATALOG.names[k]]
    assert reason.startswith(f"latency that 0.95 of requests stay below, {expected.latency_at(0.95)[k]:.3g} s above")


def test_a_quantile_without_a_limit_asks_nothing() -> None:
    """It says of what share the limit holds, and there is none."""
    assert not new(asked(latency_quantile=0.99))


def test_who_is_out_and_what_is_left_exclude() -> None:
    """As the service knows them, with its own words."""
    query = replace(asked(), circumstances=Circumstances(out={"gpt-4o": "breaker open"}, budget_left_usd=0.0))
    found = new(query)
    assert found["gpt-4o"] == "out: breaker open"
    assert "above the $0 left of the budget" in found["gpt-5"]
    assert "llama-3.1-8b-local" not in found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latency_quantile": 1.0}, "latency_quantile must lie between 0 and 1; got 1.0"),
        ({"latency_quantile": 0.0}, "latency_quantile must lie"),
        ({"languages": "de"}, "languages must be a set of names, got the text 'de'"),
        ({"cached_input_tokens": -1}, "cached_input_tokens must be a whole number"),
        ({"cached_input_tokens": True}, "cached_input_tokens must be a whole number"),
        ({"batch": "yes"}, "batch must be True or False, got 'yes'"),
    ],
)
def test_wrong_demands_are_refused(options: dict[str, object], message: str) -> None:
    """The message names the option and its value."""
    with pytest.raises(InvalidInputError, match=message):
        read_query("hi", options)  # type: ignore[arg-type]


def test_options_of_billing_reach_the_query_and_the_others_the_requirements() -> None:
    """And leave what a Query already says."""
    query = read_query("hi", {"cached_input_tokens": 5, "batch": True, "latency_quantile": 0.9, "languages": {"de"}})  # type: ignore[typeddict-item]
    assert (query.cached_input_tokens, query.batch) == (5, True)
    assert (query.requirements.latency_quantile, query.requirements.languages) == (0.9, frozenset({"de"}))
    assert read_query(query, {"max_cost_usd": 1.0}).batch is True


def test_a_decision_tells_means_and_what_nine_of_ten_stay_below() -> None:
    """The quantile is not below the mean, cost goes with length, and the ledger keeps both; old ones lack them."""
    decision = ROUTER.route(read_request("Write an essay about rivers"), np.random.default_rng(0))
    for name, e in decision.estimates.items():
        assert e.output_tokens_p90 is not None and e.latency_p90_s is not None and e.cost_p90_usd is not None
        assert e.output_tokens_p90 <= CATALOG[name].max_output_tokens
        assert e.cost_p90_usd >= e.cost_usd and e.latency_p90_s >= e.latency_s
        extra = max(e.output_tokens_p90 - e.output_tokens, 0.0)
        assert e.cost_p90_usd - e.cost_usd == pytest.approx(extra * CATALOG[name].usd_per_mtok_out / 1e6)
    values = decision_to_json(decision)
    assert decision_from_json(values) == decision
    for estimate in values["estimates"].values():
        for name in ("cost_p90_usd", "latency_p90_s", "output_tokens_p90"):
            del estimate[name]
    for name in ("quality_per_usd", "quality_per_s"):
        del values[name]
    old = decision_from_json(values)
    assert (old.quality_per_usd, old.estimates["gpt-4o"].latency_p90_s) == (None, None)
