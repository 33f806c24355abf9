"""What calls cost SteVe. One about one idTag costs a base, and a part for every idTag that there is.

So creates become slower with each of them, and removals faster. Both parts grow alike on a slower machine,
so one measure tells them apart.
"""

PART = 0.0165 / 57  # what each idTag adds to a call, as a part of the base; measured on SteVe 3.15
CALLS_TO_UNBLOCK = 2  # GET, PUT
CALLS_TO_REMOVE = 2  # PUT, DELETE


def creates_s(number: int, *, there: int, call_s: float) -> float:
    """Return how long so many creates take where `there` idTags are, and a call takes `call_s` now."""
    return _base_s(there, call_s) * _sum(there, there + number)


def unblocking_s(number: int, *, call_s: float) -> float:
    return CALLS_TO_UNBLOCK * number * call_s


def removals_s(number: int, *, there: int, call_s: float) -> float:
    return CALLS_TO_REMOVE * _base_s(there, call_s) * _sum(max(0, there - number), there)


def _base_s(there: int, call_s: float) -> float:
    """Return what a call would take in an empty SteVe."""
    return call_s / (1 + PART * there)


def _sum(least: int, most: int) -> float:
    """Add up the calls while the number of idTags goes from one to the other, as multiples of the base."""
    return (most - least) * (1 + PART * (least + most) / 2)
