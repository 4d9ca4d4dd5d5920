"""Numbers and dates in a text, in one form whatever they are written in. Pure.

"Twelve", "12" and "1.2 dozen" are one number; "two years", "24 months" and "a 24-month lead" one
length of time; "40 %" and "two in five" one share; "$3bn" and "three billion dollars" one sum.
"""

import re
import tomllib
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

_TOKEN = re.compile(
    r"\d{1,2}:\d{2}(?!\d)|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)*|[^\W\d_]+(?:[’'][^\W\d_]+)?|°[cCfF]?|[%$€£¥]|\S"
)
_CURRENCIES = frozenset("$€£¥")
_SHORT_MONTHS = frozenset("jan feb mar apr jun jul aug sept sep oct nov dec".split())
_DASHES = frozenset("-–—−")
_MONTH_BEFORE = frozenset(
    "in by of since until till from between and before after during mid".split()
)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number at `start:end` of its text.

    Attributes:
        value: In the unit that its kind is counted in, such as seconds for "time".
        kind: What it measures; "" for a plain number, "ordinal" for "third", "times" for "twice".
        weak: Said by "a", "one" or "once", so that nothing much hangs on it.
        plain: The number as it was written, whatever its unit.
        in_range: One end of "12 to 24 months", which says neither of the two.
    """

    value: float
    kind: str
    start: int
    end: int
    weak: bool = False
    in_range: bool = False
    plain: float = 0.0


@dataclass(frozen=True, slots=True)
class Date:
    """A day, a month of a year, or a month, at `start:end` of its text; what is not said is 0."""

    year: int
    month: int
    day: int
    start: int
    end: int

    def fits(self, other: "Date") -> bool:
        """Whether all that this date says is said by the other."""
        mine, theirs = (self.year, self.month, self.day), (other.year, other.month, other.day)
        return all(a in (0, b) for a, b in zip(mine, theirs, strict=True))


@cache
def tables() -> dict[str, Any]:
    """The closed classes of words, see `claims.toml`."""
    return tomllib.loads((files("askseeds") / "claims.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    low: str
    start: int
    end: int
    value: float | None  # of digits


def read(text: str) -> tuple[list[Quantity], list[Date]]:
    """The numbers and the dates of a text, each in order. A date's numbers are not told again."""
    tokens = [_token(match) for match in _TOKEN.finditer(text)]
    dates: list[Date] = []
    found: list[Quantity] = []
    at = 0
    while at < len(tokens):
        if dated := _date(tokens, at):
            date, at = dated
            dates.append(date)
        elif number := _number(tokens, at):
            value, kind, end, weak = number
            quantity, end = _with_unit(tokens, at, end, value, kind, weak)
            if quantity is not None:
                found.append(quantity)
            at = end
        else:
            at += 1
    return _ranges(text, found), dates


def _token(match: re.Match[str]) -> _Token:
    text = match[0]
    value = None
    if text[0].isdecimal():
        hours, _, minutes = text.partition(":")
        plain = str(int(hours) + int(minutes) / 60) if minutes else text.replace(",", "")
        if plain.count(".") < 3:  # else an address, or a section of a section
            value = float(plain) if plain.count(".") < 2 else float(plain.replace(".", "", 1))
    return _Token(text, text.lower().replace("’", "'"), match.start(), match.end(), value)


def _at(tokens: list[_Token], at: int) -> _Token:
    return tokens[at] if 0 <= at < len(tokens) else _Token("", "", 0, 0, None)


def _date(tokens: list[_Token], at: int) -> tuple[Date, int] | None:
    """A date that begins at a token, and the token after it."""
    one, two, three, five = (_at(tokens, at + step) for step in (0, 1, 2, 4))
    if (
        len(one.text) == 4
        and two.text == "-" == _at(tokens, at + 3).text
        and three.value
        and five.value
        and one.value
        and three.value <= 12
        and five.value <= 31
    ):  # 2024-01-05
        year, month, day = int(one.value), int(three.value), int(five.value)
        return Date(year, month, day, one.start, five.end), at + 5
    if _is_day(one):
        after = at + 1
        while _at(tokens, after).low in ("st", "nd", "rd", "th", "of"):
            after += 1
        if month := _month(tokens, after):
            year, end = _year(tokens, after + 1)
            return Date(year, month, int(one.value or 0), one.start, tokens[end - 1].end), end
    if month := _month(tokens, at):
        day, after = 0, at + 1
        if _is_day(_at(tokens, after)) and _at(tokens, after + 1).text not in ("%", ":"):
            day, after = int(_at(tokens, after).value or 0), after + 1
            if _at(tokens, after).low in ("st", "nd", "rd", "th"):
                after += 1
        known = day or _at(tokens, at - 1).low in _MONTH_BEFORE or month != 5  # not the verb
        year, end = _year(tokens, after)
        if known or year:
            return Date(year, month, day, one.start, tokens[end - 1].end), end
    return None


def _is_day(token: _Token) -> bool:
    return token.value is not None and token.text.isdecimal() and 1 <= token.value <= 31


def _month(tokens: list[_Token], at: int) -> int:
    token = _at(tokens, at)
    is_name = token.text[:1].isupper() and (token.low != "mar" or _is_day(_at(tokens, at + 1)))
    return int(tables()["months"].get(token.low, 0)) if is_name else 0


def _year(tokens: list[_Token], at: int) -> tuple[int, int]:
    """The year after a month that ends before a token, and the token after it.

    A comma or "of" is passed over, and a full stop if it shortens the month.
    """
    short = _at(tokens, at - 1).low in _SHORT_MONTHS
    after = at + (_at(tokens, at).text in (",", "of") or (short and _at(tokens, at).text == "."))
    token = _at(tokens, after)
    if token.text.isdecimal() and len(token.text) == 4:
        return int(token.text), after + 1
    return 0, at


def _number(tokens: list[_Token], at: int) -> tuple[float, str, int, bool] | None:
    """Value, kind, the token after, and whether it is weak, of a number without its unit."""
    numbers = tables()["numbers"]
    token = _at(tokens, at)
    sign = 1.0
    if token.low == "minus" or (
        token.text in "-−" and token.text and (at == 0 or _at(tokens, at - 1).end < token.start)
    ):
        if _at(tokens, at + 1).value is None:
            return None
        sign, at = -1.0, at + 1
        token = _at(tokens, at)
    if token.low in ("a", "an") and (unit := _unit(_at(tokens, at + 1).low)):
        # "a year" is said of rates too; "a decade" is a length of time and nothing else
        return 1.0, "", at + 1, unit != ["calendar", 120] and unit != ["calendar", 1200]
    if token.low in numbers["times"]:
        return numbers["times"][token.low], "times", at + 1, token.low == "once"
    if token.value is not None:
        if _glued(tokens, at):
            return None  # "K-20" and "N5" are names
        value, end = token.value, at + 1
        if _at(tokens, end).low in ("st", "nd", "rd", "th"):
            return value, "ordinal", end + 1, False
    else:
        words = _in_words(tokens, at)
        if words is None:
            return _part(tokens, at, 1.0)
        value, end = words
        if part := _part(tokens, end, value):
            return part
    weak = token.low == "one"
    while (scale := numbers["scales"].get(_at(tokens, end).low)) is not None:
        after = _at(tokens, end)
        if len(after.text) <= 2 and after.start != _at(tokens, end - 1).end:
            break
        value, end, weak = value * scale, end + 1, False
    # "two in five", "one out of eight"
    gap = 1 if _at(tokens, end).low == "in" else 2 if _at(tokens, end).low == "out" else 0
    if gap and value < 20 and (whole := _small(tokens, end + gap)) and value < whole:
        return value / whole, "share", end + gap + 1, False
    if _at(tokens, end).text == "/" and (whole := _small(tokens, end + 1)):
        return value / whole, "share", end + 2, False
    return sign * value, "", end, weak


def _glued(tokens: list[_Token], at: int) -> bool:
    """Whether letters stand right before a number, with or without a hyphen."""
    before, token = _at(tokens, at - 1), tokens[at]
    if before.end != token.start or not before.text:
        return False
    if before.text == "-":
        name = _at(tokens, at - 2)
        return name.end == before.start and name.text[:1].isalpha() and name.text.isupper()
    return before.text.isalpha()


def _small(tokens: list[_Token], at: int) -> float:
    token = _at(tokens, at)
    ones = tables()["numbers"]["ones"].split()
    value = token.value or (ones.index(token.low) if token.low in ones else 0)
    return value if value <= 20 else 0


def _in_words(tokens: list[_Token], at: int) -> tuple[float, int] | None:
    """A number of words, and the token after it: "a thousand", "twenty-four", "fifteen hundred"."""
    numbers = tables()["numbers"]
    ones, tens = numbers["ones"].split(), numbers["tens"].split()
    total = current = 0.0
    end, seen = at, False
    if _at(tokens, at).low == "a" and _at(tokens, at + 1).low in (
        "hundred",
        "thousand",
        "million",
        "billion",
        "dozen",
    ):
        current, end = 1.0, at + 1
    while True:
        low = _at(tokens, end).low
        if low in ones:
            current += ones.index(low)
        elif low in tens:
            current += 10 * tens.index(low)
        elif low in numbers["scales"] and len(low) > 2 and (seen or end > at):
            scale = numbers["scales"][low]
            if scale >= 1000:
                total, current = total + max(current, 1) * scale, 0.0
            else:
                current = max(current, 1) * scale
        elif seen and (
            (low == "-" and _at(tokens, end + 1).low in ones and _at(tokens, end - 1).low in tens)
            or (
                low == "and"
                and _at(tokens, end - 1).low in ("hundred", "thousand")
                and _at(tokens, end + 1).low in ones + tens
            )
        ):
            end += 1
            continue
        else:
            break
        seen, end = True, end + 1
        if low in ones and _at(tokens, end).low in ones + tens:
            break  # "one two": two numbers
    return (total + current, end) if seen else None


def _part(tokens: list[_Token], at: int, count: float) -> tuple[float, str, int, bool] | None:
    """A fraction or an ordinal that begins at a token; `count` of it."""
    numbers = tables()["numbers"]
    ordinals = numbers["ordinals"].split()
    low = _at(tokens, at).low
    if _at(tokens, at - 1).text == "-" and _at(tokens, at - 2).low in ordinals:
        return None  # second-half
    counted = _at(tokens, at - 1).low in ("a", "one", "by") or count != 1.0
    if low == "-" and count != 1.0:
        at, low = at + 1, _at(tokens, at + 1).low
    if low in numbers["parts"]:
        if _at(tokens, at - 1).low in ordinals or (
            low == "quarter" and not counted and _at(tokens, at + 1).low != "of"
        ):
            return None  # the second half, the third quarter
        return count * numbers["parts"][low], "share", at + 1, False
    single = low.removesuffix("s")
    if single in ordinals and single != "_":
        place = ordinals.index(single)
        if place > 2 and (
            low != single or (counted and _at(tokens, at + 1).low in ("of", ".", ",", ""))
        ):
            return count / place, "share", at + 1, False
        if low == single and count == 1.0:
            return float(place), "ordinal", at + 1, False
    return None


def _with_unit(
    tokens: list[_Token], at: int, end: int, value: float, kind: str, weak: bool
) -> tuple[Quantity | None, int]:
    """A quantity with the unit around it, and the token after both."""
    units = tables()["units"]
    before = _at(tokens, at - 1)
    start, stop, after = tokens[at].start, tokens[end - 1].end, end
    plain = value
    is_part = kind == "share"
    if kind in ("", "share"):
        step = end
        while (
            _at(tokens, step).low
            in ("-", "a", "an", "of", "per", "percentage", "basis", "full", "whole", "working")
            and step < end + 3
        ):
            if _at(tokens, step).low in ("a", "an", "of") and not is_part:
                break
            step += 1
        name = _at(tokens, step).low
        if name == "cent" and _at(tokens, step - 1).low == "per":
            name = "percent"
        elif name.startswith("point") and _at(tokens, step - 1).low == "basis":
            name = "bp"
        elif name.startswith("point") and _at(tokens, step - 1).low not in (
            "percentage",
            "percent",
        ):
            name = ""
        size = name if name in ("square", "cubic") else ""
        if size:
            step += 1
            name = _at(tokens, step).low
        unit = None if name == "second" and _at(tokens, step - 1).text != "-" else _unit(name)
        if name in _CURRENCIES and _at(tokens, step + 1).value is not None:
            unit = None  # it belongs to the next number
        if name == "times" and kind == "":
            kind, stop, after = "times", _at(tokens, step).end, step + 1
        elif unit is not None:
            power = {"square": 2, "cubic": 3}.get(size, 1)
            value, kind = value * unit[1] ** power, f"{size} {unit[0]}".strip()
            stop, after = _at(tokens, step).end, step + 1
        elif before.text in _CURRENCIES and before.text:
            value, kind = value * units[before.text][1], units[before.text][0]
            start = before.start
    joined = _at(tokens, end).low in ("to", "or") and _number(tokens, end + 1) is not None
    if weak and kind == "" and not joined:
        return None, end  # "one" as a pronoun
    return Quantity(value, kind, start, stop, weak, plain=plain), after


def _unit(name: str) -> Any:
    """What a word measures and how much of it, None when it is no unit."""
    units = tables()["units"]
    return units.get(name) or units.get(name.removesuffix("s"))


def _ranges(text: str, found: list[Quantity]) -> list[Quantity]:
    """The same, where "12" of "12 to 24 months" has got its unit too, and both are an end."""
    done = list(found)
    for index in range(len(done) - 2, -1, -1):
        one, two = done[index], done[index + 1]
        between = text[one.end : two.start].strip().lower()
        if between not in _JOINS or two.kind in ("ordinal", "times"):
            continue
        if one.kind not in ("", two.kind):
            continue
        if one.kind == "" and two.kind != "":
            unit = _unit(_TOKEN.findall(text[two.start : two.end])[-1].lower())
            factor = unit[1] if unit and unit[0] == two.kind else 1.0
            one = replace(one, value=one.value * factor, kind=two.kind)
        before = text[: one.start].rstrip().lower()
        is_range = (
            between in _TO
            and not before.endswith(("from", "between"))
            and (two.kind != "" or between == "to")
        )
        done[index] = replace(one, in_range=is_range, weak=one.weak and not is_range)
        done[index + 1] = replace(two, in_range=is_range or two.in_range)
    return done


_TO = frozenset({"to", "- to", "-to", "-", "–", "or"})
_JOINS = frozenset(_TO | {"and", "or even", "rather than", "instead of"})
