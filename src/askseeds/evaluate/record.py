"""Today's answers as the expectation, and what changed since they were recorded."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from askseeds.errors import ConfigError
from askseeds.evaluate import formats
from askseeds.evaluate.pairs import TO_REVIEW, Pair, fields_of, pair_of
from askseeds.evaluate.runner import Result
from askseeds.terminal import json_line, terminal_safe
from askseeds.types import Quote

SUFFIX = ".accepted"
"""Added to the name of a file of pairs: the record of the answers that were accepted."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is different about one pair's answer; `was` is None for a pair without a record."""

    result: Result
    was: Mapping[str, Any] | None


def record_file(file: Path) -> Path:
    """Where the record of a file of pairs is."""
    return file.with_name(file.name + SUFFIX)


def accept(file: Path, results: Sequence[Result]) -> int:
    """Makes today's answers the expectation of every pair of a file that failed.

    Pairs that pass keep the words of their author; all lose the tag `review`. The rest of a YAML
    file stays as it is, comments too. The answers go into the record beside the file.

    Args:
        file: Of the pairs.
        results: Of its pairs, all of them.

    Returns:
        How many pairs were changed.

    Raises:
        ConfigError: A file cannot be written, or a question could not be asked.
    """
    broken = next((result for result in results if result.answer is None), None)
    if broken:
        reason = "; ".join(broken.verdict.reasons)
        raise ConfigError(
            f"{file}: {broken.pair.id} could not be asked, nothing accepted: {reason}"
        )
    accepted = [accepted_pair(result) for result in results]
    changed = sum(new != result.pair for new, result in zip(accepted, results, strict=True))
    if changed:
        _rewrite(file, [result.pair for result in results], accepted)
    lines = [json_line({"id": result.pair.id, **_answered(result)}) for result in results]
    formats.save(record_file(file), "".join(line + "\n" for line in lines))
    return changed


def accepted_pair(result: Result) -> Pair:
    """The pair with today's answer as what it expects, where it failed."""
    pair, answer = result.pair, result.answer
    tags = tuple(tag for tag in pair.tags if tag != TO_REVIEW)
    if answer is None or result.outcome == "expected failure":
        return pair
    if result.outcome == "unexpected pass":
        return replace(pair, tags=tags, xfail="")
    if result.outcome == "passed":
        return replace(pair, tags=tags)
    quoted = "\n".join(quote.text for quote in answer.quotes)
    return replace(
        pair,
        status=answer.status,
        quotes=tuple(quote.text for quote in answer.quotes),
        patterns=(),
        not_quotes=tuple(f for f in pair.not_quotes if f not in quoted),
        source="",
        page=None,
        tags=tags,
    )


def changes(file: Path, results: Sequence[Result]) -> tuple[Change, ...]:
    """The pairs whose status or quotes are not those of the record.

    Raises:
        ConfigError: There is no record, or it is broken.
    """
    path = record_file(file)
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        records = [json.loads(line) for line in lines if line]
        was = {record["id"]: {k: record[k] for k in ("status", "quotes")} for record in records}
    except FileNotFoundError:
        raise ConfigError(
            f"{path} is not there; `askseeds eval --accept {file}` records today's answers"
        ) from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError):
        raise ConfigError(
            f"{path} is damaged; delete it and run `askseeds eval --accept {file}`"
        ) from None
    return tuple(
        Change(result, was.get(result.pair.id))
        for result in results
        if was.get(result.pair.id) != _answered(result)
    )


def changes_text(found: Sequence[Change]) -> str:
    """What changed, pair by pair, for a terminal."""
    parts = []
    for change in found:
        now = _answered(change.result)
        head = f"{change.result.pair.id}: {change.result.pair.question}"
        if change.was is None:
            parts.append(terminal_safe(f"{head}\n  + {now['status']}, a new pair"))
            continue
        lines = [head]
        was, old, new = change.was, list(change.was["quotes"]), list(now["quotes"])
        if was["status"] != now["status"]:
            lines += [f"  - {was['status']}", f"  + {now['status']}"]
        lines += [f"  - {_quote_text(quote)}" for quote in old if quote not in new]
        lines += [f"  + {_quote_text(quote)}" for quote in new if quote not in old]
        if sorted(map(str, old)) == sorted(map(str, new)) and old != new:
            lines.append("  ~ the same quotes in another order")
        parts.append(terminal_safe("\n".join(lines)))
    return "\n".join(parts) if parts else "nothing changed since the answers were accepted"


def _answered(result: Result) -> dict[str, Any]:
    if result.answer is None:
        return {"status": "error", "quotes": []}
    quotes = [_place(quote) for quote in result.answer.quotes]
    return {"status": result.answer.status, "quotes": quotes}


def _place(quote: Quote) -> dict[str, Any]:
    return {name: getattr(quote, name) for name in ("source", "start", "end", "text")}


def _quote_text(quote: Mapping[str, Any]) -> str:
    return f"{quote['source']}:{quote['start']}-{quote['end']} {quote['text']!r}"


def _rewrite(file: Path, old: Sequence[Pair], new: Sequence[Pair]) -> None:
    """Writes the changed pairs back; the others keep their characters in YAML."""
    if file.suffix.lower() in formats.YAML:
        text = _edited(str(file), file.read_bytes().decode("utf-8-sig"), old, new)
        if text is not None:
            formats.save(file, text)
            return
    formats.write(file, new)


def _edited(file: str, text: str, old: Sequence[Pair], new: Sequence[Pair]) -> str | None:
    """The text with the changed items replaced; None where that would not read as it should."""
    items = formats.yaml_items(file, text)
    for item, before, after in reversed(list(zip(items, old, new, strict=True))):
        if before != after:
            column = item.start - (text.rfind("\n", 0, item.start) + 1)
            body = formats.yaml_text(fields_of(after), flow=item.flow).rstrip("\n")
            body = body.replace("\n", "\n" + " " * column)
            # A block scalar at the end has taken its line break with it.
            close = "\n" if text[item.start : item.end].endswith("\n") else ""
            text = text[: item.start] + body + close + text[item.end :]
    try:
        again = [pair_of(item.entry) for item in formats.yaml_items(file, text)]
    except ConfigError:
        return None
    return text if again == list(new) else None
