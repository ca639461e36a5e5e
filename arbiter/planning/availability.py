"""Availability of chains of models, where the models of one vendor may go down together."""

from collections.abc import Sequence

from arbiter.records import Candidate

HOURS_PER_MONTH = 730.0


def chain_availability(chain: Sequence[Candidate], common_cause: float) -> float:
    """Give the probability that at least one model of a chain answers.

    The beta-factor model (Fleming, 1975; NUREG/CR-4780, 1988): a share beta of a model's downtime q is shared by
    all models of its vendor. With q_c = beta min(q_i) and r_i = (q_i - q_c) / (1 - q_c), the vendor as a whole is down
    with probability q_c + (1 - q_c) r_1 r_2 ..; vendors fail independently, so the chain is down with the product over
    vendors (a system in parallel: Barlow and Proschan, 1975, ch. 1). Theory and code part in what is common between
    vendors, such as a cloud that two of them rent, or your own network: nothing is assumed of it.

    Parameters
    ----------
    chain : models, in any order; their ``sla_availability`` is 1 - q.
    common_cause : beta, in [0, 1].
    """
    down = 1.0
    for vendor in {candidate.provider for candidate in chain}:
        outages = [1.0 - candidate.sla_availability for candidate in chain if candidate.provider == vendor]
        shared = common_cause * min(outages)
        alone = 1.0
        for outage in outages:
            alone *= (outage - shared) / (1.0 - shared) if shared < 1.0 else 1.0
        down *= shared + (1.0 - shared) * alone
    return 1.0 - down


def reached_shares(chain: Sequence[Candidate], common_cause: float) -> list[float]:
    """Give the share of the requests that each model of a chain answers; what is missing to 1 nobody answers."""
    reached, shares = 0.0, []
    for i in range(len(chain)):
        so_far = chain_availability(chain[: i + 1], common_cause)
        shares.append(so_far - reached)
        reached = so_far
    return shares
