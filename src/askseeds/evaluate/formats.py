"""Pairs in files: YAML, CSV and JSON Lines, told apart by the suffix."""

import csv
import io
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from askseeds.errors import ConfigError
from askseeds.evaluate.pairs import FIELDS, Entry, Pair, distinct, fields_of, pair_of

YAML, CSV, JSON_LINES = (".yaml", ".yml"), (".csv", ".tsv"), (".jsonl", ".ndjson")
SUFFIXES = (*YAML, *CSV, *JSON_LINES)
LISTS = ("quotes", "patterns", "not_quotes")
EXACT = (*LISTS, "question", "history", "note", "xfail")
"""Fields whose spaces count in CSV."""

YAML_WIDTH = 96


def read(path: Path) -> tuple[Pair, ...]:
    """Reads the pairs of one file.

    Raises:
        ConfigError: Names the file, and the line and field that is wrong.
    """
    pairs = tuple(pair_of(entry) for entry in entries(path))
    if not pairs:
        raise ConfigError(f"{path}: holds no pairs")
    distinct(pairs)
    return pairs


def entries(path: Path) -> Iterator[Entry]:
    """The pairs of a file as they are written, unchecked; raises what `read` raises."""
    kind = _suffix(path)
    text = _decoded(path)
    match kind:
        case suffix if suffix in YAML:
            for item in yaml_items(str(path), text):
                yield item.entry
        case suffix if suffix in CSV:
            yield from _csv_entries(str(path), text)
        case _:
            yield from _json_entries(str(path), text)


def write(path: Path, pairs: Sequence[Pair], *, comment: str = "") -> None:
    """Writes pairs in the form that the file's suffix names.

    Args:
        path: Is overwritten.
        pairs: In their order.
        comment: Lines to put on top, where the format has comments.

    Raises:
        ConfigError: The suffix is of no known form, or the file cannot be written.
    """
    suffix = _suffix(path)
    if suffix in YAML:
        lines = "".join(f"# {line}".rstrip() + "\n" for line in comment.splitlines())
        text = lines + "".join(yaml_item(pair) for pair in pairs)
    elif suffix in CSV:
        text = _csv_text(pairs, "\t" if suffix == ".tsv" else ",")
    else:
        text = "".join(json.dumps(fields_of(p), ensure_ascii=False) + "\n" for p in pairs)
    save(path, text)


def save(path: Path, text: str) -> None:
    """Writes a text as UTF-8, its line breaks as they are.

    Raises:
        ConfigError: It cannot be written.
    """
    try:
        if path.parent != Path():
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def _suffix(path: Path) -> str:
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(f"{path}: files of pairs end in {', '.join(SUFFIXES)}")
    return suffix


def _decoded(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8 (byte {error.start})") from error


# --- YAML -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class YamlItem:
    """A pair in a YAML text, with the characters that it takes there.

    Attributes:
        start: Of its first field, after the "- ".
        end: After its last field's value.
        flow: It is written in braces.
    """

    entry: Entry
    start: int
    end: int
    flow: bool


def yaml_items(file: str, text: str) -> list[YamlItem]:
    """The pairs of a YAML text: a list, or a list under `pairs`.

    Raises:
        ConfigError: It is not YAML, or not such a list.
    """
    try:
        loader = yaml.SafeLoader(text)
        root = loader.get_single_node()
        if isinstance(root, yaml.MappingNode):
            named = {key.value: value for key, value in root.value}
            root = named.get("pairs") if list(named) == ["pairs"] else root
        if not isinstance(root, yaml.SequenceNode):
            raise ConfigError(f"{file}:1: must be a list of pairs, each beginning with a dash")
        return [_yaml_item(file, loader, node) for node in root.value]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise ConfigError(f"{file}:{line}: is not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"{file}:1: is not YAML: {reason}") from None


def _yaml_item(file: str, loader: yaml.SafeLoader, node: yaml.Node) -> YamlItem:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(f"{file}:{line}: a pair must be a mapping such as `question: ...`")
    own = {id(key) for key, _ in node.value}
    end = _yaml_end(node)
    loader.flatten_mapping(node)  # resolves `<<`
    fields: dict[str, Any] = {}
    lines: dict[str, int] = {}
    seen: set[str] = set()
    for key, value in node.value:
        name = str(key.value)
        if name in seen and id(key) in own:
            raise ConfigError(f"{file}:{key.start_mark.line + 1}: {name}: is there twice")
        if id(key) in own:
            seen.add(name)
        fields[name] = loader.construct_object(value, deep=True)
        lines[name] = key.start_mark.line + 1
    return YamlItem(
        Entry(file, line, fields, lines), node.start_mark.index, end, bool(node.flow_style)
    )


def _yaml_end(node: yaml.Node) -> int:
    """Where a node ends; the parser's own mark of a block lies before the next thing written."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _yaml_end(last[1] if isinstance(last, tuple) else last)
    return int(node.end_mark.index)


def yaml_item(pair: Pair) -> str:
    """One pair as an item of a YAML list, with its line break."""
    return yaml_text([fields_of(pair)])


def yaml_text(value: Any, *, flow: bool = False) -> str:
    """A value as YAML that reads back the same; `flow` keeps it on one line, in braces."""
    return yaml.dump(
        value,
        Dumper=_Dumper,
        allow_unicode=True,
        sort_keys=False,
        default_flow_style=flow,
        width=float("inf") if flow else YAML_WIDTH,
    )


class _Dumper(yaml.SafeDumper):
    """Escapes the line breaks other than a line feed: YAML would turn them into one another."""


def _scalar(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    style = '"' if _OTHER_BREAKS.search(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_OTHER_BREAKS = re.compile("[\r\x85\u2028\u2029]")
_Dumper.add_representer(str, _scalar)


# --- CSV ------------------------------------------------------------------------------------------
# One row a pair under a row of field names. A column of `quotes`, `patterns` or `not_quotes` may be
# there several times, a fragment in each; a cell may also hold a JSON list. Tags are separated by
# spaces or commas. A history is one question or a JSON list.


def _csv_entries(file: str, text: str) -> Iterator[Entry]:
    head = text.splitlines()[0] if text else ""
    delimiter = max("\t;,", key=head.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(rows, [])]
        for name in header:
            if name not in FIELDS:
                known = ", ".join(FIELDS)
                raise ConfigError(f"{file}:1: {name[:80]!r} is not a column; there are: {known}")
            if header.count(name) > 1 and name not in LISTS:
                raise ConfigError(f"{file}:1: {name}: is there twice")
        before = rows.line_num
        for row in rows:
            line, before = before + 1, rows.line_num
            if not any(cell.strip() for cell in row):
                continue
            if len(row) > len(header):
                raise ConfigError(
                    f"{file}:{line}: has {len(row)} cells, but there are {len(header)} columns; "
                    f"put text with {delimiter!r} in quotation marks"
                )
            yield _csv_entry(Entry(file, line, {}), list(zip(header, row, strict=False)))
    except csv.Error as error:
        raise ConfigError(f"{file}:{rows.line_num}: is not CSV: {error}") from None


def _csv_entry(place: Entry, cells: list[tuple[str, str]]) -> Entry:
    fields: dict[str, Any] = {}
    for name, raw in cells:
        cell = raw if name in EXACT else raw.strip()
        if not cell.strip():
            continue
        if name in LISTS:
            fields.setdefault(name, []).extend(_json_texts(cell) or [cell])
        elif name == "history":
            fields[name] = _json_list(cell) or [cell]
        elif name == "tags":
            fields[name] = cell.replace(",", " ").split()
        elif name in ("page", "weight"):
            fields[name] = _number(place, name, cell)
        else:
            fields[name] = cell
    return Entry(place.file, place.line, fields)


def _json_list(cell: str) -> list[Any] | None:
    if not cell.startswith("["):
        return None
    try:
        value = json.loads(cell)
    except (json.JSONDecodeError, RecursionError):
        return None
    return value if isinstance(value, list) and value else None


def _json_texts(cell: str) -> list[str] | None:
    """A list of texts; any other cell, `[1]` too, is one fragment as it stands."""
    value = _json_list(cell)
    return value if value and all(isinstance(item, str) for item in value) else None


def _number(place: Entry, name: str, cell: str) -> float:
    try:
        return int(cell) if name == "page" else float(cell)
    except ValueError:
        raise place.wrong(name, f"must be a number, got {cell[:40]!r}") from None


def _csv_text(pairs: Sequence[Pair], delimiter: str) -> str:
    out = io.StringIO(newline="")
    rows = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    every = [fields_of(pair) for pair in pairs]
    header = [name for name in FIELDS if any(name in fields for fields in every)]
    rows.writerow(header)
    for fields in every:
        rows.writerow([_cell(name, fields.get(name)) for name in header])
    return out.getvalue()


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "tags":
        return " ".join(value)
    if name == "history" or (name in LISTS and (len(value) > 1 or _json_texts(value[0]))):
        return json.dumps(value, ensure_ascii=False)
    return str(value[0]) if name in LISTS else str(value)


# --- JSON Lines -----------------------------------------------------------------------------------


def _json_entries(file: str, text: str) -> Iterator[Entry]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line, object_pairs_hook=_once)
        except json.JSONDecodeError as error:
            raise ConfigError(f"{file}:{number}: is not JSON: {error.msg}") from None
        except (RecursionError, ValueError) as error:
            raise ConfigError(f"{file}:{number}: is not JSON: {str(error)[:100]}") from None
        if not isinstance(value, dict):
            raise ConfigError(f"{file}:{number}: a pair must be a JSON object")
        yield Entry(file, number, value)


def _once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(items)
    if len(found) < len(items):
        names = [name for name, _ in items]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice} is there twice")
    return found
