"""The step `lago_coupon`: a coupon that Lago takes off the customer's bills.

It comes before the subscription: what is paid in advance is billed the moment a subscription begins, and a
coupon that came later would not be taken off that bill.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from billing import prepaid_reports as reports
from billing.client import LagoClient
from billing.comparison import among, recorded
from billing.prepaid_values import AppliedCoupon, Coupon
from billing.values import Plan
from kernel import (
    Action,
    Count,
    Divergence,
    Fact,
    Facts,
    Made,
    Problem,
    Removal,
    Removed,
    Since,
    Step,
    Task,
    Thing,
    Verdict,
    Wanted,
)
from kernel.columns import COUPON


@dataclass(frozen=True, slots=True)
class Found:
    """The coupons there are, by code, and those of each customer, by external_id."""

    coupons: Mapping[str, Coupon] = field(default_factory=dict)
    applied: Mapping[str, Sequence[AppliedCoupon]] = field(default_factory=dict)


class LagoCouponStep(Step):
    name = "lago_coupon"
    noun = "coupon"
    system = "Lago"
    can_be_left = False
    is_counted = True
    consequences = {
        "missing": "The customer pays in full.",
        "terminated": "The customer pays in full.",
        "more_than_one": "It is taken off more than once.",
    }

    def __init__(
        self,
        client: LagoClient,
        plans: Mapping[str, Plan],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.client = client
        self.plans = plans
        self.now = now
        self._coupons: Mapping[str, Coupon] = {}  # as they were last looked up

    def is_asked(self, wanted: Wanted) -> bool:
        return COUPON.of(wanted) is not None

    # --- Plan ----------------------------------------------------------------------------------------

    def look_up(self, rows: Iterable[Wanted]) -> Found:
        return self._look({row.external_id for row in rows if row.external_id and self.is_asked(row)})

    def _look(self, external_ids: set[str]) -> Found:
        if not external_ids:
            return Found()
        self._coupons = self.client.coupons()
        return Found(self._coupons, self.client.applied_coupons_of(external_ids))

    def remember(self, rows: Iterable[Wanted]) -> Facts:
        return {code: self._coupons[code] for code in map(COUPON.of, rows) if code in self._coupons}

    def recall(self, known: Facts) -> None:
        self._coupons = {**self._coupons, **known}

    def check(self, wanted: Wanted, found: Found) -> Verdict:
        code = COUPON.of(wanted)
        coupon = found.coupons.get(code)
        if coupon is None:
            return Verdict(None, problems=(reports.coupon_not_found(wanted),))
        his = found.applied.get(wanted.external_id, ())
        same = [one for one in his if one.coupon_code == code]
        if active := [one for one in same if one.is_active]:
            return self._adopt(wanted, coupon, active[0])
        if problem := self._obstacle(wanted, coupon, his, found):
            return Verdict(None, problems=(problem,))
        over = [one for one in same if one.was_used or not coupon.reusable]
        if over:
            return Verdict(None, ref=over[0].lago_id, problems=(reports.coupon_used(wanted),))
        return Verdict(Action.CREATE, warnings=tuple(reports.coupon_effect(coupon, wanted.plan_code)))

    def _adopt(self, wanted: Wanted, coupon: Coupon, applied: AppliedCoupon) -> Verdict:
        differs = applied.discount != coupon.discount
        return Verdict(
            Action.ADOPT,
            ref=applied.lago_id,
            exists=(reports.coupon_exists(wanted),),
            warnings=(
                *((reports.coupon_differs(wanted, applied),) if differs else ()),
                *reports.coupon_effect(coupon, wanted.plan_code),
            ),
            looks_made=not differs,
        )

    def _obstacle(
        self, wanted: Wanted, coupon: Coupon, his: Sequence[AppliedCoupon], found: Found
    ) -> Problem | None:
        """Say why Lago would not give the coupon to the customer, or could not bill him afterwards."""
        plan, currency = self.plans.get(wanted.plan_code), coupon.discount.amount_currency
        if any(at is not None and at <= self.now() for at in (coupon.terminated_at, coupon.expires_at)):
            return reports.coupon_ended(coupon)
        if plan and currency and currency != plan.amount_currency:
            return reports.coupon_other_currency(coupon, plan)
        others = (found.coupons.get(one.coupon_code) for one in his if one.is_active)
        overlapping = (other for other in others if other and self._overlap(coupon, other))
        other = next(overlapping, None)
        return reports.coupon_overlaps(wanted, other) if other else None

    def _overlap(self, new: Coupon, old: Coupon) -> bool:
        """Return whether Lago refuses a limited coupon beside another that concerns the same."""
        charging = {code for code, plan in self.plans.items() if {*plan.metric_codes} & {*new.metric_codes}}
        charged = {
            metric
            for code in new.plan_codes
            if code in self.plans
            for metric in self.plans[code].metric_codes
        }
        plans, metrics = {*new.plan_codes} | charging, {*new.metric_codes} | charged
        return bool(plans & {*old.plan_codes} or metrics & {*old.metric_codes})

    def tell(self, wanted: Wanted, ref: str, key: str) -> Facts:
        coupon = self._coupons.get(COUPON.of(wanted) or "")
        return {Fact.CHARGES_FREE: True} if coupon and coupon.makes_free else {}

    def count(self, wanted: Wanted) -> Count:
        coupon = self._coupons[COUPON.of(wanted)]
        return Count(f"{coupon.code} ({reports.discount_of(coupon)})")

    # --- Apply ---------------------------------------------------------------------------------------

    def create(self, task: Task) -> Made:
        wanted = task.wanted
        made = self.client.apply_coupon(
            external_customer_id=wanted.external_id, coupon_code=COUPON.of(wanted)
        )
        return Made(made.lago_id)

    # --- Reconcile -----------------------------------------------------------------------------------

    def look_again(self, things: Iterable[Thing], since: Since) -> Found:
        return self._look({thing.wanted.external_id for thing in things})

    def key_of(self, thing: Thing, found: Found) -> str | None:
        applied = _recorded(thing, found)
        return "" if applied and applied.is_active else None

    def compare(self, thing: Thing, found: Found) -> Sequence[Divergence]:
        """Compare; one that is used up as it was agreed is no divergence."""
        applied = _recorded(thing, found)
        if applied is None:
            return [reports.coupon_missing()]
        if not applied.is_active:
            is_used_up = applied.was_used and applied.discount.frequency != "forever"
            return [] if is_used_up else [reports.coupon_taken_away()]
        his = found.applied.get(thing.wanted.external_id, ())
        same = [one for one in his if one.is_active and one.coupon_code == applied.coupon_code]
        return [reports.coupon_twice()] if len(same) > 1 else []

    # --- Revert --------------------------------------------------------------------------------------

    def activity(
        self, things: Sequence[Thing], found: Found, back: object, since: Since
    ) -> Iterator[tuple[str, str]]:
        for thing in things:
            applied = _recorded(thing, found) if thing.is_made else None
            if applied and applied.was_used:
                yield thing.wanted.external_id, "invoices in Lago have used the coupon"

    def part_of(self, found: Found, things: Sequence[Thing]) -> Found:
        return Found(found.coupons, among(found.applied, things))

    def remove(self, thing: Thing, found: Found) -> Removed:
        """Take the coupon away. What invoices have used of it stays used."""
        applied = _recorded(thing, found)
        if applied is None or not applied.is_active:
            return Removed(Removal.GONE)
        gone = self.client.remove_applied_coupon(thing.wanted.external_id, thing.ref) is None
        return Removed(Removal.GONE if gone else Removal.REMOVED)


def _recorded(thing: Thing, found: Found) -> AppliedCoupon | None:
    return recorded(thing.ref, found.applied.get(thing.wanted.external_id, ()))
