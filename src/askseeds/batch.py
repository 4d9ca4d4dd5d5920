"""Questions by the line: JSON Lines with `id`, `question` and perhaps `history`."""

import difflib
import json
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from askseeds.errors import QuestionError
from askseeds.types import Turn

FIELDS = ("id", "question", "history")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a batch, parsed no further than needed to answer or to report it.

    Attributes:
        number: Line number from 1.
        content: The parsed object; a string where the line is not a JSON object: the reason.
    """

    number: int
    content: dict[str, Any] | str

    @property
    def id(self) -> Any:
        """The line's own id, or None."""
        return self.content.get("id") if isinstance(self.content, dict) else None

    def question(self) -> str:
        """The question.

        Raises:
            QuestionError: The line is broken.
        """
        if isinstance(self.content, str):
            raise QuestionError(f"line {self.number} {self.content}")
        for name in self.content:
            # What else a line carries is left alone, but for what was meant for a field.
            near = [] if name in FIELDS else difflib.get_close_matches(name, FIELDS, 1)
            if near and near[0] not in self.content:
                hint = f"did you mean {near[0]}?"
                raise QuestionError(f"line {self.number}: {name} is not a field; {hint}")
        question = self.content.get("question")
        if not isinstance(question, str):
            raise QuestionError(f'line {self.number} has no "question" that is a string')
        return question

    def history(self) -> tuple[Turn, ...]:
        """The earlier turns; see `turns`.

        Raises:
            QuestionError: The history is of no known form.
        """
        content = self.content if isinstance(self.content, dict) else {}
        return turns(content.get("history") or (), where=f"line {self.number}")


def turns(history: object, *, where: str) -> tuple[Turn, ...]:
    """Earlier turns from JSON, oldest first.

    Three forms are read: questions as strings; objects with `question` and perhaps `answer`;
    messages with `role` and `content`, as chat interfaces keep them.

    Raises:
        QuestionError: It is none of these.
    """
    if not isinstance(history, Sequence) or isinstance(history, str):
        raise QuestionError(f"{where}: history must be a list")
    result: list[Turn] = []
    for item in history:
        match item:
            case str():
                result.append(Turn(item))
            case {"question": str(question), **rest}:
                result.append(Turn(question, str(rest.get("answer") or "")))
            case {"role": "user", "content": str(question)}:
                result.append(Turn(question))
            case {"role": "assistant", "content": str(answer)}:
                if result:
                    result[-1] = Turn(result[-1].question, answer)
            case _:
                raise QuestionError(
                    f"{where}: a turn of the history is a string, "
                    "{question, answer} or {role, content}"
                )
    return tuple(result)


def open_lines(file: str) -> IO[bytes]:
    """Opens a batch; `-` is standard input.

    Raises:
        QuestionError: The file cannot be opened.
    """
    if file == "-":
        return sys.stdin.buffer
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise QuestionError(f"{file} cannot be read: {error.strerror}") from error


def read_lines(lines: IO[bytes]) -> Iterator[Line]:
    """Reads a batch line by line as it arrives; empty lines are left out."""
    for number, raw in enumerate(lines, start=1):
        if not raw.strip():
            continue
        try:
            content = json.loads(
                raw.decode("utf-8-sig"), parse_constant=_no_number, parse_float=_number
            )
        except UnicodeDecodeError as error:
            yield Line(number, f"is not UTF-8 (byte {error.start})")
        except (ValueError, RecursionError) as error:
            # A number of thousands of digits is a ValueError of its own.
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is too much"
            yield Line(number, f"is not JSON: {reason}")
        else:
            yield Line(number, content if isinstance(content, dict) else "is not a JSON object")


def _no_number(name: str) -> None:
    """NaN and Infinity, which Python would read and write, and no other program."""
    raise json.JSONDecodeError(f"{name} is no number", "", 0)


def _number(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        _no_number(text)
    return number
