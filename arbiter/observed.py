"""A choice that was taken elsewhere, as a decision: traffic that arbiter does not route yet teaches it, too."""

from dataclasses import replace

from arbiter.records import EXTERNAL, Decision
from arbiter.router import EMERGENCY
from arbiter.vocabulary import Strategy


def observed(decision: Decision, model: str) -> Decision:
    """Turn what the router would have decided into what somebody else did.

    Profile, estimates and context stay, since they are about the request: feedback is learned from as from any other.
    Whatever is about the choice goes. With what probability it was taken is unknown; 1 stands for that,
    ``policy_version`` says so, and no gate takes it for evidence (``bandit_share`` is None).

    Parameters
    ----------
    decision : of the same request.
    model : the one that was called, whether or not the catalog has it.
    """
    return replace(
        decision,
        model=model,
        propensity=1.0,
        action_probs={model: 1.0},
        fallbacks=(),
        confidence=0.0,
        strategy=Strategy.SINGLE_BEST,
        excluded={},
        needs_human_review=False,
        degraded=tuple(why for why in decision.degraded if why != EMERGENCY),
        policy_version=EXTERNAL,
        bandit_share=None,
    )
