"""Brings index/ up to date with seeds/.

What is read goes into the ledger first, a document at a time, under a generation that nobody sees
yet. The generation is published, Chroma and Tantivy follow it, and only then does the ledger let go
of what has died. A run that is killed anywhere leaves a ledger that the next run goes on from;
embeddings are kept by the digest of their text and never made twice.
"""

import hashlib
import shutil
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from askseeds import documents, models, seeds
from askseeds.config import Settings
from askseeds.derived import derive
from askseeds.errors import DocumentError, IndexLocked, IndexMissing, ModelError, NoDocuments
from askseeds.export import export_encoder
from askseeds.ledger import FILE_NAME, Ledger, LedgerWriter, Skipped, Stamp
from askseeds.lock import writer
from askseeds.sentences import Draft, passages
from askseeds.types import Document, Progress

FORMAT = "2"
"""Counts up when reading or splitting changes, so that every document is read again."""

BATCH_PASSAGES = 256
"""Passages embedded between two commits: about two seconds of work, the most a kill can lose."""

SAMPLE_PASSAGES = 64
"""Passages of the seeds on which an exported encoder is compared with the original."""

Notice = Callable[[str], None]
"""Called with one line that the user should know although it is no error."""

FIRST_INDEX_WAIT_S = 3600.0
"""How long a question waits for another process to make the first index, seconds."""


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a run changed, and what there is now.

    Attributes:
        embedded: Passages that the encoder was called for.
    """

    generation: int
    added: tuple[str, ...]
    updated: tuple[str, ...]
    removed: tuple[str, ...]
    unchanged: int
    skipped: tuple[Skipped, ...]
    documents: int
    passages: int
    embedded: int


def is_current(settings: Settings) -> bool:
    """Whether nothing in the seeds or the settings has changed since the published generation.

    Raises:
        SeedsError: The seeds folder is missing or cannot be listed.
        IndexFault: The ledger cannot be read.
    """
    found = seeds.scan(settings.seeds)
    try:
        ledger = Ledger.open(settings.index)
    except IndexMissing:
        return False
    try:
        export = models.find_export(settings.encoder, settings.index / "encoder")
        return (
            export is not None
            and ledger.is_published(fingerprint=FORMAT, encoder=export.fingerprint)
            and not ledger.has_unpublished()
            and seeds.compare(
                found, ledger.stamps(), ledger.skipped(), max_bytes=max_bytes(settings)
            ).empty
        )
    finally:
        ledger.close()


def synchronise(
    settings: Settings,
    *,
    rebuild: bool = False,
    progress: Progress | None = None,
    wait_s: float = 0,
) -> SyncReport:
    """Brings the index up to date with the seeds: adds, updates and removes.

    Args:
        settings: Names both folders and the encoder.
        rebuild: Start from nothing.
        progress: Told how far the work is.
        wait_s: How long to wait for another writer, in seconds.

    Raises:
        SeedsError: The seeds folder is missing, unreadable or holds nothing that can be read.
        IndexFault: The index cannot be used or written.
        ModelError: The encoder cannot be used.
    """
    seeds.scan(settings.seeds)  # where there are no seeds, no index is begun
    with writer(settings.index, wait_s=wait_s):
        # Looked at again: while this waited, another writer may have read what is new.
        found = seeds.scan(settings.seeds)
        if rebuild:
            _wipe(settings.index)
        ledger = LedgerWriter.create(settings.index)
        try:
            return _Run(settings, ledger, found, progress or _silent).report()
        finally:
            ledger.close()


def bring_up_to_date(
    settings: Settings, *, progress: Progress | None = None, notice: Notice | None = None
) -> None:
    """What a question does first: `synchronise` if anything has changed.

    While another process does it, the question is answered from what there is; the first index is
    waited for.

    Raises:
        AskseedsError: See `synchronise`.
    """
    if is_current(settings):
        return
    tell = notice or _untold
    try:
        report = synchronise(settings, progress=progress)
    except IndexLocked as error:
        with suppress(IndexMissing):
            ledger = Ledger.open(settings.index)
            published = ledger.generation > 0
            ledger.close()
            if published:
                tell(f"{error}; this answer is from the index as it was before")
                return
        tell(f"another askseeds is making {settings.index}; waiting for it")
        report = synchronise(settings, progress=progress, wait_s=FIRST_INDEX_WAIT_S)
    for skipped in report.skipped:
        if skipped.failed:
            tell(f"cannot read {skipped.source}: {skipped.reason}")


def embedded_text(document: Document, draft: Draft) -> str:
    """What the encoder reads of a passage: its title and headings, then its sentences."""
    above = [document.title] + ([draft.heading] if draft.heading else [])
    return "\n".join([*above, document.text[draft.start : draft.end]])


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A document ready to be written, with each passage's digest and embedded text."""

    document: Document
    stamp: Stamp
    drafts: tuple[tuple[Draft, bytes], ...]
    texts: tuple[str, ...]


class _Run:
    """One run of the writer, which holds the lock."""

    def __init__(
        self, settings: Settings, ledger: LedgerWriter, found: seeds.Scan, progress: Progress
    ) -> None:
        self._settings = settings
        self._ledger = ledger
        self._scan = found
        self._progress = progress
        self._export = self._exported()
        self._anew = not ledger.is_published(fingerprint=FORMAT, encoder=self._export.fingerprint)
        self._known = ledger.stamps()
        self._generation = ledger.next_generation()
        self._encoder: models.Encoder | None = None
        self._embedded = 0

    def report(self) -> SyncReport:
        """Does the work, and says what it changed against the published generation."""
        ledger = self._ledger
        before = ledger.published()
        limit = max_bytes(self._settings)
        changes = seeds.compare(self._scan, self._known, ledger.skipped(), max_bytes=limit)
        # With other settings or another encoder, nothing known counts.
        fresh = seeds.compare(self._scan, {}, {}, max_bytes=limit) if self._anew else changes
        failed = self._read(fresh.read)
        ledger.remove(changes.removed, generation=self._generation)
        ledger.skip([*fresh.skipped, *failed])
        if not ledger.stamps():
            # A wrong --seeds, or a drive that is not there, must not empty an index.
            raise NoDocuments(_no_documents(self._settings.seeds, ledger.skipped().values()))
        if self._anew or ledger.has_unpublished():
            ledger.publish(self._generation, fingerprint=FORMAT, encoder=self._export.fingerprint)
        derive(self._settings.index, ledger, self._export, self._progress)
        after = ledger.published()
        counts = ledger.counts()
        updated = {s for s in after.keys() & before.keys() if after[s] != before[s]}
        return SyncReport(
            generation=ledger.generation,
            added=tuple(sorted(after.keys() - before.keys())),
            updated=tuple(sorted(updated)),
            removed=tuple(sorted(before.keys() - after.keys())),
            unchanged=len(after.keys() & before.keys()) - len(updated),
            skipped=tuple(ledger.skipped().values()),
            documents=counts["documents"],
            passages=counts["passages"],
            embedded=self._embedded,
        )

    def _exported(self) -> models.Export:
        """The encoder as it was exported; exported now where it was not, or another was."""
        folder = self._settings.index / "encoder"
        export = models.find_export(self._settings.encoder, folder)
        # An export that was damaged is made again; it stays the same, so nothing is embedded again.
        if export is None or not _loads(folder):
            self._progress("preparing the encoder", 0, 1)
            samples, failed = self._samples()
            if not samples:
                self._ledger.skip([*self._scan.skipped, *failed])  # so that lists can name them
                raise NoDocuments(
                    _no_documents(self._settings.seeds, self._ledger.skipped().values())
                )
            export_encoder(self._settings.encoder, folder, samples=samples)
            self._progress("preparing the encoder", 1, 1)
            export = models.find_export(self._settings.encoder, folder)
            assert export is not None
        return export

    def _samples(self) -> tuple[list[str], list[Skipped]]:
        """Texts of the first passages of the seeds, for the comparison after the export.

        With them, the files before those that cannot be read.
        """
        texts: list[str] = []
        failed: list[Skipped] = []
        for source, file in self._scan.files.items():
            if len(texts) >= SAMPLE_PASSAGES:
                break
            try:
                document = documents.read(
                    file.path, source=source, max_bytes=max_bytes(self._settings)
                )
            except DocumentError as error:
                near = not isinstance(error.__cause__, OSError)
                size, mtime_ns = (file.size, file.mtime_ns) if near else seeds.OUT_OF_REACH
                failed.append(Skipped(source, size, mtime_ns, str(error), failed=True))
                continue  # reported when its turn comes
            texts += [embedded_text(document, draft) for draft in passages(document)]
        return texts[:SAMPLE_PASSAGES], failed

    def _read(self, sources: Sequence[str]) -> list[Skipped]:
        """Reads, splits, embeds and writes; gives the files that could not be read."""
        failed: list[Skipped] = []
        pending: list[_Parsed] = []
        total = sum(self._scan.files[source].size for source in sources)
        done = 0
        for source in sources:
            parsed = self._parse(source)
            if isinstance(parsed, Skipped):
                failed.append(parsed)
            elif parsed is not None:
                pending.append(parsed)
            if sum(len(p.drafts) for p in pending) >= BATCH_PASSAGES:
                self._put(pending, done, total)
                pending = []
            done += self._scan.files[source].size
        self._put(pending, done, total)
        return failed

    def _parse(self, source: str) -> _Parsed | Skipped | None:
        """A document to write, why there is none, or None when there is nothing to do.

        That is when its content is the same, or when it has gone since the seeds were looked at:
        the next look sees that, or what has come in its place.
        """
        file = self._scan.files[source]
        known = self._known.get(source)
        seen_ns = time.time_ns()
        try:
            content = documents.read_file(file.path, max_bytes=max_bytes(self._settings))
            stamp = Stamp(hashlib.sha256(content).hexdigest(), file.size, file.mtime_ns, seen_ns)
            if known is not None and known.sha256 == stamp.sha256 and not self._anew:
                self._ledger.touch(source, stamp)
                return None
            document = documents.parse(content, source)
        except DocumentError as error:
            if isinstance(error.__cause__, FileNotFoundError):
                return None
            if isinstance(error.__cause__, OSError):
                # Out of reach is not gone: a network drive may be back tomorrow.
                # Tried again once it can be opened.
                kept = "; the version indexed before is kept" if known else ""
                return Skipped(source, *seeds.OUT_OF_REACH, f"{error}{kept}", failed=True)
            self._ledger.remove([source], generation=self._generation)
            return Skipped(source, file.size, file.mtime_ns, str(error), failed=True)
        drafts = passages(document)
        texts = tuple(embedded_text(document, draft) for draft in drafts)
        digests = (hashlib.sha256(text.encode()).digest()[:16] for text in texts)
        return _Parsed(document, stamp, tuple(zip(drafts, digests, strict=True)), texts)

    def _put(self, parsed: Sequence[_Parsed], done: int, total: int) -> None:
        """Embeds what has no embedding yet, then writes the documents one by one."""
        text_of = {
            digest: text
            for one in parsed
            for (_, digest), text in zip(one.drafts, one.texts, strict=True)
        }
        fingerprint = self._export.fingerprint
        missing = sorted(text_of.keys() - self._ledger.known(fingerprint, list(text_of)))
        # Texts of like length side by side: less padding in the encoder.
        missing.sort(key=lambda digest: len(text_of[digest]))
        bytes_now = sum(one.stamp.size for one in parsed)
        for at in range(0, len(missing), BATCH_PASSAGES):
            self._progress("indexing", done + bytes_now * at // len(missing), total)
            batch = missing[at : at + BATCH_PASSAGES]
            if self._encoder is None:
                self._encoder = models.Encoder.load(self._settings.index / "encoder")
            vectors = self._encoder.encode_passages([text_of[digest] for digest in batch])
            self._ledger.put_embeddings(fingerprint, dict(zip(batch, vectors, strict=True)))
            self._embedded += len(batch)
        for one in parsed:
            self._ledger.put(one.document, one.stamp, one.drafts, generation=self._generation)
        self._progress("indexing", min(total, done + bytes_now), total)


def _wipe(index: Path) -> None:
    """Deletes what was made in the index folder; its README and the lock, which is held, stay."""
    for name in ("vectors", "words", "encoder"):
        shutil.rmtree(index / name, ignore_errors=True)
    for file in index.glob(f"{FILE_NAME}*"):
        file.unlink(missing_ok=True)


def _loads(folder: Path) -> bool:
    try:
        models.Encoder.load(folder)
    except ModelError:
        return False
    return True


def max_bytes(settings: Settings) -> int:
    """The setting `max_file_mb` in bytes."""
    return int(settings.max_file_mb * 1e6)


def _no_documents(folder: Path, skipped: Collection[Skipped]) -> str:
    read = " ".join(sorted(documents.SUFFIXES))
    if not skipped:
        return f"{folder} holds no documents; put some in it ({read})"
    first = min(skipped, key=lambda s: (not s.failed, s.source))
    return f"{folder} holds no document that can be read; {first.source}: {first.reason}"


def _untold(message: str) -> None:
    """Tells nobody."""


def _silent(stage: str, done: int, total: int) -> None:
    """Tells nobody."""
