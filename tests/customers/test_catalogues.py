"""The translations are whole, and what is compiled is what is written."""

import gettext
import re
from collections import Counter

import pytest
from django.conf import settings

from tests.support import catalogues
from tests.support.catalogues import HEADER, Message

OTHERS = settings.MAIL_LANGUAGES[1:]
PLACED = re.compile(r"%\([a-z_]+\)[sd]|\{[a-z_]+\}|<[^>]+>")  # what a translation has to take over as it is

languages = pytest.mark.parametrize("language", OTHERS)


def test_there_is_a_catalogue_of_each_language():
    assert sorted(path.name for path in catalogues.FOLDER.iterdir()) == sorted(OTHERS)


@languages
def test_all_that_is_said_is_translated_and_nothing_else(language):
    catalogue = catalogues.read(language)

    assert set(catalogue) == {HEADER, *catalogues.said()}
    assert [message for message, texts in catalogue.items() if not all(texts)] == []
    assert "fuzzy" not in catalogues.po(language).read_text("utf-8")


@languages
def test_a_translation_places_the_same_as_the_original(language):
    different = [
        (message.text, text)
        for message, texts in catalogues.read(language).items()
        for text in texts
        if Counter(PLACED.findall(message.text)) != Counter(PLACED.findall(text))
    ]

    assert different == []


@languages
def test_what_is_compiled_is_what_is_written(language):
    catalogue = catalogues.read(language)
    path = catalogues.po(language).with_suffix(".mo")

    with path.open("rb") as file:
        compiled = gettext.GNUTranslations(file)

    assert path.read_bytes() == catalogues.compiled(catalogue), "make catalogues"
    for message, texts in catalogue.items():
        assert heard(compiled, message) == list(texts)


@languages
def test_a_catalogue_is_written_as_it_was_read(language):
    assert catalogues.written(catalogues.read(language)) == catalogues.po(language).read_text("utf-8")


def heard(compiled: gettext.GNUTranslations, message: Message) -> list[str]:
    if message.plural:
        return [compiled.ngettext(message.text, message.plural, number) for number in (1, 2)]
    if message.context:
        return [compiled.pgettext(message.context, message.text)]
    return [compiled.gettext(message.text)]
