"""No go after a charging session: each way in which its energy may go unbilled is found and named."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from customers.models import IdTagMapping
from rehearsal.lago import Sandbox
from rehearsal.steve import SteveSandbox
from tests.customers.backfill.steve.world import CHARGE_BOX, reverted, tags
from tests.customers.backfill.verify.world import (
    AND_CHARGE,
    TAG,
    failures,
    looks_after_the_event,
    run_over,
    verified,
)
from tests.customers.factories import rows
from tests.support.processes import wait_for

pytestmark = pytest.mark.django_db


# --- No go: the session and its energy -----------------------------------------------------------------

EVENT = "usage event in Lago"
SESSION = "session of the customer in SteVe"


def test_an_event_that_never_comes_is_no_go(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    steve.steer("POST", "usage", omit=True)

    why = failures(run, "--id-tag", TAG, "--charge-box", CHARGE_BOX, "--timeout", "0.5")

    assert why == {EVENT: "no event came within 0 s; look at the platform's sync, or wait longer (--timeout)"}


def test_an_event_on_another_subscription_is_no_go_at_once_and_names_whose(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    run = run_over(rows(2), steve)
    steve.steer("POST", "usage", external_subscription_id="backfill-C-2")

    why = failures(run, *AND_CHARGE)

    assert why == {EVENT: "the event went to another subscription: backfill-C-2 of the customer C-2"}
    assert looks_after_the_event(lago) <= 1


def test_energy_that_is_sent_elsewhere_while_it_flows_is_found_as_well(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    run = run_over(rows(2), steve)
    steve.steer("POST", "usage", external_subscription_id="backfill-C-2", incremental=True)
    lago.fault("pause_before,method=GET,path=/events")  # nobody looks before all is sent

    with ThreadPoolExecutor(1) as meanwhile:
        released = meanwhile.submit(release_once_sent, lago, steve)
        why = failures(run, *AND_CHARGE[:4], "--timeout", "0.1")
        released.result()

    assert why == {EVENT: "the event went to another subscription: backfill-C-2 of the customer C-2"}


def release_once_sent(lago: Sandbox, steve: SteveSandbox) -> None:
    assert lago.wait_held()
    wait_for(lambda: steve.state()["events"] and steve.state()["skipped"])  # the whole; no rest at the end
    lago.release()


def test_another_energy_is_no_go_and_both_are_told(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    steve.steer("POST", "usage", factor=0.5)

    code, checks = verified(run, *AND_CHARGE)

    assert (code, checks[EVENT]) == (
        1,
        (False, "1 kWh sent, 0.500 kWh on backfill-C-1 (events: 1)", "the energy is not what was sent"),
    )


def test_events_for_another_metric_are_no_go(steve: SteveSandbox, lago: Sandbox, settings: Any) -> None:
    run = run_over(rows(1), steve)
    settings.LAGO_METRIC_CODE = "kwh"
    lago.put_metrics({"code": "kwh"}, {"code": "ev_charging_kwh"})

    assert failures(run, *AND_CHARGE)[EVENT] == "the events are for ev_charging_kwh, not for kwh"


def test_nothing_is_charged_where_a_check_before_it_has_failed(steve: SteveSandbox, lago: Sandbox) -> None:
    run = run_over(rows(2), steve)
    steve.steer("POST", "id-tags", id_tag="TAG0002", max_active_transaction_count=0)

    code, checks = verified(run, *AND_CHARGE)

    assert (code, checks["who pays for the idTag"][0]) == (1, True)
    why = "nothing was charged; first put right: idTags in SteVe"
    assert checks["charging session"] == (None, "", why)
    assert (steve.state()["transactions"], lago.state()["events"]) == ([], [])


def test_an_id_tag_that_steve_refuses_is_no_go(
    steve: SteveSandbox, lago: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = run_over(rows(1), steve)
    monkeypatch.setattr(steve.world, "authorise", lambda *_, **__: "Blocked")

    assert failures(run, *AND_CHARGE) == {"charging session": "SteVe refuses the idTag TAG…: Blocked"}
    assert steve.state()["transactions"] == []


def test_a_charge_box_that_steve_does_not_know_is_no_go(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)

    why = failures(run, "--id-tag", TAG, "--charge-box", "NOWHERE")

    assert list(why) == ["charging session"]
    assert "SteVe does not know the charge box NOWHERE (HTTP 404): create it" in why["charging session"]


def test_an_ocpp_address_where_nobody_listens_is_no_go(steve: SteveSandbox, settings: Any) -> None:
    run = run_over(rows(1), steve)
    settings.STEVE_OCPP_URL = "ws://127.0.0.1:9/steve"

    assert "check STEVE_OCPP_URL" in failures(run, *AND_CHARGE)["charging session"]


def test_a_pending_subscription_is_no_go_before_anything_is_written(steve: SteveSandbox) -> None:
    run = run_over(rows(1, start_date="2030-01-01"), steve)

    why = failures(run, *AND_CHARGE)

    assert why == {"who pays for the idTag": "it is pending: nothing is billed before 2030-01-01"}
    assert steve.state()["transactions"] == []


def test_a_subscription_of_another_customer_is_no_go_before_anything_is_written(steve: SteveSandbox) -> None:
    run = run_over(rows(2), steve)
    IdTagMapping.objects.filter(id_tag=TAG).update(lago_subscription_external_id="backfill-C-2")

    why = failures(run, *AND_CHARGE)

    assert why["who pays for the idTag"] == "sessions would be billed to another customer"
    assert steve.state()["transactions"] == []


def test_an_inactive_mapping_is_no_go_before_anything_is_written(steve: SteveSandbox) -> None:
    run = run_over(rows(1), steve)
    IdTagMapping.objects.update(is_active=False)

    why = failures(run, *AND_CHARGE)

    assert why["who pays for the idTag"] == "the mapping is not active, so nothing is billed"
    assert steve.state()["transactions"] == []


def test_a_session_of_another_number_is_no_go(steve: SteveSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_over(rows(2), steve)
    ours, other = [one.steve_ocpp_tag_pk for one in IdTagMapping.objects.order_by("user__external_id")]
    change_what_starts(steve, monkeypatch, tag_pk=other)

    why = failures(run, *AND_CHARGE)

    says = f"SteVe counts it to its idTag number {other}, and ours is {ours}: it does not show for C-1"
    assert why == {SESSION: says}


def test_a_session_in_another_spelling_is_no_go(steve: SteveSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_over(rows(1), steve)
    change_what_starts(steve, monkeypatch, id_tag=TAG.lower())

    why = failures(run, *AND_CHARGE[:4], "--timeout", "0.1")

    assert why[SESSION] == "it carries another spelling of the idTag, which is billed to nobody"


def test_a_session_at_another_time_is_no_go(steve: SteveSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_over(rows(1), steve)
    change_what_starts(steve, monkeypatch, started_at=datetime(2026, 1, 1, tzinfo=UTC))

    assert failures(run, *AND_CHARGE) == {SESSION: "its times are not those that were sent"}


def change_what_starts(steve: SteveSandbox, monkeypatch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Let SteVe keep something else of a session than it was told."""
    begin = steve.world.start

    def start(*given: Any, **more: Any) -> Any:
        with steve.world.lock:  # nobody sees it as it was
            session, status = begin(*given, **more)
            for name, value in changes.items():
                setattr(session, name, value)
            return session, status

    monkeypatch.setattr(steve.world, "start", start)


def test_what_breaks_after_the_session_is_a_failed_check_and_no_refusal(
    steve: SteveSandbox, lago: Sandbox
) -> None:
    run = run_over(rows(1), steve)
    steve.fault("500,path=.*/transactions,nth=2,times=forever")
    lago.set_organization(permissions={"event": ["write"]})

    why = failures(run, "--id-tag", TAG, "--charge-box", CHARGE_BOX, "--timeout", "0.1")

    assert "SteVe failed (500)" in why["session of the customer in SteVe"]
    assert why[EVENT].startswith("whether it came cannot be told: ")
    assert len(steve.state()["transactions"]) == 1


# --- Afterwards ----------------------------------------------------------------------------------------


def test_the_customer_who_was_charged_counts_as_active_for_a_revert(steve: SteveSandbox) -> None:
    run = run_over(rows(2), steve)
    verified(run, *AND_CHARGE)

    refused, undone = reverted(run), reverted(run, keep_active=True)

    assert refused.plan.active == {"C-1": ["charged since", "usage events in Lago: 1"]}
    assert (undone.status, list(tags(steve))) == ("reverted", [TAG])
