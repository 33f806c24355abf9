"""What a difference is called, what it costs and what is to be done: for terminal, page and file alike."""

from customers.backfill.compare.values import Cost, Difference, Kind, Price, Sum
from customers.backfill.money.words import change
from kernel.money import written
from kernel.wording import counted

TITLES = {
    Kind.LEFT: "Left",
    Kind.JOINED: "Joined",
    Kind.PLAN: "Another plan",
    Kind.START: "Another start",
    Kind.EMAIL: "Another address",
    Kind.NAME: "Another name",
    Kind.CARD_MOVED: "Card moved to somebody else",
    Kind.CARD_REPLACED: "Card replaced",
    Kind.CARD_ADDED: "Card added",
    Kind.CARD_GONE: "Card gone",
    Kind.CARD_OFF: "Card switched off here",
}
END = (
    "End the subscription in Lago without closing invoice and credit note, import the customer's rows with"
    " --skip-existing,"
)
TO_DO = {
    Kind.LEFT: "Revert them: nobody is invoiced by that. What was there before the import is left, to be"
    " ended in Lago by hand.",
    Kind.JOINED: "Import them, after those who left are reverted.",
    Kind.PLAN: f"{END} and the new plan is made. Or change the plan in Lago, which bills the change.",
    Kind.START: f"If the new start is right: {END[0].lower()}{END[1:]} and it is made with the new start.",
    Kind.EMAIL: "Change the address of the customer here, and in Lago, for its invoices.",
    Kind.NAME: "Change the name of the customer here, and in Lago, for its invoices.",
    Kind.CARD_MOVED: "Switch the card off here, so that the former customer does not pay for it. It becomes"
    " the other's only once the former customer is reverted; then import the rows of both.",
    Kind.CARD_REPLACED: "Import the row of the new card with --skip-existing, and switch the old card off.",
    Kind.CARD_ADDED: "Import the row of the card with --skip-existing.",
    Kind.CARD_GONE: "Switch the card off, or whoever has it charges at the customer's expense.",
    Kind.CARD_OFF: "Somebody switched it off. If the file is right, switch it on.",
}
INTERVALS = {
    "weekly": "a week",
    "monthly": "a month",
    "quarterly": "a quarter",
    "semiannual": "a half-year",
    "yearly": "a year",
}
NET = "Prices are of a whole interval of the plan: net, without usage, taxes, credits and coupons."


def to_do(kind: Kind) -> str:
    return TO_DO[kind]


def cost_sentence(one: Difference) -> str:
    """Say what one costs or saves; blank where it is no money."""
    cost = one.cost
    if one.kind is Kind.LEFT and cost.was:
        return f"billed by mistake: {_price(cost.was)}"
    if one.kind is Kind.JOINED and cost.now:
        return f"not billed yet: {_price(cost.now)}{_first(cost)}"
    if one.kind is Kind.PLAN and cost.was and cost.now:
        return _difference(cost.was, cost.now)
    if one.kind is Kind.START and cost.now:
        return f"at {_price(cost.now)}"
    return ""


def sum_sentence(one: Sum) -> str:
    """Say what all of a kind make, of those whose price is known."""
    who = counted(one.customers, "customer")
    return f"{TITLES[one.kind]}: {change(one.cents, one.currency)} {interval(one.interval)}, {who}"


def interval(name: str) -> str:
    return INTERVALS.get(name, name)


def _price(price: Price) -> str:
    if price.cents is None:
        return f"{price.plan_code}, whose price cannot be told"
    return f"{written(price.cents, price.currency)} {interval(price.interval)}"


def _first(cost: Cost) -> str:
    if cost.first is None:
        return ""
    return f"; first invoice {cost.first.day} {written(cost.first.amount_cents, cost.first.currency)}"


def _difference(was: Price, now: Price) -> str:
    is_alike = (was.currency, was.interval) == (now.currency, now.interval)
    if was.cents is None or now.cents is None or not is_alike:
        return f"{_price(was)} until now, then {_price(now)}"
    if was.cents == now.cents:
        return "the same price"
    more, word = now.cents - was.cents, "more" if now.cents > was.cents else "less"
    return f"{written(abs(more), now.currency)} {interval(now.interval)} {word}"
