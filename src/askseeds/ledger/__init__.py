"""The ledger: documents, passages and embeddings in one SQLite file. The truth of an index.

Every document row lives from one generation to another: `born` when it was written, `died` when a
newer version or a removal took its place. A reader looks at the published generation and sees
exactly the documents born at or before it and not yet dead, so a writer may be half way through
the next generation, or be killed there, and nobody notices. `publish` moves the number on in one
transaction; dead rows go in `purge`, after Chroma and Tantivy have forgotten them.

    rows    the tables, and what their rows are in Python
    file    opens the file; one snapshot or one change at a time
    reader  what there is, in one generation
    writer  what only the one writer does; so a type says who may
"""

from askseeds.ledger.file import FILE_NAME
from askseeds.ledger.reader import Ledger
from askseeds.ledger.rows import Row, Skipped, Stamp
from askseeds.ledger.writer import LedgerWriter

__all__ = ["FILE_NAME", "Ledger", "LedgerWriter", "Row", "Skipped", "Stamp"]
