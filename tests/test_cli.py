"""The command line through real processes, as people and programs use it."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ARTICLE, COMMAND, ROOT
from tests.scripted_model import openai_stub

EUV = "Which company has mastered EUV lithography?"
REVENUE = "What is Anthropic's annual revenue?"
ANSWER_KEYS = [
    "question",
    "status",
    "confidence",
    "text",
    "quotes",
    "nearest",
    "claims",
    "timings_ms",
    "model",
]
QUOTE_KEYS = ["source", "start", "end", "text", "title", "page", "heading", "score"]


@pytest.fixture(scope="module")
def indexed(tmp_path_factory, exported_encoder):
    """A working folder with the article as its seeds, indexed."""
    folder = tmp_path_factory.mktemp("cli")
    shutil.copytree(ROOT / "seeds", folder / "seeds")
    shutil.copytree(exported_encoder, folder / "index" / "encoder")
    subprocess.run([*COMMAND, "index"], cwd=folder, check=True, capture_output=True)
    return folder


def one_line(done, code):
    """The one line on standard error of a command that failed with `code`."""
    assert done.returncode == code, done.stderr
    lines = done.stderr.decode().splitlines()
    assert "Traceback" not in done.stderr.decode()
    assert len(lines) == 1, lines
    return lines[0]


def test_an_answer_in_text(run, indexed):
    done = run("ask", EUV, cwd=indexed)
    assert done.returncode == 0
    printed = done.stdout.decode()
    assert "a technology currently only mastered by one company: ASML." in printed
    assert ARTICLE in printed
    assert "\x1b" not in printed
    assert done.stderr == b""


def test_not_found_is_exit_code_3(run, indexed):
    done = run("ask", REVENUE, cwd=indexed)
    assert done.returncode == 3
    assert "No answer was found" in done.stdout.decode()


@pytest.mark.parametrize(("question", "code"), [(EUV, 0), (REVENUE, 3)])
def test_the_json_of_an_answer_is_the_contract(run, indexed, question, code):
    done = run("ask", "--json", question, cwd=indexed)
    assert done.returncode == code
    (line,) = done.stdout.decode().splitlines()
    answer = json.loads(line)
    assert list(answer) == ANSWER_KEYS
    assert answer["question"] == question
    assert 0 <= answer["confidence"] <= 1
    assert answer["claims"] == []
    assert list(answer["model"]) == ["encoder", "reranker", "prose"]
    assert answer["model"]["prose"] is None
    assert bool(answer["quotes"]) == (answer["status"] == "answered")
    assert bool(answer["nearest"]) == (answer["status"] == "not_found")
    for quote in answer["quotes"] + answer["nearest"]:
        assert list(quote) == QUOTE_KEYS
        path = indexed / "seeds" / quote["source"]
        with path.open(encoding="utf-8-sig", newline="") as file:
            assert file.read()[quote["start"] : quote["end"]] == quote["text"]


@pytest.mark.parametrize("arguments", [("ask", "-"), ("ask",)])
def test_the_question_from_standard_input(run, indexed, arguments):
    done = run(*arguments, cwd=indexed, input=EUV.encode())
    assert done.returncode == 0
    assert b"ASML" in done.stdout


def test_options_of_ask(run, indexed):
    assert run("ask", EUV, "--min-confidence", "1", cwd=indexed).returncode == 3
    done = run("ask", "--json", "--max-quotes", "1", "What does the paper warn of?", cwd=indexed)
    answer = json.loads(done.stdout)
    assert len(answer["quotes"] + answer["nearest"]) == 1
    assert run("ask", EUV, "--source", "*.txt", cwd=indexed).returncode == 0
    done = run("ask", EUV, "--source", "*.pdf", cwd=indexed)
    assert "no document matches --source '*.pdf'" in one_line(done, 1)


def test_a_batch_keeps_order_and_reports_broken_lines(run, indexed, tmp_path):
    lines = [
        json.dumps({"id": "a", "question": EUV}),
        "{broken",
        json.dumps({"id": 3, "question": REVENUE}),
        json.dumps({"id": 4, "question": "  "}),
        json.dumps({"id": 5, "question": "And who sees it?", "history": ["How long is the lead?"]}),
    ]
    file = tmp_path / "questions.jsonl"
    file.write_text("\n".join(lines))
    done = run("ask", "--batch", file, "--json", cwd=indexed)
    assert done.returncode == 1
    results = [json.loads(line) for line in done.stdout.decode().splitlines()]
    assert [result["id"] for result in results] == ["a", None, 3, 4, 5]
    assert results[0]["status"] == "answered"
    assert list(results[0]) == ["id", *ANSWER_KEYS]
    assert set(results[1]) == set(results[3]) == {"id", "error"}
    assert "line 2 is not JSON" in results[1]["error"]
    assert "empty" in results[3]["error"]
    file.write_text(lines[0] + "\n" + lines[2])
    assert run("ask", "--batch", file, cwd=indexed).returncode == 0


def test_batch_lines_are_flushed_one_by_one(indexed):
    command = [*COMMAND, "ask", "--batch", "-"]
    with subprocess.Popen(
        command, cwd=indexed, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in range(2):
            process.stdin.write(json.dumps({"id": number, "question": EUV}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()


def test_search_and_its_explanation(run, indexed):
    done = run("search", "export controls", "--limit", "2", cwd=indexed)
    assert done.returncode == 0
    assert done.stdout.decode().count(ARTICLE) == 2
    explained = run("search", "export controls", "--explain", cwd=indexed).stdout.decode()
    for stage in ("vectors #", "words #", "fusion #", "reranker #1 "):
        assert stage in explained
    lines = run("search", "export controls", "--json", cwd=indexed).stdout.decode().splitlines()
    assert [json.loads(line)["rank"] for line in lines] == list(range(1, len(lines) + 1))


def test_show_is_exact(run, indexed):
    path = indexed / "seeds" / ARTICLE
    assert run("show", ARTICLE, cwd=indexed).stdout == path.read_bytes()
    text = path.read_text(encoding="utf-8")
    cut = run("show", ARTICLE, "--start", "10", "--end", "40", cwd=indexed)
    assert cut.stdout.decode() == text[10:40]
    marked = run("show", ARTICLE, "--quote", "one company: ASML", cwd=indexed).stdout.decode()
    assert ">>>one company: ASML<<<" in marked
    done = run("show", ARTICLE, "--quote", "one company: asml", cwd=indexed)
    assert "does not contain this text, to the letter" in one_line(done, 1)
    assert run("show", f"seeds/{ARTICLE}", cwd=indexed).stdout == path.read_bytes()
    assert "not in the index" in one_line(run("show", "no.txt", cwd=indexed), 1)


def test_status_and_doctor(run, indexed):
    done = run("status", "--json", cwd=indexed)
    status = json.loads(done.stdout)
    assert (status["documents"], status["sources"]) == (1, [ARTICLE])
    assert status["encoder"] == "all-MiniLM-L6-v2"
    assert status["changed"] == 0
    assert "all-MiniLM-L6-v2" in run("status", cwd=indexed).stdout.decode()
    assert run("doctor", cwd=indexed).returncode == 0
    done = run("doctor", cwd=indexed, env=os.environ | {"ASKSEEDS_MODEL": "local"})
    assert done.returncode == 0
    assert b"the model that checks claims load" in done.stdout


def test_doctor_mends(run, indexed, tmp_path):
    shutil.copytree(indexed, tmp_path / "broken")
    broken = tmp_path / "broken"
    shutil.rmtree(broken / "index" / "vectors")
    done = run("doctor", cwd=broken)
    assert done.returncode == 1
    assert "vectors must be made from the ledger again" in done.stdout.decode()
    assert run("doctor", "--fix", cwd=broken).returncode == 0
    (broken / "index" / "ledger.sqlite").write_bytes(b"rubbish" * 999)
    done = run("doctor", cwd=broken)
    assert done.returncode == 1
    assert done.stdout.count(b"cannot be used") == 1
    assert b"holds 1 file to read" in done.stdout
    assert run("doctor", "--fix", cwd=broken).returncode == 0


def test_index_reports_what_it_skips_and_fails_for_what_it_cannot_read(run, indexed, tmp_path):
    shutil.copytree(indexed, tmp_path / "work")
    seeds = tmp_path / "work" / "seeds"
    (seeds / "picture.png").write_bytes(b"\x89PNG")
    done = run("index", cwd=tmp_path / "work")
    assert done.returncode == 0
    assert "skipped picture.png: files of type .png are not read" in done.stderr.decode()
    (seeds / "empty.txt").touch()
    (seeds / "binary.txt").write_bytes(bytes(range(256)))
    (seeds / "latin.txt").write_bytes("Fr\xfchst\xfcck um neun.".encode("latin-1"))
    (seeds / "good.txt").write_text("The bridge was built in 1911.")
    for _ in range(2):
        done = run("index", "--json", cwd=tmp_path / "work")
        assert done.returncode == 1
        reasons = dict(
            line.removeprefix("cannot read ").split(": ", 1)
            for line in done.stderr.decode().splitlines()
            if line.startswith("cannot read ")
        )
        assert set(reasons) == {"empty.txt", "binary.txt", "latin.txt"}
        assert "is empty" in reasons["empty.txt"]
        assert "binary" in reasons["binary.txt"]
        assert "not UTF-8" in reasons["latin.txt"]
        assert "offset 2" in reasons["latin.txt"]
    assert json.loads(done.stdout)["documents"] == 2
    assert run("ask", "When was the bridge built?", cwd=tmp_path / "work").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("ask", ""), 2, "the question is empty"),
        (("ask", " \n "), 2, "the question is empty"),
        (("ask", "word " * 20_000), 2, "100,000 characters, more than"),
        (("ask", EUV, "--seeds", "nowhere"), 1, "seeds folder nowhere does not exist"),
        (("index", "--seeds", "hollow"), 1, "hollow holds no documents"),
        (("index", "--seeds", "seeds/" + ARTICLE), 1, "is not a folder"),
        (("ask", EUV, "--no-sync", "--index", "nowhere"), 1, "holds no index"),
        (("status", "--index", "nowhere"), 1, "holds no index"),
        (("ask", EUV, "--config", "nowhere.toml"), 2, "nowhere.toml cannot be read"),
        (("ask", "--batch", "nowhere.jsonl"), 2, "nowhere.jsonl cannot be read"),
        (("ask", EUV, "--max-quotes", "0"), 2, "--max-quotes"),
        (("ask", EUV, "--min-confidence", "7"), 2, "--min-confidence"),
    ],
)
def test_bad_input_is_one_line(run, indexed, arguments, code, said):
    (indexed / "hollow").mkdir(exist_ok=True)
    line = one_line(run(*arguments, cwd=indexed), code)
    assert said in line
    assert line.startswith("askseeds: ")


@pytest.mark.parametrize("arguments", [("nonsense",), ("ask", "--nonsense"), ("show",)])
def test_wrong_usage_is_exit_code_2(run, indexed, arguments):
    done = run(*arguments, cwd=indexed)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


def without_privileges(command):
    """The command without root's right to pass over permissions, where this is root."""
    if os.geteuid() != 0:
        return command
    if shutil.which("setpriv") is None:
        pytest.skip("root cannot give up its privileges here: there is no setpriv")
    return ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", *command]


def test_folders_without_permission(indexed, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(indexed, work)
    closed = work / "seeds" / "closed"
    closed.mkdir()
    (closed / "a.txt").write_text("Closed.")
    closed.chmod(0)

    def ask(*arguments):
        command = without_privileges([*COMMAND, "ask", EUV, *arguments])
        return subprocess.run(command, cwd=work, capture_output=True, check=False)

    done = ask()
    assert done.returncode == 0, done.stderr
    command = without_privileges([*COMMAND, "index"])
    done = subprocess.run(command, cwd=work, capture_output=True, check=False)
    assert "cannot read closed/: cannot be read: permission denied" in one_line(done, 1)
    index = work / "index"
    for folder in (index, *(path for path in index.rglob("*") if path.is_dir())):
        folder.chmod(0o555)
    try:
        # Nothing has changed, so there is nothing to write: a read-only index answers.
        done = ask()
        assert done.returncode == 0, done.stderr
        (work / "seeds" / "new.txt").write_text("Something new.")
        line = one_line(ask(), 1)
        assert "cannot be written" in line
        assert "take it as it is with --no-sync" in line
        assert ask("--no-sync").returncode == 0
    finally:
        for folder in (closed, index, *index.rglob("*")):
            folder.chmod(0o755)


def test_a_file_without_permission_is_told_once_and_tried_again_when_mended(indexed, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(indexed, work)
    closed = work / "seeds" / "closed.txt"
    closed.write_text("The bridge was built in 1911.")
    closed.chmod(0)

    def told(*arguments):
        command = without_privileges([*COMMAND, *arguments])
        done = subprocess.run(command, cwd=work, capture_output=True, check=False)
        return done.stdout.decode() + done.stderr.decode()

    told("index")
    printed = told("doctor")
    assert printed.count("closed.txt") == 1
    assert "up to date" in printed
    printed = told("status")
    assert printed.count("closed.txt") == 1
    assert "none since" in printed
    closed.chmod(0o644)
    assert "1 file to read" in told("status")


def test_a_closed_pipe_is_no_error(indexed):
    command = f"{sys.executable} -m askseeds show {ARTICLE} | head -c 10"
    done = subprocess.run(command, shell=True, cwd=indexed, capture_output=True, check=False)
    assert done.stderr == b""


def test_help_of_every_command(run, indexed):
    top = run("--help", cwd=indexed).stdout.decode()
    for command in ("index", "ask", "search", "show", "chat", "status", "doctor"):
        assert command in top
        done = run(command, "--help", cwd=indexed)
        assert done.returncode == 0
        assert "--seeds" in done.stdout.decode()


SLOW = ("torch", "sentence_transformers", "transformers", "gradio", "langchain", "langchain_core")


def imported_by(code, cwd):
    code = f"{code}\nimport sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, check=True)
    return set(done.stdout.decode().split())


def test_a_question_imports_nothing_slow(indexed):
    code = (
        "from askseeds.cli import cli; cli.main(['ask', 'Who?', '--json'], standalone_mode=False)"
    )
    modules = imported_by(code, indexed)
    assert modules.isdisjoint(SLOW)
    assert "onnxruntime" in modules


def test_help_imports_nothing_but_click(indexed):
    modules = imported_by("import askseeds.cli", indexed)
    assert modules.isdisjoint((*SLOW, "numpy", "pydantic", "chromadb", "onnxruntime", "tantivy"))


def test_version(run):
    assert run("--version").stdout.decode().startswith("askseeds, version ")


def test_the_wheel_holds_what_is_read_at_run_time():
    import askseeds

    folder = Path(askseeds.__file__).parent
    for name in ("quote_weights.json", "chat.css", "chat.js", "py.typed"):
        assert (folder / name).is_file()


def test_a_conversation_goes_on(run, indexed):
    first = run("ask", "Which company has mastered EUV lithography?", cwd=indexed)
    assert first.returncode == 0
    done = run("ask", "-c", "--json", "Where is it based?", cwd=indexed)
    alone = run("ask", "--json", "Where is it based?", cwd=indexed)
    assert json.loads(done.stdout)["question"] == "Where is it based?"
    assert json.loads(done.stdout)["confidence"] != json.loads(alone.stdout)["confidence"]
    # Without -c a new conversation began.
    again = run("ask", "-c", "--json", "Where is it based?", cwd=indexed)
    assert json.loads(again.stdout)["quotes"] == json.loads(alone.stdout)["quotes"]
    assert again.stderr == b""
    (indexed / "index" / "conversation.json").write_text("{")
    again = run("ask", "-c", "--json", "Where is it based?", cwd=indexed)
    assert json.loads(again.stdout)["quotes"] == json.loads(alone.stdout)["quotes"]
    assert again.stderr.count(b"\n") == 1
    assert b"index/conversation.json holds no conversation to go on with" in again.stderr


def test_half_a_surrogate_pair_spoils_no_batch(run, indexed, tmp_path):
    file = tmp_path / "questions.jsonl"
    file.write_text('{"id": "\\ud83d", "question": "Who \\ud83d?"}\n{"id": 2, "question": "Who?"}')
    done = run("ask", "--batch", file, cwd=indexed)
    assert done.returncode == 0
    assert [json.loads(line)["id"] for line in done.stdout.decode().splitlines()] == ["\ud83d", 2]


def test_names_cannot_forge_lines_or_move_the_cursor(run, indexed, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(indexed, work)
    (work / "seeds" / "a\n+ forged.txt").write_text("The bridge was built in 1911.")
    (work / "seeds" / "x.\x1b]0;owned\x07").write_text("x")
    done = run("index", cwd=work)
    printed = done.stdout.decode() + done.stderr.decode() + run("status", cwd=work).stdout.decode()
    assert "\x1b" not in printed
    assert "+ forged.txt" not in printed.splitlines()
    assert "forged.txt" in printed
    shown = run("show", r"a\n+ forged.txt", cwd=work)
    assert shown.stdout == b"The bridge was built in 1911."
    done = run("show", "-dash.txt", cwd=work)
    assert done.returncode == 2
    assert b"goes after --" in done.stderr


def test_a_full_standard_output_is_one_line(indexed):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, "show", ARTICLE],
            cwd=indexed,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert "No space left" in one_line(done, 1)


def test_watch_follows_changes(indexed, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(indexed, work)
    with subprocess.Popen(
        [*COMMAND, "index", "--watch"], cwd=work, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert b"1 unchanged" in process.stdout.readline()
        (work / "seeds" / "new.txt").write_text("The bridge was built in 1911.")
        assert process.stdout.readline() == b"+ new.txt\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130


def test_prose_on_the_command_line(run, indexed):
    import re

    dry = run("ask", "--dry-run", "-m", "openai:x", EUV, cwd=indexed)
    assert dry.returncode == 0
    sent = json.loads(dry.stdout)
    assert sent["to"] == "https://api.openai.com/v1"
    assert sent["remote"] is True
    prompt = sent["messages"][1]["content"]
    number = re.search(r'\{"n": (\d+), "text": "[^\n]*EUV[^\n]*ASML', prompt)[1]
    claim = "It is a technology currently only mastered by one company: ASML."
    reply = json.dumps({"claims": [{"text": claim, "sentences": [int(number)]}], "ask": ""})
    with openai_stub(reply) as stub:
        options = ("-m", "openai:x", "--config", indexed / "stub.toml")
        (indexed / "stub.toml").write_text(f'base_url = "{stub.url}"\n')
        done = run("ask", *options, EUV, cwd=indexed)
        assert done.returncode == 0
        lines = done.stdout.decode().splitlines()
        assert lines[0] == f"{claim} [1]"
        assert lines[2].startswith(f"[1] {ARTICLE}:")
        assert lines[-1].startswith("prose by openai:x, on this machine, 11 tokens in, 5 out, ")
        # What was sent is what --dry-run shows.
        assert stub.requests[0]["messages"] == sent["messages"]
        done = run("ask", "--json", *options, EUV, cwd=indexed)
        answer = json.loads(done.stdout)
        assert answer["claims"] == [{"text": claim, "quotes": [0], "supported": True}]
        assert answer["model"]["prose"] == "openai:x"
        assert answer["model"]["cached"] is True
        assert len(stub.requests) == 1
        stub.todo = [(500, {})]
        done = run("ask", "--max-tokens", "99", *options, EUV, cwd=indexed)
        assert done.returncode == 0
        assert "ASML" in done.stdout.decode()
        assert b"status 500" in done.stderr
        assert done.stderr.count(b"\n") == 1
        assert b"prose by" not in done.stdout


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("-m", "nonsense"), "model 'nonsense' is not known; there are: local"),
        (("-m", "local:nowhere.gguf"), "there is no such file"),
        (("-m", "anthropic:x"), "ANTHROPIC_API_KEY"),
        (("--dry-run",), "name one with --model"),
        (("--max-tokens", "1"), "--max-tokens"),
    ],
)
def test_what_is_wrong_with_a_model_is_one_line(run, indexed, arguments, line):
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
    done = run("ask", *arguments, EUV, cwd=indexed, env=environment)
    assert done.returncode == 2
    assert line in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_dry_run_of_what_is_not_answered_sends_nothing(run, indexed):
    done = run("ask", "--dry-run", "-m", "local", "--min-confidence", "1", EUV, cwd=indexed)
    assert done.returncode == 3
    assert done.stdout == b""
    assert b"nothing would be sent" in done.stderr


def test_long_work_is_told_where_there_is_no_terminal(capsys, monkeypatch):
    from askseeds import console

    with console.progress() as step:
        step("indexing", 1, 4)
        assert capsys.readouterr().err == ""
        monkeypatch.setattr(console, "PROGRESS_EVERY_S", 0.0)
        step("indexing", 2, 4)
        step("preparing the encoder", 0, 0)
    assert capsys.readouterr().err == "indexing: 50 %\npreparing the encoder: 0 %\n"
