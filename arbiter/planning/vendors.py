"""How much hangs on each vendor, and who could take over at the same floors."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from arbiter.planning.dated_prices import cost_over_plan, requests_over_plan
from arbiter.planning.eligibility import Standing
from arbiter.planning.outlook import ModelOutlook
from arbiter.planning.projection import Projection, vendor_shares
from arbiter.planning.recommendation import Recommendation
from arbiter.planning.use_case import PlanSpec, UseCase
from arbiter.vocabulary import VendorRisk

OVER_CONCENTRATED = 0.7

LEAST_SHARE = 0.01
"""Share of the spend from which a vendor is used, rather than held in reserve."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskRow:
    """What a level of vendor risk asks for: vendors in all, and days to the next review; from a share of spend on."""

    above: float
    vendors: int
    review_days: int


RISKS: Mapping[VendorRisk, RiskRow] = MappingProxyType(
    {
        VendorRisk.CRITICAL: RiskRow(above=0.9, vendors=3, review_days=7),
        VendorRisk.HIGH: RiskRow(above=0.7, vendors=2, review_days=14),
        VendorRisk.MODERATE: RiskRow(above=0.5, vendors=2, review_days=30),
        VendorRisk.LOW: RiskRow(above=0.3, vendors=1, review_days=90),
        VendorRisk.MINIMAL: RiskRow(above=-1.0, vendors=1, review_days=180),
    }
)


def risk_of(share: float) -> VendorRisk:
    """Give the risk of a share of the spend: over .9 critical, .7 high, .5 moderate, .3 low, else minimal."""
    return next(risk for risk, row in RISKS.items() if share > row.above)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One vendor of a plan.

    Attributes
    ----------
    vendor, usd_per_month, share : what it gets, in a mean month and of the whole spend.
    risk, wanted_vendors, review : by its share.
    """

    vendor: str
    usd_per_month: float
    share: float
    risk: VendorRisk
    wanted_vendors: int
    review: datetime.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Who could serve a use case at another vendor, keeping the same limits.

    Attributes
    ----------
    use_case, primary, vendor : who serves it now.
    model, other_vendor : the best model of another vendor; None where no other keeps the limits.
    usd_per_month_change, quality_change : of moving there, in a mean month.
    """

    use_case: str
    primary: str
    vendor: str
    model: str | None
    other_vendor: str | None
    usd_per_month_change: float
    quality_change: float


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorReview:
    """Concentration of a plan.

    Attributes
    ----------
    vendors : by falling share.
    herfindahl : sum of the squared shares: 1 is one vendor, 1/n are n equal ones (Hirschman, 1945; Herfindahl, 1950).
    over_concentrated : whether one vendor gets more than .7.
    fallback_vendors : vendors that only fallbacks would call, beside those that are paid.
    alternatives : per use case.
    """

    vendors: tuple[Vendor, ...]
    herfindahl: float
    over_concentrated: bool
    fallback_vendors: tuple[str, ...]
    alternatives: tuple[Alternative, ...]

    @property
    def wanted_vendors(self) -> int:
        """How many vendors the share of the largest asks for."""
        return self.vendors[0].wanted_vendors

    @property
    def used_vendors(self) -> int:
        """How many vendors get a hundredth of the spend or more."""
        return sum(vendor.share >= LEAST_SHARE for vendor in self.vendors)

    @property
    def effective_vendors(self) -> float:
        """1 / Herfindahl: as many equal vendors are as concentrated."""
        return 1.0 / self.herfindahl


def review_vendors(
    projection: Projection,
    plans: Sequence[tuple[UseCase, Recommendation, Standing, Sequence[ModelOutlook]]],
    spec: PlanSpec,
) -> VendorReview:
    """Say how much hangs on whom.

    Parameters
    ----------
    projection : of all use cases.
    plans : per use case its recommendation, what stands in its way, and the outlooks.
    spec : start of the plan, from which reviews count, and its price changes.
    """
    shares, spent = vendor_shares(projection), projection.by_vendor()
    months = max(len(projection.by_month()), 1)
    rows = tuple(
        Vendor(
            vendor=vendor,
            usd_per_month=spent[vendor].mean / months,
            share=share,
            risk=risk_of(share),
            wanted_vendors=RISKS[risk_of(share)].vendors,
            review=spec.start + datetime.timedelta(days=RISKS[risk_of(share)].review_days),
        )
        for vendor, share in shares.items()
    )
    paid = {outlook.candidate.provider for _, made, _, known in plans for outlook in known
            if outlook.candidate.name == made.primary}  # fmt: skip
    return VendorReview(
        vendors=rows,
        herfindahl=sum(share**2 for share in shares.values()),
        over_concentrated=rows[0].share > OVER_CONCENTRATED,
        fallback_vendors=tuple(vendor for vendor in shares if vendor not in paid),
        alternatives=tuple(_alternative(plan[0], plan[1:], projection, spec) for plan in plans),
    )


def _alternative(
    case: UseCase,
    plan: tuple[Recommendation, Standing, Sequence[ModelOutlook]],
    projection: Projection,
    spec: PlanSpec,
) -> Alternative:
    """Price the move of all that the chain answers, at the prices of each month."""
    made, found, expected = plan
    by_name = {outlook.candidate.name: outlook for outlook in expected}
    primary = by_name[made.primary]
    given_up = tuple(relaxed.limit for relaxed in made.relaxed)
    others = [m for m in found.keeping(given_up) if by_name[m].candidate.provider != primary.candidate.provider]
    other, change = (by_name[others[0]] if others else None), 0.0
    if other is not None:
        answered = projection.of(case.name).requests() / requests_over_plan(case, spec)
        change = cost_over_plan(case, other, spec) - cost_over_plan(case, primary, spec)
        change *= answered / spec.months
    return Alternative(
        use_case=made.use_case,
        primary=made.primary,
        vendor=primary.candidate.provider,
        model=None if other is None else other.candidate.name,
        other_vendor=None if other is None else other.candidate.provider,
        usd_per_month_change=change,
        quality_change=0.0 if other is None else other.quality - primary.quality,
    )
