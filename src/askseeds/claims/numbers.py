"""Numbers and dates that are not in the sentences, or not said of the same thing there."""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from askseeds.claims.pairs import Read
from askseeds.quantities import Date, Quantity, read

_MORE = re.compile(
    r"(?<!no )(?<!not )(?:more than|older than|over|at least|above|exceeding)\s+(?:about\s+)?$",
    re.I,
)


_FEWER = re.compile(
    r"(?<!no )(?:less than|fewer than|younger than|not more than|no more than|under|below|up to"
    r"|at most|almost|nearly)\s+(?:about\s+)?$",
    re.I,
)


_LESS = re.compile(r"(?:up to|at most|no more than|at least|minimum of|maximum of|least)\s+$", re.I)


def _is_span(number: Quantity, known: Sequence[Quantity], days: Sequence[Date]) -> bool:
    """Whether a length of time is that between two years of the sentences."""
    years = {int(other.value) for other in known if other.kind == "" and 1000 <= other.value < 2200}
    years |= {day.year for day in days if day.year}
    if number.kind != "calendar" or number.value % 12:
        return False
    return any(abs(one - two) * 12 == number.value for one in years for two in years)


_RATE = re.compile(
    r"\s+(?:per|each|an?)\s+(year|month|week|day|hour|minute|night|person|claim)\b", re.I
)


_RATES = {"day": "dai"}


def wrong_number(claim: str, sentences: str) -> str:
    """A number or date of the claim that does not stand in the sentences."""
    numbers, dates = read(claim)
    known, days = read(sentences)
    for date in dates:
        if not any(date.fits(day) for day in days):
            return f"the date {claim[date.start : date.end]} is not in the sentences"
    if any(word in sentences.lower() for word in (" the rest", " the remaind")):
        known += [replace(part, value=1 - part.value) for part in known if part.kind == "share"]
    for number in numbers:
        if not number.weak and not any(agree(number, other) for other in known):
            at_least = _MORE.search(claim[: number.start]) is not None
            if at_least and any(
                other.kind == number.kind and number.value <= other.value <= 1.5 * number.value
                for other in known
            ):
                continue
            if number.kind == "" and any(number.value == day.year for day in days):
                continue
            if _is_span(number, known, days):
                continue
            return f"the number {claim[number.start : number.end]} is not in the sentences"
        if rate := _RATE.match(claim, number.end):
            unit = rate[1].lower()
            if not re.search(
                rf"\b(?:{re.escape(unit)}|{_RATES.get(unit, unit + 'ly')})", sentences, re.I
            ):
                return f"“{rate[0].strip()}” is not in the sentences"
        sign = _bound(claim, number)
        same = [_bound(sentences, other) for other in known if agree(number, other)]
        if sign and same and all(other == -sign for other in same):
            bound = claim[: number.start].split()[-2:]
            return f"the sentences do not say “{' '.join(bound)} {_cut(claim, number)}”"
    return ""


def _bound(text: str, number: Quantity) -> int:
    """1 for "more than" a number, -1 for "less than" it, 0 without either."""
    if _FEWER.search(text[: number.start]):
        return -1
    return int(bool(_MORE.search(text[: number.start])))


def half_a_range(claim: str, sentences: str) -> str:
    """A number of the claim that is in the sentences only as one end of a range."""
    known = read(sentences)[0]
    for number in read(claim)[0]:
        if number.weak or number.in_range or _LESS.search(claim[: number.start]):
            continue
        same = [other for other in known if agree(number, other)]
        if same and all(other.in_range for other in same):
            return f"{claim[number.start : number.end]} is only one end of what the sentences say"
    return ""


def _cut(text: str, number: Quantity) -> str:
    return text[number.start : number.end]


def agree(one: Quantity, two: Quantity) -> bool:
    """Whether two numbers are the same amount; a plain number may lack its unit."""
    if one.kind not in ("", two.kind):
        return False
    if one.kind == "":  # "45 in turbo mode" of "45 minutes"
        return one.plain == two.plain
    return abs(one.value - two.value) <= 1e-6 * abs(two.value)


def wrong_binding(pair: Read, sentences: str, claim: str) -> str:
    """Whether a number is said of what the sentences say another number of."""
    numbers = read(sentences)[0]
    offset = pair.said()[0].start if pair.said() else 0
    spots = [match.start() for match in _PARTING.finditer(sentences)]

    def chunk(place: int) -> int:
        return bisect_left(spots, place)

    told = [number for number in read(claim)[0] if not number.weak]
    counted = {chunk(n.start) for n in numbers if not any(agree(one, n) for one in told)}
    for number in told:
        same = [other for other in numbers if agree(number, other)]
        if len(same) != 1 or number.in_range or len(told) > 1:
            continue
        home = away = 0
        for at, word in enumerate(pair.claim):
            if not word.is_content:
                continue
            places = [i for i in range(pair.ours, len(pair.text)) if pair.alike[at, i] >= 0.95]
            if len(places) == 1 or (not places and pair.near[at] >= pair.ours):
                place = chunk(pair.text[(places or [pair.near[at]])[0]].start - offset)
                home += place == chunk(same[0].start)
                away += bool(places) and place != chunk(same[0].start) and place in counted
        if away and not home:
            return f"the sentences do not say {claim[number.start : number.end]} of this"
    return ""


_PARTING = re.compile(r"[,;.:](?=\s)|\n|\s(?:and|but|while)\s")
