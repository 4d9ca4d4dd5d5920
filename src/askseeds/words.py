"""Passages by their words: Tantivy (BM25), behind a small protocol. Derived from the ledger.

Published in snapshots, as described in `snapshots`. Title, headings and text of a passage are one
field: on three question sets two fields, boosted or not, found no more among the first 40 and took
nearly twice the time. There is no list of stop words: with one, slightly fewer were among the first
40, and "The Who" would find nothing. In a large index, words that many passages have are left out
while rarer ones remain.
"""

import re
import shutil
import threading
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self

import tantivy

from askseeds.snapshots import Damaged, Published, Snapshots, View

_ANALYSIS = 1
"""Raise it when `normalised` or `_analyzer` change: indexes made otherwise are then rebuilt."""

_MOST_CHARS = 100_000  # of a query
_MOST_TERMS = 64  # of a query, the rarest
_LARGE = 10_000  # passages; from there on common words cost more time than they are worth:
_COMMON_SHARE = 0.3  # at 100,000 a query takes 0.35 ms without and 1.2 ms with them
_HEAP_BYTES = 64_000_000
_BLOCK_CHARS = 1_000

_ACRONYM = re.compile(r"\b(?:[^\W\d_]\.){2,}")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3})")
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff]+"
)


class WordIndex(Protocol):
    """What the rest of askseeds needs of a word engine; see `vectors.VectorIndex`."""

    @property
    def generation(self) -> int:
        """Of the ledger, when this was committed; -1 when it has to be built anew."""

    def count(self) -> int:
        """Number of passages."""

    def add(self, entries: Sequence[tuple[int, str, str | None, str]]) -> None:
        """Adds or replaces: `(id, title, heading, text)`."""

    def remove(self, ids: Sequence[int]) -> None:
        """Removes; ids that are not there are passed over."""

    def clear(self) -> None:
        """Removes everything."""

    def commit(self, generation: int) -> None:
        """Makes all changes durable and visible, at once."""

    def search(
        self, query: str, limit: int, *, within: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """Best passages as `(id, BM25 score)`, best first; `within`: only these ids."""

    def like(
        self, words: Sequence[str], edits: int, limit: int, *, within: Sequence[int] | None = None
    ) -> list[int]:
        """Ids of passages with a word whose stem is like that of one of these."""

    def is_outdated(self) -> bool:
        """Whether another process has committed since; asked before every question."""

    def close(self) -> None:
        """Lets go of files; what was not committed is dropped."""


def normalised(text: str) -> str:
    """Text as it goes to the tokenizer, of passages and queries alike. Offsets do not survive.

    One form for letters that look alike, "U.S." as "US", "1,000" as "1000"; scripts without spaces
    between words as single characters and pairs.
    """
    if not text.isascii():
        text = text.encode("utf-8", "ignore").decode("utf-8")  # lone surrogates
        # In blocks, because time grows with the square of a run of combining marks.
        text = "".join(
            unicodedata.normalize("NFKC", text[i : i + _BLOCK_CHARS])
            for i in range(0, len(text), _BLOCK_CHARS)
        )
        text = _UNSPACED.sub(_characters_and_pairs, text)
    text = _ACRONYM.sub(lambda match: match[0].replace(".", "") + " ", text)
    return _THOUSANDS.sub("", text)


class TantivyWords(Published["_Reader"]):
    """A `WordIndex` on Tantivy. The caller sees to it that there is one writer."""

    def __init__(self, snapshots: Snapshots, *, writable: bool) -> None:
        """Use `open`."""
        super().__init__(snapshots, _read, writable=writable)
        self._draft: _Draft | None = None

    @classmethod
    def open(cls, folder: Path, *, made_from: str = "", writable: bool = False) -> Self:
        """Opens what is there. Damaged or foreign data counts as none; a writer deletes it.

        Args:
            folder: Where it is.
            made_from: Names the ledger that the words come from.
            writable: For the one writer.

        Raises:
            IndexUnwritable: `writable`, and the folder cannot be made or written to.
        """
        made_with: dict[str, str | int] = {
            "engine": "tantivy",
            "analysis": _ANALYSIS,
            "made_from": made_from,
        }
        return cls(Snapshots(folder, made_with), writable=writable)

    def search(
        self, query: str, limit: int, *, within: Sequence[int] | None = None
    ) -> list[tuple[int, float]]:
        """Finds the passages that share words with `query`; the rarer the words, the better.

        Args:
            query: Any text. Nothing in it is an operator.
            limit: At most so many.
            within: Only among these ids.

        Returns:
            `(id, BM25 score)`, best first.
        """
        published = self._published
        if published is None or limit < 1 or (within is not None and len(within) == 0):
            return []
        return published[1].search(query, min(limit, max(published[0].count, 1)), within)

    def like(
        self, words: Sequence[str], edits: int, limit: int, *, within: Sequence[int] | None = None
    ) -> list[int]:
        """Finds passages with a word that may be meant by a misspelt one.

        Args:
            words: One word is enough.
            edits: Stems differ by at most so many letters, 0 to 2; two that changed places
                count as one.
            limit: At most so many.
            within: Only among these ids.

        Returns:
            Ids, in no order that means anything.
        """
        published = self._published
        if published is None or (within is not None and len(within) == 0):
            return []
        return published[1].like(words, edits, limit, within)

    def add(self, entries: Sequence[tuple[int, str, str | None, str]]) -> None:
        """Adds or replaces: `(id, title, heading, text)`."""
        self._must_be_writable()
        with self._undone_on_failure():
            texts = {
                id_: "\n".join(part for part in (title, heading, text) if part)
                for id_, title, heading, text in entries
            }
            draft = self._opened_draft()
            draft.remove(list(texts))
            for id_, text in texts.items():
                draft.add(id_, text)

    def remove(self, ids: Sequence[int]) -> None:
        """Removes; ids that are not there are passed over."""
        self._must_be_writable()
        if not ids:
            return
        with self._undone_on_failure():
            self._opened_draft().remove(ids)

    def commit(self, generation: int) -> None:
        """Makes all changes durable and visible, at once. Without any, only the marker is written.

        Raises:
            IndexUnwritable: Nothing has changed; the uncommitted changes are dropped.
        """
        self._must_be_writable()
        with self._undone_on_failure():
            if self._base is not None and self._draft is None:
                path = self._base.path
            else:
                path = self._opened_draft().close()
            self._publish(path, _read(path), generation=generation, removed=0)
        self._draft = None

    def _opened_draft(self) -> "_Draft":
        if self._draft is None:
            self._draft = _Draft(self._snapshots.draft(self._base), fresh=self._base is None)
        return self._draft

    def _abandon(self) -> None:
        if self._draft is not None:
            shutil.rmtree(self._draft.path, ignore_errors=True)
            self._draft = None


class _Draft:
    """Tantivy on a copy that nobody else sees."""

    def __init__(self, path: Path, *, fresh: bool) -> None:
        self.path = path
        if fresh:
            builder = tantivy.SchemaBuilder()
            builder.add_unsigned_field("id", indexed=True, fast=True)
            builder.add_text_field("text", tokenizer_name="words", index_option="freq")
            self._index = tantivy.Index(builder.build(), str(path))
        else:
            self._index = tantivy.Index.open(str(path))
        self._index.register_tokenizer("words", _analyzer())
        self._writer = self._index.writer(_HEAP_BYTES, 1)

    def add(self, id_: int, text: str) -> None:
        document = tantivy.Document()
        document.add_unsigned("id", id_)
        document.add_text("text", normalised(text))
        self._writer.add_document(document)

    def remove(self, ids: Sequence[int]) -> None:
        # Not delete_documents_by_term: with a number it deletes nothing, and says nothing (0.27).
        members = tantivy.Query.term_set_query(self._index.schema, "id", list(ids))
        self._writer.delete_documents_by_query(members)

    def close(self) -> Path:
        self._writer.commit()
        self._writer.wait_merging_threads()  # merges change files too
        return self.path


class _Reader:
    """Tantivy on a view. Safe from several threads."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._index = tantivy.Index.open(str(view.data))
        self._index.config_reader("manual")  # a snapshot does not change: no watching thread
        self._index.reload()
        self._schema = self._index.schema
        self._searcher = self._index.searcher()
        self._words = _analyzer()
        self._analyzing = threading.Lock()

    def count(self) -> int:
        return self._searcher.num_docs

    def search(
        self, query: str, limit: int, within: Sequence[int] | None
    ) -> list[tuple[int, float]]:
        terms = self._terms(query)
        if len(terms) > _MOST_TERMS or self.count() >= _LARGE:
            known = sorted((self._searcher.doc_freq("text", term), term) for term in terms)
            known = [(frequency, term) for frequency, term in known if frequency][:_MOST_TERMS]
            if self.count() >= _LARGE:
                most = _COMMON_SHARE * self.count()
                known = [pair for pair in known if pair[0] <= most] or known
            terms = [term for _, term in known]
        if not terms:
            return []
        any_of = tantivy.Query.boolean_query(
            [
                (
                    tantivy.Occur.Should,
                    tantivy.Query.term_query(self._schema, "text", term, "freq"),
                )
                for term in terms
            ]
        )
        any_of = self._among(any_of, within)
        return sorted(self._found(any_of, limit), key=lambda hit: (-hit[1], hit[0]))

    def like(
        self, words: Sequence[str], edits: int, limit: int, within: Sequence[int] | None
    ) -> list[int]:
        near = [
            tantivy.Query.fuzzy_term_query(self._schema, "text", term, edits)
            for term in self._terms(" ".join(words))
        ]
        any_of = tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in near])
        return [id_ for id_, _ in self._found(self._among(any_of, within), limit)]

    def _among(self, query: tantivy.Query, within: Sequence[int] | None) -> tantivy.Query:
        if within is None:
            return query
        members = tantivy.Query.term_set_query(self._schema, "id", list(within))
        unscored = tantivy.Query.const_score_query(members, 0.0)
        both = [(tantivy.Occur.Must, query), (tantivy.Occur.Must, unscored)]
        return tantivy.Query.boolean_query(both)

    def _terms(self, text: str) -> list[str]:
        with self._analyzing:
            return list(dict.fromkeys(self._words.analyze(normalised(text[:_MOST_CHARS]))))

    def _found(self, query: tantivy.Query, limit: int) -> list[tuple[int, float]]:
        hits = self._searcher.search(query, limit, count=False).hits
        ids = self._searcher.fast_field_values("id", [address for _, address in hits])
        return [
            (int(id_), float(score))
            for id_, (score, _) in zip(ids, hits, strict=True)
            if id_ is not None
        ]


def _read(path: Path) -> _Reader:
    """Opens a snapshot to read; raises Damaged."""
    view = View(path)
    try:
        return _Reader(view)
    except Exception as error:
        raise Damaged(str(error)) from error


def _analyzer() -> tantivy.TextAnalyzer:
    filters = (
        tantivy.Filter.remove_long(100),
        tantivy.Filter.ascii_fold(),  # before lower-casing: the dotted capital I
        tantivy.Filter.lowercase(),
        tantivy.Filter.stemmer("english"),
    )
    pattern = r"\d+(?:\.\d+)+|[\p{L}\p{M}\p{N}]+"
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(pattern))
    for filter_ in filters:
        builder = builder.filter(filter_)
    return builder.build()


def _characters_and_pairs(match: re.Match[str]) -> str:
    run = match[0]
    pairs = (run[i : i + 2] for i in range(len(run) - 1))
    return " " + " ".join((*run, *pairs)) + " "
