"""Numbers and dates of a claim that are not in the sentences."""

import re

from askseeds.quantities import Quantity, read

_MORE = re.compile(
    r"(?<!no )(?<!not )(?:more than|older than|over|at least|above|exceeding)\s+(?:about\s+)?$",
    re.I,
)
_FEWER = re.compile(
    r"(?<!no )(?:less than|fewer than|younger than|not more than|no more than|under|below|up to"
    r"|at most|almost|nearly)\s+(?:about\s+)?$",
    re.I,
)
_BOUNDED = re.compile(
    r"(?:up to|at most|no more than|at least|minimum of|maximum of|least)\s+$", re.I
)


_LITERAL = re.compile(r"\d+(?:\.\d+){2,}|[¹²³⁴-⁹⁰¼-¾⅐-⅞]")
"""Addresses, versions, exponents and fractions: they must stand as they are."""

_SCORE = re.compile(r"\b(\d+)([-–:])(\d+)\b")
_RATE = re.compile(
    r"\s+(?:per|each|an?)\s+(year|month|week|day|hour|minute|night|person|claim)\b", re.I
)


def wrong_number(claim: str, sentences: str) -> str:
    """A number or date of the claim that does not stand in the sentences."""
    for literal in _LITERAL.findall(claim):
        if literal not in sentences:
            return f"{literal} is not in the sentences"
    for one, mark, two in _SCORE.findall(claim):
        if f"{two}{mark}{one}" in sentences and f"{one}{mark}{two}" not in sentences:
            return f"the sentences say {two}{mark}{one}"
    numbers, dates = read(claim)
    known, days = read(sentences)
    for date in dates:
        if not any(date.fits(day) for day in days):
            return f"the date {claim[date.start : date.end]} is not in the sentences"
    for number in numbers:
        if _is_counted(claim, number) and not any(agree(number, other) for other in known):
            if number.kind == "" and any(number.value == day.year for day in days):
                continue
            return f"the number {claim[number.start : number.end]} is not in the sentences"
        if rate := _RATE.match(claim, number.end):
            unit = rate[1].lower()
            if not re.search(
                rf"\b(?:{unit}|dai)" if unit == "day" else rf"\b{unit}", sentences, re.I
            ):
                return f"“{rate[0].strip()}” is not in the sentences"
        sign = _bound(claim, number)
        same = [_bound(sentences, other) for other in known if agree(number, other)]
        if sign and same and all(other == -sign for other in same):
            bound = claim[: number.start].split()[-2:]
            return f"the sentences do not say “{' '.join(bound)} {_cut(claim, number)}”"
    return ""


def _is_counted(claim: str, number: Quantity) -> bool:
    """Whether a number must stand in the sentences.

    "One", and in words "first", "a third" and "twice", are said in too many other ways ("three of
    the nine", "down to 50 from 100"): the model judges them.
    """
    in_digits = any(letter.isdecimal() for letter in _cut(claim, number))
    return not number.weak and (in_digits or number.kind not in ("ordinal", "times", "share"))


def _bound(text: str, number: Quantity) -> int:
    """1 for "more than" a number, -1 for "less than" it, 0 without either."""
    if _FEWER.search(text[: number.start]):
        return -1
    return int(bool(_MORE.search(text[: number.start])))


def half_a_range(claim: str, sentences: str) -> str:
    """A number of the claim that is in the sentences only as one end of a range."""
    known = read(sentences)[0]
    for number in read(claim)[0]:
        if number.weak or number.in_range or _BOUNDED.search(claim[: number.start]):
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
