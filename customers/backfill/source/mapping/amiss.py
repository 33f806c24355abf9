"""What is wrong in a mapping, each with the line and the key."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from customers.backfill.source.model import SourceError
from kernel import Problem

UNDECIDED = "?"  # stands where somebody has still to say what is meant

Key = tuple[str, ...]  # where something stands: section, and keys below it
Told = tuple[Key, str, str]  # of which key, what is wrong with it, and what to do


class Found(list[Told]):
    """What is wrong, collected while the document is read."""

    def problems(self, name: str, text: str) -> Iterator[Problem]:
        """Give all of it with the lines of the file, if there is one."""
        lines = _lines(text)
        return (_problem(name, lines, told) for told in self)

    def say(self, key: Key, told: str, hint: str = "") -> None:
        self.append((key, told, hint))

    def undecided(self, key: Key, value: Any) -> bool:
        """Say of a question mark that it is one, whatever belongs in its place."""
        if value != UNDECIDED:
            return False
        self.say(key, "this is not decided yet.", "Put what is meant in place of the question mark.")
        return True

    def text(self, key: Key, value: Any, *, blank: bool = False) -> str:
        """Return a text that has to be one."""
        if self.undecided(key, value):
            return ""
        if not isinstance(value, str):
            self.say(key, "this has to be a text.", "Put it in quotation marks.")
        elif not value.strip() and not blank:
            self.say(key, "this is blank.")
        else:
            return value
        return ""

    def texts(self, key: Key, value: Any) -> tuple[str, ...]:
        """Return a list of texts; one text stands for a list of one."""
        if self.undecided(key, value):
            return ()
        given = [value] if isinstance(value, str) else value
        if not isinstance(given, list) or not given or not all(isinstance(one, str) for one in given):
            self.say(key, "this has to be a list of texts.", 'For example ["cancelled", "ended"].')
            return ()
        return tuple(given)

    def flag(self, key: Key, value: Any) -> bool:
        if not self.undecided(key, value) and not isinstance(value, bool):
            self.say(key, "this has to be true or false.")
        return value is True

    def number(self, key: Key, value: Any, most: int) -> int:
        if self.undecided(key, value):
            return 1
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            self.say(key, f"this has to be a whole number from 1 to {most}.")
            return 1
        return value

    def table(self, key: Key, value: Any) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self.say(key, "this has to be a table.", f"Begin it with [{'.'.join(key)}].")
            return {}
        return value

    def known(self, key: Key, names: Sequence[str], known: Sequence[str]) -> Iterator[str]:
        """Return the names that there are, and say of others what may have been meant."""
        for name in names:
            if name in known:
                yield name
            else:
                close = get_close_matches(name.casefold(), known, n=1, cutoff=0.6)
                hint = f"Did you mean {close[0]}?" if close else f"Known are {', '.join(known)}."
                self.say((*key, name), "there is no such key.", hint)


# --- Saying where ------------------------------------------------------------------------------------


def _problem(name: str, lines: Mapping[Key, int], told: Told) -> Problem:
    key, message, hint = told
    line = next((lines[key[:depth]] for depth in range(len(key), 0, -1) if key[:depth] in lines), None)
    where = f"{name}: line {line}: " if line else f"{name}: "
    shown = ".".join(one if re.fullmatch(r"[\w-]+", one) else f"“{one}”" for one in key)
    return Problem("mapping_invalid", None, f"{where}{shown}: {message}", hint)


def _lines(text: str) -> Mapping[Key, int]:
    """Find the line of each key and section, once for all problems; TOML's own reader does not tell."""
    section: Key = ()
    found: dict[Key, int] = {}
    number_of: Counter[Key] = Counter()
    for number, line in enumerate(text.splitlines(), start=1):
        header = re.match(r"\s*(\[\[?)([^\]]+)\]\]?", line)
        if header:
            section = _parts(header[2])
            found.setdefault(section, number)
            if header[1] == "[[":  # of several
                number_of[section] += 1
                section = (*section, str(number_of[section]))
                found[section] = number
        elif assigned := re.match(r"\s*((?:\"[^\"]*\"|'[^']*'|[\w.-])+)\s*=", line):
            found.setdefault((*section, *_parts(assigned[1])), number)
    return found


def _parts(dotted: str) -> Key:
    found = re.findall(r"\"([^\"]*)\"|'([^']*)'|([\w-]+)", dotted)
    return tuple(basic or literal or plain for basic, literal, plain in found)


def invalid(name: str, reason: str, hint: str = "") -> SourceError:
    return SourceError(Problem("mapping_invalid", None, f"{name}: {reason}", hint))
