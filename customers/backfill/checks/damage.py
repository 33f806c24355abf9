"""Signs that a value was damaged on its way here: by a spreadsheet, a database, a wrong encoding, a web page.

One check for the values that stay: the external_id, the idTag, the name and other texts. In the two ids a
sign is a reason to refuse, because an id is for ever; in a name one to look: somebody is called Null.
What only looks unusual is no sign: `КЛ-1001`, `AT&T`, `O'Brien`, `04E12345` and `DEC-10` are what they are.
"""

import re
from collections.abc import Iterator

from customers.backfill.checks.alphabets import has_lookalike, has_mixed_word, has_other_shapes, is_latin_only
from customers.backfill.checks.dates_in_ids import is_date
from kernel import Problem
from kernel.invisible import INVISIBLE, JOINERS
from kernel.masking import mask_id_tag

_MAX_SHOWN = 40

# --- What a program writes where it has no value -----------------------------------------------------

_PLACEHOLDERS = frozenset([
    "null", "(null)", "<null>", "[null]", "{null}", "#null", "\\n", "nan", "-nan", "+nan", "nat", "<na>",
    "none", "<none>", "n/a", "n.a.", "n.a", "na", "nil", "undefined", "inf", "-inf", "infinity",
    "-infinity", "tbd", "todo", "k.a.", "k/a", "s/o", "n/d", "n/b", "n/v", "void", "missing", "unknown",
    "unbekannt", "inconnu", "desconocido", "sconosciuto", "onbekend", "empty", "blank", "leer", "vide",
    "vacío", "leeg", "n-a", "n_a", "n.v.", "keine", "entfällt",
    "aucun", "ninguno", "geen", "(blank)", "(empty)", "(leer)", "(vide)", "(vacío)", "(leeg)",
])  # fmt: skip
_NAME_BOOLEANS = frozenset(["true", "false", "wahr", "falsch"])  # without Vero, who is a person
_BOOLEANS = _NAME_BOOLEANS | {"vrai", "faux", "verdadero", "falso", "vero", "waar", "onwaar"}
_NO_ID = _PLACEHOLDERS | _BOOLEANS
_NO_NAME = _PLACEHOLDERS | _NAME_BOOLEANS
_OBJECTS = re.compile(
    r"\[object \w+\]|System\.\w+(?:\.\w+)*(?:\[\])?|\{\{.*\}\}|\$\{.*\}|<%.*%>|<\w[\w.]* object at 0x\w+>"
    r"|\[.*\]|\{.*[:'\"].*\}|\{[a-z_.]+\}|%[a-z_]+%|%\([a-z_]+\)s|\$[a-z_.]+",
    re.IGNORECASE,
)

# --- What a spreadsheet shows instead of a value -----------------------------------------------------

# `#WERT!`, `#¿NOMBRE?`, `#DIV/0!` in whatever language, and those without a mark at their end.
_ERROR = re.compile(
    r"#[¡¿]?\w[\w /]*[!?]|#(?:N/?A|NV|N/D|N/B|N/V|I/T|Н/Д|YOK|HIÁNYZIK|SAKNAS|GETTING_DATA|NODATA)!?"
    r"|#{2,}|Err:\d{3}|#NENÍ_K_DISPOZICI",
    re.IGNORECASE,
)
_LOADING = re.compile(
    r"(?:Loading|Lade|Wird geladen|Laden|Lädt|Chargement(?: en cours)?|Cargando|Caricamento(?: in corso)?"
    r"|Bezig met laden|Carregando|A carregar|Ładowanie|Загрузка|Laddar|Indlæser)\s?(?:\.{3}|…)",
    re.IGNORECASE,
)
_EXPONENT = re.compile(r"[-+]?\d+[.,]\d+E[+-]?\d+|[-+]?\d+E\+\d+", re.IGNORECASE)
_DECIMAL = re.compile(r"[-+]?\d+[.,]0+|\d{1,3}(?:,\d{3})+(?:\.0+)?|\d{1,3}(?:\.\d{3})+,0+")
_WRITTEN_OUT = re.compile(r"[-+]?\d+[.,]0")  # of a whole number; 1.000 may be a house
_WRAPPED = re.compile(r"""'?=.*|'["“]?\d.*|["“”„«].*|'.+'""", re.DOTALL)
_NAME_WRAPPED = re.compile(r"""'?=.*|'[A-Z\d].*|["“”„«][^"“”»]*["“”»]|'.+'""", re.DOTALL)
# A number of whatever kind: somebody may be called 4711, and hardly anybody 0 or 1.234,56 €.
_NUMBER = re.compile(r"(?!\d{3,4}\Z)[-+]?[\d.,']*\d[\d.,']*(?:\s?[%€$£])?|[€$£]\s?[\d.,']+")

# --- What a wrong encoding, a web page or an exporter leaves -----------------------------------------

_ESCAPE = re.compile(r"_x[0-9A-Fa-f]{4}_|x005F_")
_ENTITY = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,10}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_TAG = re.compile(r"</?[A-Za-z][A-Za-z0-9]*(?:\s[^<>]*)?/?>")
_BACKSLASH = re.compile(r"\\(?:['\"]|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|[nrt](?![a-z]))")
_PERCENT = re.compile(r"[%=]20|[%=]C[23][%=][89AB][0-9A-F]|[a-z]=(?:C4|D[6CF]|[EF][0-9A-F])", re.IGNORECASE)
# Names that were joined of a part that was there and one that was not.
_JOINED = re.compile(r"(?<!\w)(?:null|NULL|undefined|NaN|nan)(?!\w)")
# UTF-8 that was read as cp1252, latin-1 or Mac: a letter that begins a character of UTF-8, and one that goes
# on with it. After Ä and Å, which are letters of names, no dash, quotation mark or blank counts.
_GOES_ON = "\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ"
_NO_DASH = "\u0080-\u009f¡-¿€‚ƒ„†‡ˆ‰Š‹ŒŽ•˜š›œžŸ"
_MOJIBAKE = re.compile(
    rf"[ĂĹ][{_GOES_ON}˘Ľłźşľ]|Ã[{_GOES_ON}]|Â[\u0080-\u00bf]|[ÄÅ][{_NO_DASH}]|â€|â„¢|ðŸ|(?:[ÐÑ][{_GOES_ON}]){{2}}"
    r"|√[\u00a0-\u00ffŒœŸ†∂∑∏π∫Ω≈∆∞±≤≥¥µªº¿¡¬√ƒ«»…–—‘’“”÷◊⁄€‹›ﬁﬂ‡·‚„‰]|‚Ä[ìîôúù¢]|¬[©®∞±¥µ£§¶†´¨≠]"
)
# Cyrillic or Greek that was read as cp1252: no language has so many of these letters in a row.
_OTHER_ALPHABET = re.compile("[À-ÖØ-öø-ÿ]{4}")
_LOST_LETTER = re.compile(r"[^\W\d_]\?{1,2}[^\W\d_]")
# What cp1252, Mac and DOS make of each other's letters: a sign, or a lonely capital, within a word.
_WRONG_LETTER = re.compile(
    r"[^\W\d_](?:[¡-©«-´¶¸¹»-¿×÷€ˆ‰‹›˜†‡•™ⁿ√∞∫≈≠≤≥∂∑∏π◊─-▟])[^\W\d_]|[a-z][À-ÖØ-ÞŠŒŽŸ](?:[a-z]|$)|[A-Z][ŠŒŽŸ][a-z]"
)
_ODD_BLANK = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000]")

_TYPOGRAPHIC = re.compile("[‐‑‒–—―−‘’‚‛“”„‟…]")  # what a word processor makes of - ' " and ...

_ANY_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_PLAIN = re.compile(r"[A-Za-z0-9_-]*[0-9][A-Za-z0-9_-]*")  # of most ids; asked first, for speed
_PLAIN_SUSPECT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z|.*x[0-9A-Fa-f]{4}_|[A-Za-z]+-[0-9]{2}(?:[0-9]{2})?\Z|[0-9]{1,2}-[A-Za-z]"
)
# Two words or more in letters of western Europe, capitals at their beginning: of most people.
_PLAIN_NAME = re.compile(
    r"[A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zà-öø-ÿ]*(?:[ -][A-Za-zÀ-ÖØ-öø-ÿ][A-Za-zà-öø-ÿ]*)+(?: [0-9]+)?"
)
_NUMBERED = re.compile("[A-Za-z]+ [0-9]+")  # a garage, or a day of a month

_FROM_SOURCE = "Take the value from its source again; a spreadsheet needs the column formatted as text first."
_RIGHT_ENCODING = "Export the file again as UTF-8, or take the value from its source."


def damage_in_id(field: str, given: str) -> Problem | None:
    """Say how an external_id or an idTag was damaged, if it shows; it is refused."""
    if given.isascii() and given.isalnum() and not given.isalpha():
        return None
    if _PLAIN.fullmatch(given) and not _PLAIN_SUSPECT.match(given):
        return None
    for told, hint in _signs_in_id(given):
        shown = f"“{mask_id_tag(given)}”" if field == "id_tag" else _quoted(given)
        return Problem("value_damaged", field, f"The {_label(field)} {shown} {told}", hint)
    return None


def damage_in_email(given: str) -> Problem | None:
    """Say how an address that mail would take was damaged; it is refused, because nobody has it."""
    if given.startswith("'") or ("_x" in given and _ESCAPE.search(given)):
        told = "The email address has an apostrophe before it, or holds an escape such as _x000D_."
        return Problem("value_damaged", "email", told, _FROM_SOURCE)
    return None


def damage_in_name(given: str, *, is_text: bool = True) -> Problem | None:
    """Say what about a name looks damaged; it is a warning, and shows nothing of the name."""
    if (
        is_text
        and (_PLAIN_NAME.fullmatch(given) or (_NUMBERED.fullmatch(given) and not is_date(given)))
        and not _has_placeholder(given)
        and not _is_other_alphabet(given)
    ):
        return None
    if not is_text:
        told = "The name is no text in the file, but a number, a date, a time or a yes or no."
        return Problem("value_damaged", "display_name", told, "Look whether somebody is called so.")
    for told, hint in _signs_in_name(given):
        return Problem("value_damaged", "display_name", f"The name {told}", hint)
    return None


def damage_in_text(field: str, given: str, *, is_text: bool = True) -> Problem | None:
    """Say what about another text looks damaged; it is a warning, and shows nothing of the text."""
    if not is_text:
        told = f"The {field} is no text in the file, but a number or a date: zeros in front are lost."
        return Problem("value_damaged", field, told, "Compare it with its source.")
    for told, hint in _signs_in_text(given):
        return Problem("value_damaged", field, f"The {field} {told}", hint)
    return None


def _signs_in_text(given: str) -> "Iterator[Sign]":
    yield from _signs(given, _PLACEHOLDERS)
    if not _ANY_LETTER_OR_DIGIT.search(given):
        yield "has neither a letter nor a digit.", _FROM_SOURCE
    if given.startswith("=") or (given.startswith("'") and given[1:2].isdigit()):  # not 's-Hertogenbosch
        yield "still has the quotation marks or the formula around it that kept it a text.", _WITHOUT_MARKS
    if _EXPONENT.fullmatch(given) or _WRITTEN_OUT.fullmatch(given):
        yield "is a number as a spreadsheet writes it; digits may be lost.", _FROM_SOURCE


def is_placeholder(given: str) -> bool:
    """Return whether it is all that a program, or a person, writes where there is no value."""
    return given.strip().casefold() in _PLACEHOLDERS


def _has_placeholder(given: str) -> bool:
    return given.split(" ", 1)[0].casefold() in _PLACEHOLDERS or _JOINED.search(given) is not None


def _is_other_alphabet(given: str) -> bool:
    return not given.isascii() and _OTHER_ALPHABET.search(given) is not None


Sign = tuple[str, str]


def _signs_in_id(given: str) -> Iterator[Sign]:
    yield from _signs(given, _NO_ID)
    if not _ANY_LETTER_OR_DIGIT.search(given):
        yield "has neither a letter nor a digit.", _FROM_SOURCE
    if _WRAPPED.fullmatch(given):
        yield "still has the quotation marks or the formula around it that kept it a text.", _WITHOUT_MARKS
    if _EXPONENT.fullmatch(given) or _DECIMAL.fullmatch(given):
        yield "is a number as a spreadsheet writes it; digits may be lost.", _FROM_SOURCE
    if is_date(given):
        yield "is what a spreadsheet makes of a value that looks like a date.", _FROM_SOURCE
    if not given.isascii():
        yield from _foreign(given)


_WITHOUT_MARKS = "Take away what is around it; leading zeros then need a column formatted as text."


def _signs_in_name(given: str) -> Iterator[Sign]:
    yield from _signs(given, _NO_NAME)
    if _JOINED.search(given):
        yield "has what a program writes for a part that it does not have.", _FROM_SOURCE
    if not _ANY_LETTER_OR_DIGIT.search(given):
        yield "has neither a letter nor a digit.", _FROM_SOURCE
    if _NAME_WRAPPED.fullmatch(given):
        yield "still has the quotation marks or the formula around it that kept it a text.", _WITHOUT_MARKS
    if _EXPONENT.fullmatch(given) or _NUMBER.fullmatch(given) or is_date(given):
        yield "is a number, a date or a time.", "Look whether somebody is called so."
    if _LOST_LETTER.search(given):
        yield "has a question mark where a letter was.", _RIGHT_ENCODING
    if not given.isascii():
        yield from _foreign_in_name(given)


def _foreign_in_name(given: str) -> Iterator[Sign]:
    if has_mixed_word(given):
        yield "mixes letters of two alphabets in one word.", "Type it again in one alphabet."
    if _WRONG_LETTER.search(given):
        yield "has a sign or a capital within a word, as a wrong encoding makes it.", _RIGHT_ENCODING
    if _ODD_BLANK.search(given):
        yield "has a blank that is no plain one.", "Type the blank again."
    if has_other_shapes(given):
        yield "has digits or letters of another width or alphabet.", "Type it again in plain ones."


def _signs(given: str, placeholders: frozenset[str]) -> Iterator[Sign]:
    """Find what is damage wherever it stands."""
    folded = given.casefold()
    words = set(folded.split())
    if folded in placeholders or (len(words) == 1 and words <= placeholders):
        yield "is what a program writes where it has no value.", _FROM_SOURCE
    if _ERROR.fullmatch(given):
        yield "is the error text of a spreadsheet.", "Correct the formula, or enter the value itself."
    if _LOADING.fullmatch(given):
        yield "was not loaded yet when the sheet was exported.", "Export it again when all is loaded."
    if _OBJECTS.fullmatch(given):
        yield "is what a program writes instead of a value that it cannot write.", _FROM_SOURCE
    if _ESCAPE.search(given):
        yield "holds an escape such as _x000D_, which stands for another character.", _FROM_SOURCE
    if ("&" in given and _ENTITY.search(given)) or ("<" in given and _TAG.search(given)):
        yield "holds code of a web page.", _FROM_SOURCE
    if ("\\" in given and _BACKSLASH.search(given)) or _PERCENT.search(given):
        yield "holds an escape of a program, such as a backslash before a quotation mark.", _FROM_SOURCE
    if not given.isascii():
        yield from _signs_of_encoding(given)


def _signs_of_encoding(given: str) -> Iterator[Sign]:
    if "\ufffd" in given:
        yield "holds a character that stands for one which was lost.", _RIGHT_ENCODING
    if _MOJIBAKE.search(given) or _OTHER_ALPHABET.search(given):
        yield "was read in a wrong encoding once.", _RIGHT_ENCODING
    if INVISIBLE.search(given) or (JOINERS.search(given) and is_latin_only(given)):
        yield "holds a character that nobody can see.", "Type it again."


def _foreign(given: str) -> Iterator[Sign]:
    if has_mixed_word(given) or has_lookalike(given):
        yield "mixes letters of two alphabets that look alike.", "Type it again in one alphabet."
    if _TYPOGRAPHIC.search(given):
        yield (
            "has a dash or a quotation mark as a word processor writes it.",
            "Type it again with a plain one.",
        )
    if has_other_shapes(given):
        yield "has digits or letters of another width or alphabet.", "Type it again in plain ones."


def _quoted(given: str) -> str:
    """Show an external_id, which is no secret, as far as it can be shown."""
    shown = "".join(char if char.isprintable() else "\ufffd" for char in given[:_MAX_SHOWN])
    return f"“{shown}{'…' if len(given) > _MAX_SHOWN else ''}”"


def _label(field: str) -> str:
    return "idTag" if field == "id_tag" else field
