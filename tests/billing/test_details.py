"""What a customer's invoices need: sent with a new customer, compared, told from what others gave."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from billing.client import LagoClient
from billing.customer_step import LagoCustomerStep
from kernel import Action, Made, Task, Verdict, Wanted
from kernel.columns import as_json, from_json
from rehearsal.lago import SANDBOX_KEY, Sandbox
from tests.billing.test_steps import wanted

DETAILS = {
    "legal_name": "Nordsee Fleet GmbH",
    "tax_identification_number": "DE123456789",
    "address_line1": "Deich 1",
    "address_line2": "Tor 3",
    "zipcode": "28195",
    "city": "Bremen",
    "state": "HB",
    "country": "DE",
    "phone": "+49 421 1",
    "net_payment_term": 30,
}
CONNECTED = {"payment_provider": "stripe", "payment_provider_code": "eu", "provider_customer_id": "cus_1"}
ALL = {**DETAILS, **CONNECTED, "locale": "de"}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(payment_providers=["stripe:eu"], on_a_quiet_day=True) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Sandbox:
    running.reset()
    return running


@pytest.fixture
def step(sandbox: Sandbox, connect: Callable[..., LagoClient]) -> LagoCustomerStep:
    lago = connect(sandbox.url, SANDBOX_KEY)
    return LagoCustomerStep(lago, lago.plans())


def asking(**more: Any) -> Wanted:
    return replace(wanted(), more=more)


def recorded(row: Wanted) -> Wanted:
    """The row as the ledger gives it back."""
    return replace(row, more=from_json(as_json(row.more, "salt")))


def create(step: LagoCustomerStep, row: Wanted) -> Made:
    return step.create(Task(row, Verdict(Action.CREATE), {}))


def check(step: LagoCustomerStep, row: Wanted) -> Verdict:
    return step.check(row, step.look_up([row]))


def stored(sandbox: Sandbox) -> dict[str, Any]:
    (customer,) = sandbox.state()["customers"]
    kept = customer["columns"] | customer["billing_configuration"]
    return {name: value for name, value in kept.items() if name not in ("name", "email")}


def test_a_new_customer_has_all_of_it(sandbox: Sandbox, step: LagoCustomerStep) -> None:
    made = create(step, asking(**ALL))

    assert (made.adopted, made.remarks) == (False, ())
    assert stored(sandbox) == {**DETAILS, **CONNECTED, "document_locale": "de"}


def test_without_values_nothing_more_is_sent(sandbox: Sandbox, step: LagoCustomerStep) -> None:
    create(step, asking(card_name="Van 3"))

    assert stored(sandbox) == {}


@pytest.mark.parametrize(
    "unknown", [{"payment_provider_code": "us"}, {"payment_provider": "adyen"}], ids=["code", "provider"]
)
def test_a_provider_that_lago_does_not_know_is_told_of(
    sandbox: Sandbox, step: LagoCustomerStep, unknown: dict[str, str]
) -> None:
    made = create(step, asking(**ALL | unknown))

    assert (made.adopted, [remark.code for remark in made.remarks]) == (False, ["payment_not_connected"])
    assert stored(sandbox) == {**DETAILS, "document_locale": "de"}


def test_where_lago_refuses_only_how_to_bill_the_customer_is_ours_and_it_is_told_of(
    sandbox: Sandbox, step: LagoCustomerStep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.details.LOCALES", {"xx"})  # as if Lago had another list than ours

    made = create(step, asking(**ALL | {"locale": "xx"}))

    assert (made.adopted, [remark.code for remark in made.remarks]) == (False, ["payment_not_connected"])
    assert stored(sandbox) == DETAILS


def test_a_language_that_lago_does_not_know_is_not_sent_and_does_not_differ(
    sandbox: Sandbox, step: LagoCustomerStep
) -> None:
    made = create(step, asking(**ALL | {"locale": "nl"}))

    assert (made.remarks, stored(sandbox)) == ((), {**DETAILS, **CONNECTED})


@pytest.mark.parametrize("fault", ["reset_after", "500_after"])
def test_one_whose_answer_was_lost_is_ours(sandbox: Sandbox, step: LagoCustomerStep, fault: str) -> None:
    sandbox.fault(f"{fault},method=POST,path=/customers")

    assert create(step, asking(**ALL)).adopted is False


@pytest.mark.parametrize("as_it_is", [lambda row: row, recorded], ids=["planned", "recorded"])
@pytest.mark.parametrize(
    ("there", "asked", "is_ours"),
    [
        (ALL, ALL, True),
        ({}, {}, True),
        ({}, ALL, True),  # of a version that did not know the columns
        (DETAILS | {"locale": "de"}, ALL, True),  # Lago had not connected it yet
        (ALL, {}, False),
        (ALL, ALL | {"city": "Hamburg"}, False),
        (ALL, ALL | {"net_payment_term": 14}, False),
    ],
    ids=["all", "none", "older", "unconnected", "furnished", "other city", "other term"],
)
def test_whether_one_that_is_there_may_be_ours(
    step: LagoCustomerStep,
    there: dict[str, Any],
    asked: dict[str, Any],
    is_ours: bool,
    as_it_is: Callable[[Wanted], Wanted],
) -> None:
    create(step, asking(**there))

    assert check(step, as_it_is(asking(**asked))).may_be_ours is is_ours


@pytest.mark.parametrize("as_it_is", [lambda row: row, recorded], ids=["planned", "recorded"])
def test_what_differs_is_named_and_never_written(
    sandbox: Sandbox, step: LagoCustomerStep, as_it_is: Callable[[Wanted], Wanted]
) -> None:
    create(step, asking(**ALL))
    other = as_it_is(asking(**ALL | {"city": "Hamburg", "locale": "fr", "provider_customer_id": "cus_2"}))

    verdict = check(step, other)
    step.create(Task(other, verdict, {}))

    (warning,) = verdict.warnings
    assert "another city, locale and provider_customer_id; it is left as it is" in warning.message
    assert "Hamburg" not in str(warning)
    assert stored(sandbox)["city"] == "Bremen"
