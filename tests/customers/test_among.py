"""The lookup for thousands of values, whatever they hold."""

import pytest

from customers.models import BackfillRow, User

ODD = ['a"b', "a\\b", 'a\\"b', "a,b", "{a}", "NULL", " a ", "é漢", "a'b", "%s", "a\nb", ""]


@pytest.mark.django_db
def test_texts_are_found_as_they_are_spelt() -> None:
    for number, name in enumerate(ODD):
        User.objects.create_user(f"u{number}@example.com", display_name=name)

    found = [User.objects.filter(display_name__among=[name]).get().display_name for name in ODD]

    assert found == ODD
    assert User.objects.filter(display_name__among=ODD).count() == len(ODD)
    assert not User.objects.filter(display_name__among=["a", "b", "null", "é"]).exists()


@pytest.mark.django_db
def test_numbers_and_relations_are_found_and_nothing_among_nothing() -> None:
    one = User.objects.create_user("one@example.com")

    assert User.objects.filter(pk__among={one.pk, one.pk + 1}).get() == one
    assert not User.objects.filter(pk__among=[]).exists()
    assert not BackfillRow.objects.filter(user_id__among=[one.pk], line__among=[1]).exists()
