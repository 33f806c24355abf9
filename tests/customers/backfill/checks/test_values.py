"""The rules for single values."""

from dataclasses import dataclass

import email_validator
import pytest
from hypothesis import given
from hypothesis import strategies as st

from customers.backfill.checks.emails import _is_common, check_email
from customers.backfill.checks.values import (
    check_display_name,
    check_external_id,
    check_id_tag,
    check_plan_code,
    lowercase_warning,
    pending_deletion_warning,
)
from kernel import Problem


@dataclass(frozen=True)
class Plan:
    code: str
    pending_deletion: bool = False
    amount_currency: str | None = "EUR"
    interval: str | None = "monthly"


PLANS = {code: Plan(code) for code in ("standard", "fleet", "night")}


def code_of(checked: str | Problem) -> str:
    assert isinstance(checked, Problem)
    return checked.code


# Email


@pytest.mark.parametrize(
    "email",
    [
        "ann@example.com",
        "Ann.O'Neill+ev@Mail.Example.CO.UK",
        "a@b.de",
        "x_y-z@sub-domain.example.org",
        "ann@something.test",
        "ann@corp.local",
        "o'neill@corp.local",
        "a+b@xn--mller-kva.de",
        "1@2.de",
        "{a}@example.com",
        f"{'a' * 64}@example.com",
    ],
)
def test_an_address_is_kept_but_for_its_capitals(email: str) -> None:
    assert check_email(email) == email.lower()


@pytest.mark.parametrize("email", ["Ann@Example.com", "ANN@XN--MLLER-KVA.DE", "O'NEILL@corp.LOCAL"])
def test_an_address_is_taken_in_lower_case_as_people_sign_in_with_it(email: str) -> None:
    checked = check_email(email)

    assert isinstance(checked, str)
    assert checked == checked.lower() != email


@pytest.mark.parametrize("email", ["İda@example.com", "straße@example.com", "ΟΔΟΣ@example.com", "K@x.de"])
def test_letters_whose_lower_case_is_disputed_are_refused(email: str) -> None:
    assert code_of(check_email(email)) == "email_invalid"


@pytest.mark.parametrize("email", [" ann@example.com", "ann@example.com\u00a0", "\tann@example.com\r\n"])
def test_blanks_around_an_address_are_taken_away(email: str) -> None:
    assert check_email(email) == "ann@example.com"


@pytest.mark.parametrize("email", ["", "  ", "\u00a0"])
def test_no_address_is_told(email: str) -> None:
    assert code_of(check_email(email)) == "email_blank"


@pytest.mark.parametrize(
    "email",
    [
        "x",
        "a@b",
        "@example.com",
        "a@",
        "two@@example.com",
        "a@example.com,b@example.com",
        "a@example.com,",
        "a@example.com; b@example.com",
        "Ann <ann@example.com>",
        "<ann@example.com>",
        "sp ace@example.com",
        "ann@exam ple.com",
        "tail@example.com.",
        ".a@example.com",
        "a..b@example.com",
        "a.@example.com",
        "a@-example.com",
        "a@example-.com",
        "a@example..com",
        "a@ex_ample.com",
        "a@[127.0.0.1]",
        '"a b"@example.com',
        "jürgen@example.com",
        "ann@müller.de",
        "ann\u200b@example.com",
        "ann@example.com\u200b",
        "ann\u2013lee@example.com",
        "ann@exam\u2212ple.com",
        "ann@example.com\x00",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 64}.com",
        f"a@{'b.' * 130}com",
        "a@123.456",
    ],
)
def test_what_is_not_one_plain_address_is_refused(email: str) -> None:
    assert code_of(check_email(email)) == "email_invalid"


@pytest.mark.parametrize(
    ("email", "part"),
    [
        ("a@example.com, b@example.com", "exactly one"),
        ("Ann <ann@example.com>", "angle brackets"),
        ("ann\u200b@example.com", "invisible"),
        ("ann@müller.de", "xn--"),
        ("ann", "name@example.com"),
    ],
)
def test_the_hint_fits_the_mistake(email: str, part: str) -> None:
    problem = check_email(email)

    assert isinstance(problem, Problem)
    assert part in problem.hint


@given(st.from_regex(r"[a-zA-Z0-9_.+-]{1,66}@[a-zA-Z0-9.-]{1,70}", fullmatch=True))
def test_the_short_cut_accepts_nothing_that_the_library_refuses(email: str) -> None:
    if _is_common(email):
        email_validator.validate_email(email, check_deliverability=False, strict=True)


@given(st.emails())
def test_every_accepted_address_is_plain(email: str) -> None:
    checked = check_email(email)

    assert isinstance(checked, Problem) or (checked == email.lower() and checked.isascii())


# Name


@pytest.mark.parametrize(
    "name", ["Ann", "Αιμιλία Βλάσση", "שרה", "🚗 GmbH", "O'Neill & Sons", "x" * 255, "-", "a\u200db"]
)
def test_a_name_is_kept_as_given(name: str) -> None:
    assert check_display_name(f" {name}\t") == name


@pytest.mark.parametrize("name", ["", "   ", "\u00a0", "\u200b", "\x00"])
def test_a_name_that_nobody_can_see_is_blank(name: str) -> None:
    assert code_of(check_display_name(name)) == "display_name_blank"


def test_a_name_that_is_too_long_is_refused() -> None:
    assert code_of(check_display_name("x" * 256)) == "display_name_too_long"


@pytest.mark.parametrize("name", ["Ann\nExample", "Ann\tExample", "A\x00B", "A\u2028B", "A\x85B", "A\ud83d"])
def test_a_name_with_a_control_character_is_refused(name: str) -> None:
    assert code_of(check_display_name(name)) == "display_name_invalid"


# external_id


@pytest.mark.parametrize(
    "external_id", ["LEGACY-1", "a/b?c#d%20.json", "Kunde 7", "0", "é", "...", "x" * 255]
)
def test_an_external_id_is_kept_as_given(external_id: str) -> None:
    assert check_external_id(f" {external_id}\u00a0") == external_id


@pytest.mark.parametrize(
    "external_id", [".", "..", " .. ", "a\tb", "a\nb", "a\u200bb", "a\u00a0b", "x" * 256]
)
def test_an_external_id_that_cannot_be_one_is_refused(external_id: str) -> None:
    assert code_of(check_external_id(external_id)) == "external_id_invalid"


def test_no_external_id_is_told() -> None:
    assert code_of(check_external_id("  ", is_text=False)) == "external_id_blank"


def test_a_number_is_no_external_id() -> None:
    assert code_of(check_external_id("123", is_text=False)) == "external_id_invalid"


# idTag


@pytest.mark.parametrize(
    "id_tag",
    [
        "A1B2C3D4",
        "04E12345",
        "5E09",
        "12E5",
        "E5",
        "-",
        "_",
        "123456",
        "00123456",
        "X" * 20,
        "METAL",
        "5E-09",
        "1E-",
    ],
)
def test_an_id_tag_is_kept_as_given(id_tag: str) -> None:
    assert check_id_tag(f"\t{id_tag} ") == id_tag


@pytest.mark.parametrize(
    "id_tag",
    ["AB CD", "AB;CD", "ÄÖÜ12345", "X" * 21, "?", "А1В2", "A.B", "A:B", "#N/A", "1.5", "A1\u200b", "１２"],
)
def test_what_is_not_an_id_tag_is_refused(id_tag: str) -> None:
    assert code_of(check_id_tag(id_tag)) == "id_tag_invalid"


@pytest.mark.parametrize(
    "id_tag",
    [
        "1.2E+13",
        "4,12E+13",
        "5E+09",
        "5e+09",
        "5.00E-09",
        "1.2E13",
        "123456.0",
        "123456,00",
        "-5.0",
        "4.12345678901234E+19",
    ],
)
def test_what_a_spreadsheet_made_of_an_id_tag_is_told(id_tag: str) -> None:
    assert code_of(check_id_tag(id_tag)) == "id_tag_damaged"


def test_a_number_is_a_damaged_id_tag() -> None:
    assert code_of(check_id_tag("123456", is_text=False)) == "id_tag_damaged"


@pytest.mark.parametrize("id_tag", ["META-1", "meta-1", "OCPP-1", "OCPP-D-1", "App-1", "qr-9"])
def test_a_reserved_prefix_is_refused_in_any_case(id_tag: str) -> None:
    assert code_of(check_id_tag(id_tag)) == "id_tag_reserved"


def test_no_id_tag_is_told() -> None:
    assert code_of(check_id_tag("\u00a0", is_text=False)) == "id_tag_blank"


def test_a_problem_shows_at_most_four_characters_of_an_id_tag() -> None:
    problem = check_id_tag("SECRET;CARD")

    assert isinstance(problem, Problem)
    assert "“SECR…”" in problem.message


@pytest.mark.parametrize(
    ("id_tag", "warned"),
    [("a1b2", True), ("A1b2", True), ("A1B2", False), ("1234", False), ("xyz", False), ("", False)],
)
def test_hexadecimal_in_lower_case_is_warned_of(id_tag: str, warned: bool) -> None:
    assert (lowercase_warning(id_tag) is not None) == warned


# Plan


def test_a_plan_code_is_found_without_blanks_around_it() -> None:
    assert check_plan_code(" fleet ", PLANS) == "fleet"


def test_no_plan_code_is_told_with_those_there_are() -> None:
    problem = check_plan_code("", PLANS)

    assert problem == Problem(
        "plan_code_blank", "plan_code", "There is no plan code.", "Plans in Lago: fleet, night, standard."
    )


@pytest.mark.parametrize("given_code", ["Standard", "standart", "STANDARD", "standard-2"])
def test_a_plan_that_is_nearly_right_is_pointed_out(given_code: str) -> None:
    problem = check_plan_code(given_code, PLANS)

    assert isinstance(problem, Problem)
    assert problem.code == "plan_not_found"
    assert problem.hint.startswith("Did you mean “standard”?")


def test_only_some_of_many_plans_are_named() -> None:
    problem = check_plan_code("x", {f"plan_{n}": Plan(f"plan_{n}") for n in range(9)})

    assert isinstance(problem, Problem)
    assert problem.hint == "Plans in Lago: plan_0, plan_1, plan_2, plan_3, plan_4 and 4 more."


def test_a_lago_without_plans_is_told() -> None:
    problem = check_plan_code("x", {})

    assert isinstance(problem, Problem)
    assert problem.hint == "Lago has no plans; create one first."


@pytest.mark.parametrize("wrong_column", ["ann@example.com", "Ann Example"])
def test_a_name_or_an_address_in_the_column_of_the_plan_is_not_shown(wrong_column: str) -> None:
    assert "Ann" not in str(check_plan_code(wrong_column, PLANS)).title()


def test_a_plan_that_is_being_deleted_is_warned_of() -> None:
    plans = {"old": Plan("old", pending_deletion=True), "new": Plan("new")}

    assert pending_deletion_warning("old", plans) is not None
    assert pending_deletion_warning("new", plans) is None
    assert pending_deletion_warning("", plans) is None
