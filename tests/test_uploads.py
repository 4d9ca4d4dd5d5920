"""Files from a browser: whatever their name, nothing outside the seeds is written or deleted."""

import os
import string
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from askseeds.errors import DocumentError
from askseeds.web.uploads import (
    NAME_BYTES,
    Upload,
    checked_name,
    clear_abandoned,
    delete,
    exists,
)

REFUSED = [
    ("", "no name"),
    ("   ", "no name"),
    (".txt", "dot"),
    ("..", "dot"),
    (".hidden.md", "dot"),
    ("../up.txt", "path"),
    ("/etc/passwd.txt", "path"),
    ("a/b.txt", "path"),
    ("..\\up.txt", "path"),
    ("\\\\server\\share\\a.txt", "path"),
    ("C:a.txt", "path"),
    ("c:\\a.txt", "path"),
    ("a\0.txt", "control"),
    ("a\n.txt", "control"),
    ("a\x1b[2J.txt", "control"),
    ("a\x85.txt", "control"),
    ("a\u2028.txt", "control"),
    ("a\udc80.txt", "control"),
    ("a\u202etxt.md", "reading order"),
    ("a\u2066.md", "reading order"),
    ("a.txt.", "dot"),
    ("a.txt ", "space"),
    (" a.txt", "space"),
    ("a.txt\u00a0", "space"),
    ("CON.txt", "Windows"),
    ("nul.md", "Windows"),
    ("Com1.txt", "Windows"),
    ("LPT9.a.md", "Windows"),
    ("COM².txt", "Windows"),
    ("aux .txt", "Windows"),
    ("prn", "Windows"),
    ("x" * 296 + ".txt", "longer"),
    ("é" * 150 + ".txt", "longer"),
    ("picture.png", "not read"),
    ("program", "without a type"),
]

# Names made of what paths, devices and hidden files are made of, and of anything else.
NAMES = st.one_of(
    st.text(max_size=300),
    st.lists(
        st.sampled_from(
            ["..", "/", "\\", "C:", ".", " ", "\0", "a", "é", "con", "txt", ".txt", ".md", "link"]
        ),
        max_size=8,
    ).map("".join),
)


def put(seeds, name, content=b"text", existing="refuse"):
    with Upload(seeds, name, max_bytes=1_000) as upload:
        upload.write(content)
        return upload.keep(existing)


def tree(folder: Path) -> dict[str, bytes]:
    """Everything under a folder, links by where they lead to."""
    return {
        str(path.relative_to(folder)): (
            str(path.readlink()).encode()
            if path.is_symlink()
            else path.read_bytes()
            if path.is_file()
            else b""
        )
        for path in sorted(folder.rglob("*"))
    }


@pytest.fixture
def seeds(tmp_path):
    """A seeds folder with links that lead out of it, beside a folder that is not to be touched."""
    seeds, outside = tmp_path / "seeds", tmp_path / "outside"
    seeds.mkdir()
    outside.mkdir()
    (outside / "kept.txt").write_bytes(b"kept")
    (seeds / "here.txt").write_bytes(b"here")
    (seeds / "folder.txt").mkdir()
    (seeds / "shelf").mkdir()
    (seeds / "shelf" / "deep.txt").write_bytes(b"deep")
    (seeds / "link.txt").symlink_to(outside / "kept.txt")
    (seeds / "linked").symlink_to(outside)
    (seeds / "dangling.txt").symlink_to(outside / "made.txt")
    return seeds


class TestNames:
    @pytest.mark.parametrize(("name", "reason"), REFUSED)
    def test_what_is_refused_is_one_line(self, seeds, name, reason):
        before = tree(seeds.parent)
        with pytest.raises(DocumentError, match=reason) as error:
            put(seeds, name)
        assert "\n" not in str(error.value)
        assert tree(seeds.parent) == before

    @pytest.mark.parametrize(
        "name",
        [
            "a.txt",
            "What is AI?.pdf",
            "报告.md",
            "<img src=x>.html",
            "console.md",
            "a..b.txt",
            "ÉTÉ.TXT",
        ],
    )
    def test_what_is_taken_keeps_its_name(self, seeds, name):
        assert put(seeds, name) == name
        assert (seeds / name).read_bytes() == b"text"

    def test_what_looks_the_same_is_the_same(self, seeds):
        assert put(seeds, "e\u0301te.txt") == "\u00e9te.txt"
        with pytest.raises(FileExistsError):
            put(seeds, "\u00e9te.txt")

    @given(name=NAMES, existing=st.sampled_from(["refuse", "replace", "keep"]))
    @example(name="link.txt", existing="replace")
    @example(name="dangling.txt", existing="keep")
    @settings(
        suppress_health_check=[HealthCheck.function_scoped_fixture],
        deadline=None,
        max_examples=300,
    )
    def test_nothing_outside_is_written_whatever_the_name(self, seeds, name, existing):
        before, outside = tree(seeds), tree(seeds.parent / "outside")
        try:
            kept = put(seeds, name, existing=existing)
        except (DocumentError, FileExistsError):
            assert tree(seeds) == before
        else:
            after = tree(seeds)
            assert set(after) - set(before) <= {kept}
            assert after[kept] == b"text"
            assert not (seeds / kept).is_symlink()
            assert (seeds / kept).parent == seeds
            assert {n: v for n, v in before.items() if n != kept} == {
                n: v for n, v in after.items() if n != kept
            }
        assert tree(seeds.parent / "outside") == outside
        assert sorted(path.name for path in seeds.parent.iterdir()) == ["outside", "seeds"]

    @given(st.text(string.ascii_letters + "éß .-_()", min_size=1, max_size=300))
    def test_a_checked_name_is_a_name_that_every_system_takes(self, stem):
        try:
            name = checked_name(f"{stem}.txt")
        except DocumentError:
            return
        assert len(name.encode()) <= NAME_BYTES
        assert checked_name(name) == name
        assert Path(name).name == name


class TestFiles:
    def test_a_file_of_the_same_name(self, seeds):
        assert exists(seeds, "here.txt")
        with pytest.raises(FileExistsError):
            put(seeds, "here.txt", b"new")
        assert (seeds / "here.txt").read_bytes() == b"here"
        assert put(seeds, "here.txt", b"two", "keep") == "here (2).txt"
        assert put(seeds, "here.txt", b"three", "keep") == "here (3).txt"
        assert put(seeds, "here.txt", b"new", "replace") == "here.txt"
        assert (seeds / "here.txt").read_bytes() == b"new"
        assert (seeds / "here (2).txt").read_bytes() == b"two"

    def test_a_link_of_that_name_is_not_followed(self, seeds):
        outside = tree(seeds.parent / "outside")
        for name in ("link.txt", "dangling.txt"):
            assert exists(seeds, name)
            with pytest.raises(FileExistsError):
                put(seeds, name)
            put(seeds, name, existing="replace")
            assert not (seeds / name).is_symlink()
        assert tree(seeds.parent / "outside") == outside

    def test_a_folder_of_that_name_stays(self, seeds):
        with pytest.raises(DocumentError, match="folder"):
            put(seeds, "folder.txt", existing="replace")
        with pytest.raises(FileExistsError):
            put(seeds, "folder.txt")
        assert (seeds / "folder.txt").is_dir()

    def test_too_much_is_stopped_on_the_way(self, seeds):
        before = tree(seeds)
        with Upload(seeds, "big.txt", max_bytes=1_000) as upload:
            upload.write(b"x" * 1_000)
            with pytest.raises(DocumentError, match="max_file_mb"):
                upload.write(b"x")
        assert tree(seeds) == before

    def test_half_a_file_is_never_there(self, seeds):
        before = tree(seeds)
        with Upload(seeds, "half.txt", max_bytes=1_000) as upload:
            upload.write(b"half")
            # What is on its way is hidden from the index.
            [on_its_way] = set(tree(seeds)) - set(before)
            assert on_its_way.startswith(".")
        assert tree(seeds) == before

    def test_an_empty_file_is_refused(self, seeds):
        with pytest.raises(DocumentError, match="is empty"):
            put(seeds, "empty.txt", b"")

    def test_a_file_system_without_links(self, seeds, monkeypatch):
        def no_links(self, target):
            raise PermissionError(1, "Operation not permitted")

        monkeypatch.setattr(Path, "hardlink_to", no_links)
        assert put(seeds, "new.txt") == "new.txt"
        assert put(seeds, "new.txt", b"other", "keep") == "new (2).txt"
        with pytest.raises(FileExistsError):
            put(seeds, "link.txt")
        assert not [name for name in tree(seeds) if name.startswith(".")]

    def test_a_folder_that_is_not_there(self, tmp_path):
        with pytest.raises(DocumentError, match="cannot be written"):
            put(tmp_path / "none", "a.txt")

    def test_what_was_left_half_goes_a_day_later(self, seeds):
        old, new, other = (
            seeds / name for name in (".askseeds-upload-1", ".askseeds-upload-2", ".other")
        )
        for path in (old, new, other):
            path.write_bytes(b"half")
        for path in (old, other):
            os.utime(path, (time.time() - 200_000,) * 2)
        clear_abandoned(seeds)
        assert [old.exists(), new.exists(), other.exists()] == [False, True, True]


class TestDelete:
    def test_a_file_goes(self, seeds):
        delete(seeds, "here.txt")
        delete(seeds, "shelf/deep.txt")
        assert not exists(seeds, "here.txt")
        assert (seeds / "shelf").is_dir()

    @pytest.mark.parametrize(
        "source",
        [
            "linked/kept.txt",
            "link.txt",
            "dangling.txt",
            "../outside/kept.txt",
            "shelf/../../outside/kept.txt",
            "./here.txt",
            "shelf//deep.txt",
            "here.txt/",
            "shelf",
            "gone.txt",
            "gone/gone.txt",
            "here.txt/more",
            "",
            "/",
            "a\0b",
        ],
    )
    def test_nothing_else_does(self, seeds, source):
        before = tree(seeds.parent)
        with pytest.raises(DocumentError) as error:
            delete(seeds, source)
        assert "\n" not in str(error.value)
        assert tree(seeds.parent) == before

    def test_an_absolute_path_leads_nowhere(self, seeds):
        before = tree(seeds.parent)
        with pytest.raises(DocumentError):
            delete(seeds, str(seeds.parent / "outside" / "kept.txt"))
        assert tree(seeds.parent) == before

    def test_seeds_that_are_a_link_themselves(self, seeds):
        other = seeds.parent / "elsewhere"
        other.symlink_to(seeds)
        delete(other, "here.txt")
        assert put(other, "here.txt") == "here.txt"
        assert (seeds / "here.txt").read_bytes() == b"text"
