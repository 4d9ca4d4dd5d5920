"""The command line. Results go to standard output, everything else to standard error.

Nothing but Click is imported at the top: `--help` has to be there at once, and each command
imports what it needs.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from askseeds import __version__, asking, console
from askseeds.console import FAILED, INTERRUPTED, NOT_FOUND, OK, USAGE
from askseeds.errors import AskseedsError, ConfigError, QuestionError, SeedsError

if TYPE_CHECKING:
    from askseeds.config import Settings
    from askseeds.sync import SyncReport

WATCH_WAIT_S = 3600.0
"""How long a change that was seen waits for another writer, seconds."""

F = TypeVar("F", bound=Callable[..., Any])


def common(command: F) -> F:
    """Adds the options that every command has."""
    for option in (
        click.option("--config", type=click.Path(path_type=Path), help="Read this askseeds.toml."),
        click.option("--index", metavar="DIR", help="Folder of the index. [default: index]"),
        click.option("--seeds", metavar="DIR", help="Folder of the documents. [default: seeds]"),
    ):
        command = option(command)
    return command


model_option = click.option(
    "-m", "--model", metavar="NAME", help="Prose by a language model: local, ollama:NAME, …"
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="askseeds")
def cli() -> None:
    """Answers from your own documents, in verbatim quotes you can check."""


@cli.command()
@common
@click.option("--rebuild", is_flag=True, help="Start from nothing.")
@click.option("--watch", is_flag=True, help="Go on, and follow every change in the seeds.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def index(rebuild: bool, watch: bool, as_json: bool, config: Path | None, **arguments: Any) -> int:
    """Bring the index up to date with the seeds."""
    from askseeds import sync

    settings = _settings(config, arguments)

    def once(*, rebuild: bool = False, wait_s: float = 0) -> int:
        with console.progress() as progress:
            report = sync.synchronise(settings, rebuild=rebuild, progress=progress, wait_s=wait_s)
        return _show_report(report, as_json=as_json)

    code = once(rebuild=rebuild)
    if watch:
        from watchfiles import watch as changes_in

        console.notice(f"watching {settings.seeds}; stop with Ctrl-C")
        # Now and then without a change too: for what came before the watch began.
        for _ in changes_in(settings.seeds, raise_interrupt=True, yield_on_timeout=True):
            try:
                if not sync.is_current(settings):
                    once(wait_s=WATCH_WAIT_S)
            except AskseedsError as error:
                console.complain(error)
    return code


@cli.command()
@common
@click.argument("question", nargs=-1)
@click.option("--batch", metavar="FILE", help="Answer JSON Lines: id, question, history?")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--max-quotes", type=int, metavar="N", help="Most quotes in an answer.")
@click.option("--min-confidence", type=float, metavar="F", help="Refuse below this, 0 to 1.")
@click.option("--source", metavar="GLOB", help="Ask these documents only.")
@click.option("-c", "--continue", "go_on", is_flag=True, help="Go on with the last conversation.")
@model_option
@click.option("--max-tokens", type=int, metavar="N", help="Most tokens of its reply.")
@click.option("--dry-run", is_flag=True, help="Print what it would be sent; send nothing.")
@click.option("--no-sync", is_flag=True, help="Take the index as it is.")
def ask(
    question: tuple[str, ...],
    batch: str | None,
    go_on: bool,
    dry_run: bool,
    as_json: bool,
    source: str | None,
    no_sync: bool,
    config: Path | None,
    **arguments: Any,
) -> int:
    """Answer a question in quotes; `-` or a pipe reads it from standard input."""
    from askseeds import conversation, terminal
    from askseeds.assistant import checked
    from askseeds.batch import open_lines
    from askseeds.types import Answer, Turn

    if batch is not None and question:
        raise click.UsageError("give a question or --batch, not both")
    if batch is not None and go_on:
        raise click.UsageError("a batch brings its own history; leave out --continue")
    settings = _settings(config, arguments)
    if dry_run and batch is not None:
        raise click.UsageError("--dry-run is for one question, not for a batch")
    if dry_run:
        return asking.dry_run(
            settings, asking.question_of(question), go_on=go_on, source=source, sync=not no_sync
        )
    # Looked at before an index is built for it.
    text = checked(asking.question_of(question)) if batch is None else ""
    lines = None if batch is None else open_lines(batch)
    with (
        console.progress() as progress,
        asking.opened(settings, sync=not no_sync, progress=progress) as assistant,
    ):
        if lines is not None:
            return asking.ask_batch(assistant, lines, source=source)
        history = asking.last_turns(settings) if go_on else ()
        answer, shown = None, None
        for event in assistant.stream(text, history=history, source=source):
            if isinstance(event, Answer):
                answer = event
                shown = shown if as_json else asking.show_claims(answer, shown)
        assert answer is not None  # `stream` ends with one
    turn = Turn(answer.asked, answer.text if answer.status == "answered" else "")
    if not conversation.keep(settings.index, (*history, turn)) and go_on:
        console.notice(f"{settings.index} cannot be written: this turn will not be remembered")
    if as_json:
        console.result(terminal.json_line(terminal.answer_json(answer)))
        asking.tell_asked(answer)
    else:
        text = terminal.answer_text(answer, colour=console.colour(), claims_shown=shown)
        console.result(text if shown is None else f"\n{text}")
    asking.tell(answer)
    return OK if answer.status == "answered" else NOT_FOUND


@cli.command()
@common
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 40), default=10, show_default=True)
@click.option("--explain", is_flag=True, help="Show the rank and score of each stage.")
@click.option("--source", metavar="GLOB", help="Search these documents only.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON Lines.")
@click.option("--no-sync", is_flag=True, help="Take the index as it is.")
def search(
    query: tuple[str, ...],
    limit: int,
    explain: bool,
    source: str | None,
    as_json: bool,
    no_sync: bool,
    config: Path | None,
    **arguments: Any,
) -> int:
    """Find passages, ranked."""
    from askseeds import terminal
    from askseeds.assistant import checked

    settings = _settings(config, arguments)
    with (
        console.progress() as progress,
        asking.opened(settings, sync=not no_sync, progress=progress) as assistant,
    ):
        asked = checked(" ".join(query))
        understood = assistant.finder.respelled(asked, source)
        hits = assistant.search(understood, limit=limit, source=source)
    if understood != asked:
        console.notice(f"searched for: {understood}")
    if as_json:
        for hit in hits:
            console.result(terminal.json_line(terminal.hit_json(hit)))
    else:
        console.result(terminal.hits_text(hits, explain=explain, colour=console.colour()))
    return OK if hits else NOT_FOUND


@cli.command()
@common
@click.argument("source")
@click.option("--start", type=click.IntRange(min=0), metavar="N", help="First character.")
@click.option("--end", type=click.IntRange(min=0), metavar="N", help="Character to stop before.")
@click.option("--quote", metavar="TEXT", help="Show this quote in its surroundings.")
def show(
    source: str,
    start: int | None,
    end: int | None,
    quote: str | None,
    config: Path | None,
    **arguments: Any,
) -> int:
    """Print the text of a document, exactly as quotes are cut from it."""
    from askseeds import terminal
    from askseeds.ledger import Ledger

    settings = _settings(config, arguments)
    ledger = Ledger.open(settings.index)
    # As the shell completes it, with the seeds folder in front, will do as well.
    inside = Path(source).as_posix().removeprefix(f"{settings.seeds.as_posix()}/")
    document = ledger.document(source) or ledger.document(inside)
    if document is None:  # as `status` prints a name that does not fit on a line
        names = (name for name in ledger.sources() if terminal.terminal_line(name) == inside)
        document = ledger.document(next(names, ""))
    ledger.close()
    if document is None:
        raise SeedsError(f"{source} is not in the index; `askseeds status` lists what is")
    if quote is not None:
        console.result(terminal.quote_in_context(document, quote, colour=console.colour()))
        return OK
    text = document.text[start or 0 : end]
    if sys.stdout.isatty():
        console.result(terminal.terminal_safe(text))
    else:
        # To the letter: no newline added, none translated.
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    return OK


@cli.command()
@common
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(as_json: bool, config: Path | None, **arguments: Any) -> int:
    """Say what is indexed, with what."""
    from dataclasses import asdict

    from askseeds import terminal
    from askseeds.status import inspect

    report = inspect(_settings(config, arguments))
    console.result(terminal.json_line(asdict(report)) if as_json else terminal.status_text(report))
    return OK


@cli.command()
@common
@click.option("--fix", is_flag=True, help="Mend what can be mended.")
def doctor(fix: bool, config: Path | None, **arguments: Any) -> int:
    """Say what is wrong and how to mend it."""
    from askseeds import terminal
    from askseeds.doctor import examine, mend

    settings = _settings(config, arguments)
    findings = examine(settings)
    if fix and any(finding.remedy for finding in findings):
        with console.progress() as progress:
            mend(settings, findings, progress=progress)
        findings = examine(settings)
    console.result(terminal.findings_text(findings, colour=console.colour()))
    return OK if all(finding.ok for finding in findings) else FAILED


@cli.command()
@common
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=7860, show_default=True)
@click.option("--no-open", is_flag=True, help="Do not open the browser.")
@click.option(
    "--auth-file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Who may log in; needed when others can reach the chat.",
)
@click.option("--add-user", metavar="NAME", help="Ask for a password, write it to FILE, and end.")
@click.option(
    "--allow-host", "allow_hosts", multiple=True, metavar="NAME", help="Another name it has."
)
@model_option
def chat(
    host: str,
    port: int,
    no_open: bool,
    auth_file: Path | None,
    add_user: str | None,
    allow_hosts: tuple[str, ...],
    config: Path | None,
    **arguments: Any,
) -> int:
    """Chat in the browser."""
    if add_user is not None:
        from askseeds.web import users

        if auth_file is None:
            raise ConfigError(f"--add-user {add_user} needs --auth-file FILE to write to")
        users.add_by_hand(auth_file, add_user)
        return OK
    settings = _settings(config, arguments)
    from askseeds.web import serve

    serve(
        settings,
        host=host,
        port=port,
        open_browser=not no_open,
        auth_file=auth_file,
        allow_hosts=allow_hosts,
    )
    return OK


@cli.command("eval")
@common
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--report", type=click.Path(path_type=Path), help="Write one HTML file.")
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML.")
@click.option("--json", type=click.Path(path_type=Path), help="Write everything as JSON.")
@click.option("--md", type=click.Path(path_type=Path), help="Write a summary in Markdown.")
@click.option("--gate", "gates", multiple=True, metavar="FIGURE>=N", help="Fail below this.")
@click.option("--every-pair", is_flag=True, help="With --gate, still fail for a single pair.")
@click.option("--baseline", type=click.Path(path_type=Path), help="Compare with an older --json.")
@click.option("--max-drop", type=click.FloatRange(0, 1), default=0.02, show_default=True)
@click.option("--compare", nargs=2, type=click.Path(path_type=Path), help="Two askseeds.toml.")
@click.option("--accept", is_flag=True, help="Make today's answers the expectation.")
@click.option("--diff", is_flag=True, help="Show what changed since --accept.")
@click.option("--new", is_flag=True, help="Draft pairs from the documents into FILE.")
@click.option("--from-feedback", is_flag=True, help="Add pairs judged in the chat to FILE.")
@click.option("--schema", is_flag=True, help="Print the JSON schema of the pairs.")
@click.option("--no-sync", is_flag=True, help="Take the index as it is.")
@model_option
def evaluate(
    config: Path | None,
    index: str | None,
    seeds: str | None,
    model: str | None,
    compare: Any,
    **options: Any,
) -> int:
    """Ask question-and-answer pairs, report, and exit with 4 when a gate fails."""
    from askseeds.evaluate import command

    chosen = command.Options(compare=compare or None, **options)
    around = command.Surroundings(
        show=console.result, notice=console.notice, progress=console.progress
    )
    return command.evaluate(
        chosen, config, {"index": index, "seeds": seeds, "model": model}, around
    )


def _settings(config: Path | None, arguments: dict[str, Any]) -> "Settings":
    from askseeds.config import load

    return load(config, arguments)


def _show_report(report: "SyncReport", *, as_json: bool) -> int:
    from askseeds import terminal

    if as_json:
        console.result(terminal.json_line(terminal.report_json(report)))
    else:
        console.result(terminal.report_text(report))
    for skipped in report.skipped:
        what = "cannot read" if skipped.failed else "skipped"
        console.notice(f"{what} {skipped.source}: {skipped.reason}")
    return FAILED if any(skipped.failed for skipped in report.skipped) else OK


def main() -> None:
    """The entry point of the `askseeds` command."""
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        if isinstance(error, click.NoSuchOption):
            console.notice(
                "A name or a question that begins with - goes after --, as the last of all."
            )
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        console.notice("askseeds: stopped; what was done is kept")
        code = INTERRUPTED
    except AskseedsError as error:
        console.complain(error)
        code = USAGE if isinstance(error, ConfigError | QuestionError) else FAILED
    except BrokenPipeError:
        # The reader went away (`| head`); nothing more can be told.
        sys.stdout = None
        code = FAILED
    except OSError as error:
        where = error.filename or "standard output"
        console.complain(AskseedsError(f"{where}: {error.strerror or error}"))
        code = FAILED
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user
        console.complain(
            AskseedsError(f"{type(error).__name__}: {error}; this is a bug in askseeds, report it")
        )
        code = FAILED
    sys.exit(code)
