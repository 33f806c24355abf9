"""What an invoice needs, from the file to Lago and back: previewed, imported, compared, taken away again."""

import json
from typing import Any

import pytest

from customers.backfill.document import document
from customers.backfill.engine.report import Report
from customers.models import BackfillRow, IdTagMapping, User
from rehearsal.lago import Sandbox
from tests.customers.factories import (
    codes,
    imported,
    lago_customer,
    lago_subscription,
    planned,
    row,
    steps,
    unchanged,
    warnings,
)
from tests.customers.undoing import divergences, reverted
from tests.rehearsal.lago.calls import Caller

pytestmark = pytest.mark.django_db

PERSONAL = {
    "legal_name": "Nordsee Fleet GmbH",
    "tax_identification_number": "DE123456789",
    "address_line1": "Deich 1",
    "city": "Bremen",
    "phone": "+49 421 1",
    "provider_customer_id": "cus_1",
}
GIVEN = {**PERSONAL, "country": "de", "locale": "de", "net_payment_term": "30", "payment_provider": "stripe"}
COMPANY = row(1, **GIVEN, card_name="Van 1")
SECOND_CARD = row(1, id_tag="TAG9", card_name="Van 2", **dict.fromkeys(GIVEN, ""))


def fleet() -> list[dict[str, str]]:
    """A customer whose first row leaves blank what the second one has, and a private one."""
    return [SECOND_CARD, COMPANY, row(2)]


@pytest.fixture(autouse=True)
def provider(lago: Sandbox) -> None:
    lago.set_organization(payment_providers=["stripe:eu"])


def stored(lago: Sandbox, external_id: str = "C-1") -> dict[str, Any]:
    (found,) = [one for one in lago.state()["customers"] if one["external_id"] == external_id]
    return found["columns"] | found["billing_configuration"]  # type: ignore[no-any-return]


def head(report: Report) -> dict[str, Any]:
    return json.loads("".join(document(report)))  # type: ignore[no-any-return]


def file_codes(report: Report) -> list[tuple[str, str | None]]:
    return [(one["code"], one["field"]) for one in head(report)["warnings"]]


# --- Preview ---------------------------------------------------------------------------------------------


def test_the_preview_counts_what_the_file_gives(lago: Sandbox) -> None:
    same = unchanged(lago)

    report = planned(fleet())

    told = {one["step"]: one for one in head(report)["details"]}
    assert same()
    assert told["lago_customer"]["message"].startswith(
        "Of 2 new Lago customers the file gives legal_name for 1, tax_identification_number for 1, "
    )
    assert told["id_tag_mapping"]["given"] == {"card_name": 2}
    assert file_codes(report) == []
    assert not any(value in "".join(document(report)) for value in PERSONAL.values())


def test_the_preview_names_languages_that_our_mails_or_lago_do_not_have(settings: Any) -> None:
    settings.MAIL_LANGUAGE = "de"
    locales = ("nl", "NL-be", "pl", "sv", "de-AT", "")

    report = planned([row(number, locale=locale) for number, locale in enumerate(locales, 1)])

    ours, theirs = head(report)["warnings"]
    assert (ours["code"], theirs["code"]) == ("locale_untranslated", "locale_unknown_to_lago")
    assert "2 customers (pl 1, sv 1)" in ours["message"]
    assert "German" in ours["hint"]
    assert "3 customers (nl 2, pl 1)" in theirs["message"]
    assert [one.get("locale") for one in head(report)["rows"]] == ["nl", "nl", "pl", "sv", "de", None]


def test_a_file_without_languages_is_not_told_of_them() -> None:
    report = planned([row(1, city="Bremen")])

    assert file_codes(report) == []
    assert "locale" not in head(report)["rows"][0]


def test_a_language_that_lago_does_not_know_is_kept_here_and_not_sent_there(lago: Sandbox) -> None:
    report = imported([row(1, locale="nl"), row(2, locale="de_AT")])

    kept = User.objects.order_by("external_id").values_list("locale", flat=True)
    assert (report.status, divergences(), list(kept)) == ("succeeded", set(), ["nl", "de"])
    assert stored(lago, "C-1").get("document_locale") is None
    assert stored(lago, "C-2")["document_locale"] == "de"


def test_cards_of_one_customer_agree_however_the_language_is_spelt() -> None:
    one, other = row(1, locale="de"), row(1, id_tag="TAG9", locale="DE-at")
    blank, french = row(2, locale=""), row(2, id_tag="TAG8", locale="fr")
    clash = [row(3, locale="de"), row(3, id_tag="TAG7", locale="fr")]

    report = planned([one, other, blank, french, *clash])

    problems = [[problem["code"] for problem in one["problems"]] for one in head(report)["rows"]]
    assert problems == [[], [], [], [], ["external_id_duplicate"], ["external_id_duplicate"]]


def test_where_taxes_depend_on_it_those_without_are_counted(lago: Sandbox) -> None:
    lago.set_organization(eu_tax_management=True)

    report = planned([COMPANY, row(2, country="fr"), row(3)])

    assert file_codes(report)[:2] == [
        ("details_missing", "country"),
        ("details_missing", "tax_identification_number"),
    ]
    assert "1 of 3 new Lago customers has no country" in head(report)["warnings"][0]["message"]
    assert "2 of 3 new Lago customers have no tax" in head(report)["warnings"][1]["message"]


def test_a_file_without_any_of_it_is_not_told_of_it() -> None:
    report = planned([row(1)])

    assert (head(report)["details"], file_codes(report)) == ([], [])


# --- Import ----------------------------------------------------------------------------------------------


def test_the_import_gives_it_to_lago_and_keeps_no_more_than_it_needs(lago: Sandbox) -> None:
    report = imported(fleet())

    assert (report.status, divergences()) == ("succeeded", set())
    assert PERSONAL.items() <= stored(lago).items()
    assert (stored(lago)["country"], stored(lago)["document_locale"]) == ("DE", "de")
    assert User.objects.get(external_id="C-1").locale == "de"
    names = IdTagMapping.objects.order_by("id_tag").values_list("id_tag", "name")
    assert list(names) == [("TAG0001", "Van 1"), ("TAG0002", ""), ("TAG9", "Van 2")]
    kept = json.dumps(list(BackfillRow.objects.values_list("more", "warnings")))
    assert not any(value in kept for value in [*PERSONAL.values(), "Van 1"])


def test_a_provider_that_connects_nothing_is_a_warning_of_its_row_and_diverges(lago: Sandbox) -> None:
    report = imported([row(1, **GIVEN | {"payment_provider": "adyen"}), row(2, **GIVEN)])

    assert report.status == "succeeded"
    assert [warnings(report, line) for line in (2, 3)] == [["payment_not_connected"], []]
    assert list(BackfillRow.objects.exclude(warnings=[]).values_list("line", flat=True)) == [2]
    assert divergences() == {
        ("C-1", "lago_customer", "payment_provider_drifted"),
        ("C-1", "lago_customer", "provider_customer_id_drifted"),
    }


def test_an_adopted_customer_is_never_written_to_and_what_differs_is_a_warning(lago: Sandbox) -> None:
    lago_customer(lago, currency="EUR")
    before = stored(lago)

    report = imported([COMPANY], skip_existing=True)

    assert warnings(report) == ["lago_customer_differs"]
    assert stored(lago) == before


def test_what_1_0_imported_beside_such_a_column_stays_in(lago: Sandbox) -> None:
    imported([row(1)])

    again = planned([row(1, country="Germany", city="Bonn\nBeuel")], skip_existing=True)
    new = planned([row(2, country="Germany")], skip_existing=True)

    assert (codes(again), codes(new)) == ([], ["country_invalid"])


def test_an_unanswered_create_with_details_is_ours(lago: Sandbox) -> None:
    lago.fault("500_after,method=POST,path=/customers,times=5")
    imported([COMPANY])
    lago.clear_faults()

    assert steps(planned([COMPANY]))["lago_customer"] == "done"


# --- Reconcile and revert --------------------------------------------------------------------------------


def test_what_was_changed_in_lago_diverges(lago: Sandbox, by_hand: Caller) -> None:
    imported(fleet())
    changes = {"city": "Hamburg", "net_payment_term": 14, "billing_configuration": {"document_locale": "fr"}}
    by_hand.post("/customers", {"customer": {"external_id": "C-1", **changes}})

    drifted = {kind for _, _, kind in divergences()}

    assert drifted == {"city_drifted", "net_payment_term_drifted", "locale_drifted"}


@pytest.mark.parametrize(
    "fault", ["", "500_after,method=POST,path=/customers,times=5"], ids=["whole", "lost"]
)
def test_a_revert_leaves_no_trace(lago: Sandbox, fault: str) -> None:
    before = lago.state(live=True, volatile=True)
    if fault:
        lago.fault(fault)
    imported([COMPANY, SECOND_CARD])
    lago.clear_faults()

    assert reverted().status == "reverted"

    assert lago.state(live=True, volatile=True) == before
    assert (User.objects.count(), IdTagMapping.objects.count()) == (0, 0)


def test_the_customer_of_an_adopted_subscription_keeps_what_it_has(lago: Sandbox) -> None:
    lago_customer(lago, details={"city": "Hamburg"})
    lago_subscription(lago)
    before = lago.state(volatile=True)

    imported([COMPANY], skip_existing=True)
    reverted()

    assert lago.state(volatile=True) == before
