"""Everybody × every address and action of the admin: who gets in."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from auditlog.models import AuditEntry
from customers.backfill import approvals
from customers.models import (
    BackfillMapping,
    BackfillRun,
    BackfillUpload,
    IdTagMapping,
    PlanApproval,
    User,
    WelcomeCampaign,
)
from rehearsal.lago import Sandbox
from tests.customers.admin.world import EVERYTHING, client_of, customers_csv, member_of_staff, preview_of
from tests.customers.factories import imported, rows

pytestmark = pytest.mark.django_db

RUNS = {
    "run_backfill",
    "revert_backfill",
    "send_welcome",
    "view_backfillrun",
    "approve_backfill",
    "control_backfill",
}


class Together(frozenset[str]):
    """Permissions that open an address only together; so none of those who have one of them gets in."""


CARDS = Together({"view_backfillrun", "view_idtagmapping"})
NOBODY: set[str] = set()  # but superusers
NEVER = {"never"}  # not even superusers
PEOPLE = (*EVERYTHING, "plain staff", "customer", "anonymous", "superadmin", "superuser")

# Name of the address, method, and the permissions any of which opens it.
GATES: list[tuple[str, str, set[str] | Together]] = [
    ("customers_backfillrun_changelist", "GET", RUNS),
    ("customers_backfillrun_change", "GET", RUNS),
    ("customers_backfillrun_system", "GET", RUNS),
    ("customers_backfillrun_file", "GET", RUNS),
    ("customers_backfillrun_history", "GET", RUNS),
    ("customers_backfillrun_failed", "GET", {"run_backfill"}),
    ("customers_backfillrun_results", "GET", {"run_backfill"}),
    # Of an import, which the run at hand is: whoever may begin one, or control what others began.
    *(
        (f"customers_backfillrun_{what}", "POST", {"run_backfill", "control_backfill"})
        for what in ("stop", "pause", "resume", "pace", "start_now")
    ),
    ("customers_backfillrun_continue", "POST", {"run_backfill"}),
    ("customers_backfillrun_reconcile", "GET", RUNS),
    ("customers_backfillrun_reconcile", "POST", {"run_backfill"}),
    ("customers_backfillrun_repair", "GET", {"run_backfill"}),
    ("customers_backfillrun_repair", "POST", {"run_backfill"}),
    ("customers_backfillrun_repair_look", "POST", {"run_backfill"}),
    ("customers_backfillrun_verify", "GET", RUNS),
    ("customers_backfillrun_verify", "POST", {"run_backfill"}),
    ("customers_backfillrun_verify_stop", "POST", {"run_backfill"}),
    ("customers_backfillrun_cards", "GET", CARDS),
    ("customers_backfillrun_cards_board", "GET", CARDS),
    ("customers_backfillrun_cards_correct", "POST", Together({"run_backfill", "view_idtagmapping"})),
    ("customers_backfillrun_cards_stop", "POST", Together({"view_backfillrun", "change_idtagmapping"})),
    ("customers_backfillrun_charge", "GET", {"run_backfill"}),
    ("customers_backfillrun_charge", "POST", {"run_backfill"}),
    ("customers_backfillrun_charge_now", "POST", {"run_backfill"}),
    ("customers_backfillrun_revert", "GET", {"revert_backfill"}),
    ("customers_backfillrun_revert", "POST", {"revert_backfill"}),
    ("customers_backfillrun_revert_look", "POST", {"revert_backfill"}),
    ("customers_backfillrun_welcome", "GET", {"send_welcome", "control_backfill"}),
    ("customers_backfillrun_welcome", "POST", {"send_welcome"}),
    ("customers_backfillrun_welcome_count", "GET", {"send_welcome"}),
    ("customers_backfillrun_welcome_try", "POST", {"send_welcome"}),
    ("customers_backfillrun_welcome_mail", "GET", {"send_welcome"}),
    *(
        (f"customers_backfillrun_welcome_{what}", "POST", {"send_welcome", "control_backfill"})
        for what in ("pause", "resume", "stop", "pace")
    ),
    ("customers_backfillrun_preflight", "GET", {"run_backfill"}),
    ("customers_backfillrun_preflight_part", "GET", {"run_backfill"}),
    ("customers_backfillrun_preflight_test", "POST", {"run_backfill"}),
    ("customers_backfillrun_compare", "GET", {"run_backfill"}),
    ("customers_backfillrun_compare", "POST", {"run_backfill"}),
    ("customers_backfillrun_tell_again", "POST", {"run_backfill"}),
    ("customers_backfillrun_import", "GET", {"run_backfill"}),
    ("customers_backfillrun_import", "POST", {"run_backfill"}),
    ("customers_backfillrun_process_import", "POST", {"run_backfill"}),
    ("customers_backfillrun_preview", "GET", {"run_backfill", "approve_backfill"}),  # that asks for approval
    ("customers_backfillrun_ask", "POST", {"run_backfill"}),
    ("customers_backfillrun_approvals", "GET", {"run_backfill", "approve_backfill"}),
    ("customers_backfillrun_plan", "GET", {"run_backfill", "approve_backfill"}),
    ("customers_backfillrun_approve", "POST", {"approve_backfill"}),
    ("customers_backfillrun_decline", "POST", {"approve_backfill"}),
    ("customers_backfillrun_errors", "GET", {"run_backfill"}),
    ("customers_backfillrun_discard", "POST", {"run_backfill"}),
    ("customers_backfillrun_remedy", "POST", {"run_backfill"}),
    ("customers_backfillrun_options", "POST", {"run_backfill"}),
    ("customers_backfillrun_correct", "POST", {"run_backfill"}),
    ("customers_backfillrun_merge", "POST", {"run_backfill"}),
    ("customers_backfillrun_corrected", "GET", {"run_backfill"}),
    ("customers_backfillrun_columns", "GET", {"run_backfill"}),
    ("customers_backfillrun_columns", "POST", {"run_backfill"}),
    ("customers_backfillrun_columns_file", "GET", {"run_backfill"}),
    ("customers_backfillrun_columns_file", "POST", {"run_backfill"}),
    ("customers_backfillrun_add", "GET", NEVER),
    ("customers_backfillrun_delete", "GET", NEVER),
    ("customers_customer_changelist", "GET", {"view_customer", "change_customer"}),
    ("customers_customer_change", "GET", {"view_customer", "change_customer"}),
    ("customers_customer_change", "POST", {"change_customer"}),
    ("customers_customer_history", "GET", {"view_customer", "change_customer"}),
    ("customers_customer_sessions", "GET", {"view_customer"}),
    ("customers_customer_platform", "GET", {"view_customer"}),
    ("customers_customer_figures", "GET", {"view_customer"}),
    ("customers_customer_lago", "GET", {"view_customer"}),
    ("customers_customer_billed", "GET", {"view_customer"}),
    ("customers_customer_send_link", "POST", {"send_welcome"}),
    ("customers_customer_add", "GET", NEVER),
    ("customers_customer_delete", "POST", NEVER),
    ("customers_idtagmapping_changelist", "GET", {"view_idtagmapping", "change_idtagmapping"}),
    ("customers_idtagmapping_change", "GET", {"view_idtagmapping", "change_idtagmapping"}),
    ("customers_idtagmapping_change", "POST", {"change_idtagmapping"}),
    ("customers_idtagmapping_history", "GET", {"view_idtagmapping", "change_idtagmapping"}),
    ("customers_idtagmapping_platform", "GET", {"view_idtagmapping", "change_idtagmapping"}),
    ("customers_idtagmapping_add", "GET", NEVER),
    ("customers_idtagmapping_delete", "POST", NEVER),
    ("customers_backfillmapping_changelist", "GET", {"run_backfill", "edit_mappings"}),
    ("customers_backfillmapping_change", "GET", {"run_backfill", "edit_mappings"}),
    ("customers_backfillmapping_change", "POST", {"edit_mappings"}),
    ("customers_backfillmapping_file", "GET", {"run_backfill", "edit_mappings"}),
    ("customers_backfillmapping_history", "GET", {"run_backfill", "edit_mappings"}),
    ("customers_backfillmapping_add", "GET", {"edit_mappings"}),
    ("customers_backfillmapping_delete", "POST", {"edit_mappings"}),
    ("auditlog_auditentry_changelist", "GET", {"view_auditentry"}),
    ("auditlog_auditentry_change", "GET", {"view_auditentry"}),
    ("auditlog_auditentry_change", "POST", NEVER),
    ("auditlog_auditentry_export", "GET", {"view_auditentry"}),
    ("auditlog_auditentry_history", "GET", {"view_auditentry"}),
    ("auditlog_auditentry_add", "GET", NEVER),
    ("auditlog_auditentry_delete", "POST", NEVER),
    ("customers_user_changelist", "GET", NOBODY),
    ("customers_user_change", "GET", NOBODY),
    ("customers_user_change", "POST", NOBODY),
    ("customers_user_history", "GET", NOBODY),
    ("customers_user_add", "GET", NOBODY),
    ("customers_user_delete", "POST", NEVER),
    ("auth_user_password_change", "GET", NOBODY),
    ("auth_group_changelist", "GET", NOBODY),
    ("auth_group_change", "GET", NOBODY),
    ("auth_group_history", "GET", NOBODY),
    ("auth_group_add", "GET", NOBODY),
    ("auth_group_delete", "POST", NEVER),
]
WORK = ("ask", "discard", "remedy", "options", "correct", "merge", "corrected")
# For all staff, and with nothing of ours on them.
FOR_ALL_STAFF = {
    "index", "login", "logout", "password_change", "password_change_done", "autocomplete", "jsi18n",
    "view_on_site", "search", "app_list", "toggle_sidebar",
}  # fmt: skip


@pytest.fixture
def keys(lago: Sandbox, settings: Any) -> dict[str, list[Any]]:
    """What the addresses are about, by the beginning of their names."""
    settings.BACKFILL_REQUIRE_APPROVAL = True
    owner = member_of_staff("run_backfill", email="owner@operator.example")
    report = imported(rows(1))
    assert report.run is not None
    upload = preview_of(client_of(owner), customers_csv(2), skip_existing="on")
    token, plan = upload.pk, approvals.ask(upload, owner)
    group = owner.groups.create(name="a group")
    mapping = BackfillMapping.objects.create(name="CRM", content="")
    notice = report.run.notices.create(
        event="run.finished", actor="cli:tester", channel="webhook", payload={}
    )
    return {
        "customers_backfillrun": [report.run.pk],
        "customers_customer": [User.objects.get(external_id="C-1").pk],
        "customers_customer_figures": [],
        "customers_customer_billed": [
            User.objects.get(external_id="C-1").pk, IdTagMapping.objects.get().pk, 1,
        ],
        "customers_idtagmapping": [IdTagMapping.objects.get().pk],
        "auditlog_auditentry": [AuditEntry.objects.latest("pk").pk],
        "customers_user": [owner.pk],
        "auth_user": [owner.pk],
        "auth_group": [group.pk],
        "customers_backfillrun_preview": [token],
        "customers_backfillrun_errors": [token],
        **{f"customers_backfillrun_{page}": [token] for page in WORK},
        "customers_backfillrun_approvals": [],
        **{f"customers_backfillrun_{page}": [plan.pk] for page in ("plan", "approve", "decline")},
        "customers_backfillrun_columns": [token],
        "customers_backfillrun_columns_file": [token],
        "customers_backfillmapping": [mapping.pk],
        "customers_backfillrun_file": [report.run.pk, "log"],
        "customers_backfillrun_results": [report.run.pk, "csv"],
        "customers_backfillrun_system": ["lago"],
        "customers_backfillrun_preflight": [],
        "customers_backfillrun_compare": [],
        "customers_backfillrun_preflight_test": [],
        "customers_backfillrun_tell_again": [report.run.pk, notice.pk],
        "customers_backfillrun_preflight_part": ["lago"],
    }  # fmt: skip


@pytest.fixture
def undrawn(keys: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no template rendered: two thousand pages are opened here, and what they show is not asked."""
    monkeypatch.setattr("django.template.backends.django.Template.render", lambda *_: "")


def address(name: str, keys: dict[str, list[Any]]) -> str:
    if name.endswith(("_changelist", "_add", "_import", "_process_import", "_export")):
        return reverse(f"admin:{name}")
    model = "_".join(name.split("_")[:2])
    return reverse(f"admin:{name}", args=keys.get(name, keys[model]))


def somebody(who: str) -> Client:
    if who == "anonymous":
        return Client()
    if who == "customer":
        return client_of(User.objects.create_user("carla@example.com"))
    if who == "superuser":
        return client_of(User.objects.create_superuser("root@operator.example"))
    if who == "superadmin":
        return client_of(member_of_staff(*EVERYTHING))
    return client_of(member_of_staff(who))


def gets_in(client: Client, method: str, url: str) -> bool:
    """Tell whether the answer is more than a refusal or the way to the login."""
    answer = client.generic(method, url)
    if answer.streaming:  # a file: reading it to the end closes it
        b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    if answer.status_code == 302 and "/admin/login/" in answer["Location"]:
        return False
    return answer.status_code not in (403, 405)


def should(who: str, permissions: set[str] | Together) -> bool:
    if permissions is NEVER:
        return False
    if isinstance(permissions, Together):
        return who in ("superuser", "superadmin")
    return who == "superuser" or bool(permissions & ({*EVERYTHING} if who == "superadmin" else {who}))


@pytest.mark.usefixtures("undrawn")
@pytest.mark.parametrize("who", PEOPLE)
def test_each_gets_in_exactly_where_the_table_says(keys: dict[str, list[Any]], who: str) -> None:
    client = somebody(who)

    found = {(name, method): gets_in(client, method, address(name, keys)) for name, method, _ in GATES}

    assert found == {(name, method): should(who, permissions) for name, method, permissions in GATES}


@pytest.mark.parametrize("who", ["plain staff", "customer", "anonymous"])
def test_whoever_has_no_permission_changes_nothing(keys: dict[str, list[Any]], who: str) -> None:
    client = somebody(who)
    before = world()

    for name, method, _ in GATES:
        client.generic(method, address(name, keys))

    assert world() == before


def world() -> tuple[Any, ...]:
    return (
        list(BackfillRun.objects.values()),
        list(BackfillUpload.objects.values_list("pk", "run")),
        list(PlanApproval.objects.values_list("pk", "status")),
        list(BackfillMapping.objects.values()),
        list(User.objects.order_by("pk").values("pk", "email", "is_active", "is_superuser")),
        list(IdTagMapping.objects.values()),
        AuditEntry.objects.count(),
    )


def test_every_address_of_the_admin_is_in_the_table() -> None:
    known = {name for name, _, _ in GATES} | FOR_ALL_STAFF

    assert {name for name in names(get_resolver().url_patterns, "") if name not in known} == set()


def names(patterns: list[URLPattern | URLResolver], path: str) -> Iterator[str]:
    for pattern in patterns:
        here = path + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns, here)
        elif here.startswith("admin/") and pattern.name:
            yield pattern.name


def test_plain_staff_see_nothing_of_it(lago: Sandbox) -> None:
    answer = somebody("plain staff").get("/admin/")

    page = answer.content.decode()
    for link in ("backfillrun", "customers/customer", "idtagmapping", "auditentry", "customers/user"):
        assert f"/admin/{link}" not in page.replace("/admin/customers/backfillrun", "/admin/backfillrun")
    assert "nothing is open to you yet" in page


@pytest.mark.parametrize(
    ("who", "sees"),
    [
        ("view_customer", {"Customers"}),
        ("change_customer", {"Customers"}),
        ("view_idtagmapping", {"idTags"}),
        ("change_idtagmapping", {"idTags"}),
        ("revert_backfill", {"Runs"}),
        ("control_backfill", {"Runs"}),
        ("run_backfill", {"Import", "Runs", "Column mappings"}),
        ("view_auditentry", {"Audit log"}),
        ("superadmin", {"Import", "Runs", "Customers", "idTags", "Column mappings", "Audit log"}),
        (
            "superuser",
            {
                "Import",
                "Runs",
                "Customers",
                "idTags",
                "Column mappings",
                "Audit log",
                "Staff",
                "Groups",
            },
        ),
    ],
)
def test_the_sidebar_shows_what_is_open(lago: Sandbox, who: str, sees: set[str]) -> None:
    answer = somebody(who).get("/admin/")

    assert "nothing is open to you" not in answer.content.decode()
    entries = [item for group in answer.context["sidebar_navigation"] for item in group["items"]]
    assert {item["title"] for item in entries if item["has_permission"]} == {"Overview", *sees}


# --- what is under way -------------------------------------------------------------------------------

CONTROLS = ("stop", "pause", "resume", "pace")


@pytest.mark.parametrize("what", CONTROLS)
@pytest.mark.parametrize(
    ("status", "who", "gets_in"),
    [
        ("running", "run_backfill", True),
        ("running", "revert_backfill", False),
        ("paused", "run_backfill", True),
        ("reverting", "run_backfill", False),
        ("reverting", "revert_backfill", True),
        ("reverting", "control_backfill", True),
        ("reverting", "send_welcome", False),
    ],
)
def test_each_controls_what_they_could_have_begun(
    lago: Sandbox, what: str, status: str, who: str, gets_in: bool
) -> None:
    run = BackfillRun.objects.create(run_id="20270101-000000-aaaa", input_sha256="a" * 64, status=status)

    answer = somebody(who).post(reverse(f"admin:customers_backfillrun_{what}", args=[run.pk]))

    assert (answer.status_code != 403) == gets_in


@pytest.mark.parametrize("what", CONTROLS)
def test_whoever_started_it_controls_it_although_they_may_only_look_now(lago: Sandbox, what: str) -> None:
    sam = member_of_staff("view_backfillrun")
    mine = BackfillRun.objects.create(
        run_id="20270101-000000-aaaa", input_sha256="a" * 64, status="running", actor=f"staff:{sam.pk}"
    )
    theirs = BackfillRun.objects.create(
        run_id="20270101-000000-bbbb", input_sha256="b" * 64, status="running", actor="staff:0"
    )

    answers = [
        client_of(sam).post(reverse(f"admin:customers_backfillrun_{what}", args=[run.pk])).status_code
        for run in (mine, theirs)
    ]

    assert answers == [302, 403]


@pytest.mark.parametrize("what", CONTROLS)
def test_whoever_may_control_a_run_does_not_touch_its_mails(lago: Sandbox, what: str) -> None:
    run = BackfillRun.objects.create(run_id="20270101-000000-aaaa", input_sha256="a" * 64, status="succeeded")
    WelcomeCampaign.objects.create(run=run, actor="cli:root", batch_size=50, delay_ms=2000)
    before = list(WelcomeCampaign.objects.values())

    somebody("run_backfill").post(reverse(f"admin:customers_backfillrun_{what}", args=[run.pk]))
    refused = client_of(member_of_staff("revert_backfill", email="rae@operator.example")).post(
        reverse(f"admin:customers_backfillrun_welcome_{what}", args=[run.pk])
    )

    assert list(WelcomeCampaign.objects.values()) == before
    assert refused.status_code == 403
