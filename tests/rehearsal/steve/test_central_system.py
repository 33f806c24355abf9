"""Charge points over their websocket."""

from rehearsal.steve import SteveSandbox
from tests.rehearsal.steve.calls import ID_TAG, call, charge


def test_a_session_keeps_the_spelling_of_the_charger(steve: SteveSandbox) -> None:
    steve.world.add_tag(ID_TAG)

    charge(steve, "a1b2c3d4")

    (session,) = call(steve, "GET", "transactions", ocppIdTag=ID_TAG).json()
    assert (session["ocppIdTag"], session["ocppTagPk"]) == ("a1b2c3d4", 1)
    assert (session["startValue"], session["stopValue"], session["stopEventActor"]) == (
        "0",
        "7400",
        "station",
    )
