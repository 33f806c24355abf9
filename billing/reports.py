"""What the Lago steps have to say to an operator: problems of a plan, divergences of a reconcile."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from billing.api.subscriptions import Subscribed
from billing.errors import UNREADABLE
from billing.forecast import Unforeseen
from billing.values import Customer, Plan, Subscription
from kernel import Bill, Divergence, Problem, Wanted
from kernel.columns import BILLED_UNTIL, END_DATE
from kernel.money import written
from kernel.wording import some_of

UNFORESEEN = {
    Unforeseen.LEAP_DAY: "it is billed yearly from a 29 February, and Lago's periods are odd then",
    Unforeseen.HALF_YEAR: "its half-year has begun, is paid in advance, and Lago's next invoice is odd",
    Unforeseen.UNKNOWN_PRICE: "the plan has no interval or no plain price",
    Unforeseen.TOO_FAR: "the start, or the end of the trial, is too far away",
}
UNREADABLE_HINT = (
    "Look at it in Lago's dashboard or log. Lago's main branch of August 2026 does so with quarterly plans in"
    " advance and anniversary billing: update Lago, or end that subscription there without a bill."
)
CANNOT_END = (
    "Lago fails (500) whenever it is asked for this customer's subscriptions, so what would be ended cannot"
    " be seen. Mend Lago, or end it there without a closing invoice and credit note, and revert again."
)
NAMED = 10  # of many external ids
# One sentence wherever it is told. The whole file would do the same of whoever was ended on purpose.
ONLY_BY_HAND = (
    "It is never made again by itself. If it is to be: import a file with this customer's rows alone and"
    " --skip-existing; it is then billed again, and the preview says what for."
)
ADOPT = "--skip-existing adopts what agrees and completes what is half done."


def currency_conflict(wanted: Wanted, customer: Customer, plan: Plan, *, liftable: bool) -> Problem:
    """Say that two currencies would meet; `liftable` where Lago would take both, and only we do not."""
    ours = "Lago would take it; that it is refused is our caution, which --allow-second-currency lifts."
    return Problem(
        "lago_customer_currency_conflict",
        "plan_code",
        f"The Lago customer {wanted.external_id} is billed in {customer.currency}, "
        f"the plan {plan.code} in {plan.amount_currency}.",
        f"Choose a plan in the customer's currency. {ours if liftable else 'Lago refuses to mix them.'}",
    )


def currency_will_be_set(external_id: str, currency: str) -> Problem:
    return Problem(
        "lago_customer_currency_will_be_set",
        "plan_code",
        f"The Lago customer {external_id} has no currency; its first subscription makes it {currency}.",
        "It stays so, also after a revert, unless this Lago takes a currency back: up to 1.51 it does not.",
    )


def customer_exists(wanted: Wanted) -> Problem:
    return Problem(
        "lago_customer_exists",
        "external_id",
        f"Lago has a customer {wanted.external_id} already.",
        ADOPT,
    )


def customer_differs(wanted: Wanted, differs: Sequence[str]) -> Problem:
    return Problem(
        "lago_customer_differs",
        "external_id",
        f"The Lago customer {wanted.external_id} has another {_joined(differs)}; it is left as it is.",
        "Check that it is the same customer; correct it in Lago if need be.",
    )


def subscription_unreadable(wanted: Wanted) -> Problem:
    """Say that nobody can tell what is there: so nothing is made, which would perhaps be a second one."""
    return Problem(
        UNREADABLE,
        "external_id",
        f"Lago fails (500) whenever it is asked for the subscriptions of the customer {wanted.external_id}:"
        " whether there is one, and on which plan, cannot be told.",
        UNREADABLE_HINT,
    )


def ended_unreadable(wanted: Wanted) -> Problem:
    """Say that nobody can tell which days are billed already: a new one would perhaps bill them again."""
    return Problem(
        UNREADABLE,
        "external_id",
        f"Lago fails (500) whenever it is asked for the ended subscriptions of the customer"
        f" {wanted.external_id}: which days they have billed cannot be told.",
        "Look at it in Lago's dashboard or log, and update Lago.",
    )


def list_unreadable(seen: Subscribed) -> Problem:
    """Name what was left out of a list, and say whose of it is in the file."""
    number = len(seen.places) or len(seen.unread)
    what = "a subscription" if number == 1 else f"{number:,} subscriptions"
    where = (
        f", no. {some_of([*map(str, seen.places)], NAMED)} of {seen.total_count:,} in its list"
        if seen.places
        else ""
    )
    whose = (
        f"Nothing is done for the customers {some_of(sorted(seen.unread), NAMED)}."
        if seen.unread
        else "None of it is in the way: whoever seemed to have no subscription was asked for by name."
    )
    return Problem(
        "lago_list_unreadable",
        None,
        f"Lago fails (500) whenever it is to show {what}{where}. Everything else was read. {whose}",
        UNREADABLE_HINT,
    )


def _joined(names: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def payment_not_connected(wanted: Wanted) -> Problem:
    return Problem(
        "payment_not_connected",
        "payment_provider",
        f"Lago took the payment provider of the customer {wanted.external_id}, and connected nothing to it.",
        "Look whether Lago has that provider under that code, then connect the customer there, before the"
        " first invoice.",
    )


def invoiced_today(today: date, bills: Sequence[Bill], clear_from: date | None, zone: str = "") -> Problem:
    """Say what the day of the import does: Lago's hourly job takes what is due today, however young it is.

    `zone` is that of a customer who has one of its own, and so perhaps another day than all others.
    """
    what = "invoice" if not bills else f"invoice {_money(bills)}"
    period = f" for {bills[0].first} to {bills[0].last}" if bills else ""
    if clear_from:
        why = "those days are over, and whoever billed until now has billed them"
        way = f"From {clear_from} on an import would not be invoiced so: wait until then."
    else:
        why = "the trial of the plan is over for this start, so it bills the whole current period"
        way = "It would on any day: give the customer a plan without a trial."
    day = f"{today} in the customer's zone {zone}" if zone else f"{today}"
    return Problem("invoiced_today", "start_date", f"Lago would {what} today, {day},{period}: {why}.", way)


def invoice_of_zero() -> Problem:
    return Problem(
        "invoiced_today_zero",
        "start_date",
        "Lago will make an invoice of 0.00 today, for days that are over.",
        "Nobody pays anything; it is only seen.",
    )


def unforeseen(plan: Plan, why: Unforeseen) -> Problem:
    return Problem(
        "invoice_unforeseen",
        "plan_code",
        f"What Lago will bill first on the plan {plan.code} cannot be told: {UNFORESEEN[why]}.",
        "Look at the customer's first invoice in Lago.",
    )


def _money(bills: Sequence[Bill]) -> str:
    cents = sum(bill.amount_cents for bill in bills)
    return written(cents, bills[0].currency)


def id_mismatch(wanted: Wanted) -> Problem:
    return Problem(
        "lago_id_mismatch",
        "external_id",
        f"The subscription {wanted.subscription_external_id} belongs to another Lago customer.",
        "Terminate or rename it in Lago, or choose another external_id.",
    )


def other_plan(wanted: Wanted, others: Sequence[Subscription]) -> Problem:
    plans = ", ".join(sorted({s.plan_code for s in others}))
    return Problem(
        "lago_subscription_conflict",
        "plan_code",
        f"The Lago customer {wanted.external_id} has a subscription on {plans}, not on {wanted.plan_code}.",
        "An import never changes a plan. Correct the row, or end that subscription in Lago first.",
    )


def other_start(wanted: Wanted, subscription: Subscription) -> Problem:
    return Problem(
        "lago_subscription_conflict",
        "start_date",
        f"The subscription {subscription.external_id} starts at {_instant(subscription.subscription_at)}, "
        f"not at {_instant(wanted.subscription_at)}.",
        f"An import never moves a start. {_other_start_remedy(wanted)}",
    )


def _other_start_remedy(wanted: Wanted) -> str:
    way = "Correct the row, or end that subscription in Lago first."
    if BILLED_UNTIL.of(wanted) is None:
        return way
    return f"Choose --start-after-billed as when it was made: with it, or without. {way}"


def subscription_exists(wanted: Wanted, subscription: Subscription) -> Problem:
    return Problem(
        "lago_subscription_exists",
        "plan_code",
        f"The Lago customer {wanted.external_id} has the subscription {subscription.external_id} "
        f"on {subscription.plan_code} already.",
        ADOPT,
    )


def billed_before(wanted: Wanted, start: date, last: date) -> Problem:
    return Problem(
        "lago_subscription_billed_before",
        "start_date",
        f"The subscription {wanted.subscription_external_id} was ended in Lago and is billed until "
        f"{last}: one that starts on {start} can bill days twice.",
        f"From a start_date of {last + timedelta(days=1)} on it does not.",
    )


def subscription_ends(subscription: Subscription, ending_at: datetime) -> Problem:
    return Problem(
        "lago_subscription_ends",
        "plan_code",
        f"The subscription {subscription.external_id} was there before, and ends by itself on "
        f"{ending_at.astimezone(UTC):%Y-%m-%d (at %H:%M UTC)}.",
        "Lago makes its last invoice then, and bills no session afterwards. Take the end away in Lago if"
        " it is not meant.",
    )


def ends_otherwise(wanted: Wanted, subscription: Subscription) -> Problem:
    return Problem(
        "lago_subscription_ends_otherwise",
        "end_date",
        f"The subscription {subscription.external_id} {_end(subscription.ending_at)}, "
        f"and the file wants it to end at {_instant(END_DATE.of(wanted).begins)}. It is left as it is.",
        "Set its end in Lago if the file is right.",
    )


def customer_missing() -> Divergence:
    return Divergence("missing", "a Lago customer", "none", ONLY_BY_HAND)


def customer_replaced(ref: str, customer: Customer) -> Divergence:
    return Divergence(
        "other_object",
        f"lago_id {ref}",
        f"lago_id {customer.lago_id}",
        "It was deleted and made again in Lago. Check its subscription; a revert will leave it alone.",
    )


def drifted(name: str) -> Divergence:
    return Divergence(
        f"{name}_drifted",
        f"the {name} as here",
        f"another {name} in Lago",
        "Decide which is right and correct the other.",
    )


def other_owner(wanted: Wanted, subscription: Subscription) -> Divergence:
    return Divergence(
        "other_owner",
        f"customer {wanted.external_id}",
        f"customer {subscription.external_customer_id}",
        "End it in Lago, then import a file with this row alone and --skip-existing.",
    )


def plan_changed(wanted: Wanted, subscription: Subscription) -> Divergence:
    return Divergence(
        "other_plan",
        f"plan {wanted.plan_code}",
        f"plan {subscription.plan_code}",
        "If it is wrong: cancel it in Lago, then import a file with this row alone and --skip-existing.",
    )


def plan_change_scheduled(wanted: Wanted, successor: Subscription) -> Divergence:
    return Divergence(
        "other_plan",
        f"plan {wanted.plan_code}",
        f"plan {successor.plan_code} from the next period on",
        "If it is wrong: cancel the change that waits in Lago; until then nothing has changed.",
    )


def start_changed(wanted: Wanted, subscription: Subscription) -> Divergence:
    return Divergence(
        "other_start",
        f"start {_instant(wanted.subscription_at)}",
        f"start {_instant(subscription.subscription_at)}",
        "If it is wrong: cancel it in Lago, then import a file with this row alone and --skip-existing.",
    )


def end_changed(wanted: Wanted, subscription: Subscription) -> Divergence:
    return Divergence(
        "other_end",
        f"ends at {_instant(END_DATE.of(wanted).begins)}",
        _end(subscription.ending_at),
        "If it is wrong: set the end of the subscription in Lago.",
    )


def still_pending(wanted: Wanted) -> Divergence:
    return Divergence(
        "pending",
        f"active since {_instant(wanted.subscription_at)}",
        "pending",
        "Lago activates it by its clock; if it stays, look at Lago's jobs. Sessions are not billed.",
    )


def more_than_one(subscriptions: Sequence[Subscription]) -> Divergence:
    shown = ", ".join(f"{s.external_id} on {s.plan_code}" for s in subscriptions)
    return Divergence(
        "more_than_one", "one subscription", shown, "End the one that should not be there, in Lago."
    )


def subscription_replaced(subscription: Subscription) -> Divergence:
    return Divergence(
        "other_object",
        "the subscription that the run made",
        f"lago_id {subscription.lago_id} under the same external_id",
        "It was ended and made again in Lago. Check its start and plan.",
    )


def subscription_missing(ended: Subscription | None, others: Sequence[Subscription]) -> Divergence:
    if others:
        shown = ", ".join(f"{s.external_id} on {s.plan_code}" for s in others)
        remedy = "Check in Lago which subscription should bill; the mapping points to the one of the run."
        return Divergence("other_subscription", "the subscription of the run", shown, remedy)
    if ended is not None:
        return Divergence("terminated", "an active subscription", ended.status, ONLY_BY_HAND)
    return Divergence("missing", "an active subscription", "none", ONLY_BY_HAND)


def subscription_unread() -> Divergence:
    return Divergence(
        "unreadable", "an active subscription", "Lago fails (500) when it is to show it", UNREADABLE_HINT
    )


def _end(moment: datetime | None) -> str:
    return f"ends at {_instant(moment)}" if moment else "does not end by itself"


def _instant(moment: datetime | None) -> str:
    return moment.isoformat() if moment else "no date"
