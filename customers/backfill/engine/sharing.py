"""What many rows of a plan have in common is held once: a file may have a million rows. Pure."""

from collections.abc import ItemsView, Iterable, Iterator, Mapping

from kernel import Action, Bills, Problem, Verdict
from kernel.struct import struct

MOST = 1_000  # kinds; of a file in which no row is like another, there is nothing to share


class Standing(Mapping[str, Verdict]):
    """The verdicts on a row of which nothing is to be done: for each step the action, and what was found."""

    __slots__ = ("_refs", "actions")

    def __init__(self, actions: Mapping[str, Action | None], refs: Iterable[str]) -> None:
        """Take the actions by step, in their order; `refs` are in the same. No system's ids have lines."""
        self.actions, self._refs = actions, "\n".join(refs)

    def __getitem__(self, name: str) -> Verdict:
        return Verdict(self.actions[name], ref=self.refs[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self.actions)

    def __len__(self) -> int:
        return len(self.actions)

    def __contains__(self, name: object) -> bool:
        return name in self.actions

    def items(self) -> ItemsView[str, Verdict]:
        """Put all of them together at once: one by one, each would look for its place."""
        return {name: Verdict(self.actions[name], ref=ref) for name, ref in self.refs.items()}.items()

    @property
    def refs(self) -> Mapping[str, str]:
        """Return what was found, by step; nothing where no step was asked, of which "" is split into one."""
        return dict(zip(self.actions, self._refs.split("\n"), strict=False))


@struct
class Ended:
    """How a row ended, for the report: the word for each of its steps, and what stood in its way."""

    outcome: str
    steps: Mapping[str, str]
    problems: tuple[Problem, ...] = ()


class Sharing:
    """Gives, for what is like something that was seen before, that very thing."""

    def __init__(self) -> None:
        self._actions: dict[tuple[tuple[str, Action | None], ...], Mapping[str, Action | None]] = {}
        self._verdicts: dict[tuple[tuple[str, int], ...], Mapping[str, Verdict]] = {}
        self._bills: dict[Bills, Bills] = {}
        self._given: set[int] = set()  # ids of those, which live as long: to compare them takes long
        self._ended: dict[tuple[str, tuple[tuple[str, str], ...]], Ended] = {}

    def standing(self, verdicts: Mapping[str, Verdict]) -> Mapping[str, Verdict]:
        """Keep of verdicts what is needed of a row that stays as it is."""
        key = tuple((name, verdict.action) for name, verdict in verdicts.items())
        if (actions := self._actions.get(key)) is None:
            actions = self._actions[key] = dict(key)
        return Standing(actions, [verdict.ref for verdict in verdicts.values()])

    def verdicts(self, verdicts: Mapping[str, Verdict]) -> Mapping[str, Verdict]:
        """Return what has the very same verdicts: nobody changes it."""
        key = tuple((name, id(verdict)) for name, verdict in verdicts.items())
        if len(self._verdicts) >= MOST:
            return self._verdicts.get(key, verdicts)
        return self._verdicts.setdefault(key, verdicts)  # what it holds lives, so that its id is no other's

    def ended(self, outcome: str, steps: Mapping[str, str], problems: tuple[Problem, ...] = ()) -> Ended:
        """Return how a row ended, which most do as others did."""
        ended, key = Ended(outcome, steps, problems), (outcome, tuple(steps.items()))
        if problems or len(self._ended) >= MOST:
            return ended
        return self._ended.setdefault(key, ended)

    def bills(self, bills: Bills | None) -> Bills | None:
        if bills is None or id(bills) in self._given or len(self._bills) >= MOST:
            return bills
        known = self._bills.setdefault(bills, bills)
        self._given.add(id(known))
        return known
