from pathlib import Path

import pytest

from askseeds.config import load
from askseeds.errors import ConfigError


def test_arguments_beat_environment_beats_file(tmp_path, monkeypatch):
    file = tmp_path / "askseeds.toml"
    file.write_text('seeds = "from-file"\nindex = "from-file"\nmax_quotes = 2\n')
    monkeypatch.setenv("ASKSEEDS_SEEDS", "from-environment")
    monkeypatch.setenv("ASKSEEDS_INDEX", "from-environment")
    settings = load(file, {"seeds": "from-arguments", "index": None})
    assert settings.seeds == Path("from-arguments")
    assert settings.index == Path("from-environment")
    assert settings.max_quotes == 2


def test_the_file_in_the_working_folder_is_read(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load().max_quotes != 7
    (tmp_path / "askseeds.toml").write_text("max_quotes = 7\n")
    assert load().max_quotes == 7


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("max_quote = 3", "max_quote is not a setting; there are: "),
        ("max_quotes = 0", "max_quotes: Input should be greater"),
        ('min_confidence = "high"', "min_confidence: must be a number, got 'high'"),
        ("min_confidence = true", "min_confidence: must be a number, got True"),
        ("max_quotes = true", "max_quotes: must be a number, got True"),
        ('max_quotes = "2"', "max_quotes: must be a number, got '2'"),
        ("max_quotes = ", "is not valid TOML"),
        ("[chat]\nport = 1", "chat is not a setting"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(tmp_path, content, said):
    file = tmp_path / "my.toml"
    file.write_text(content)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert said in str(caught.value)
    assert "my.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("seeds", "index", "said"),
    [
        ("seeds", "seeds", "is the seeds folder"),
        ("seeds", "seeds/index", "is inside the seeds folder seeds"),
        ("seeds", "link", "is inside the seeds folder seeds"),
        (".", "index", "is inside the seeds folder ."),
        ("index/seeds", "index", "is inside the index folder index"),
    ],
)
def test_seeds_and_index_are_apart(tmp_path, monkeypatch, seeds, index, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "seeds" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to("seeds/inner")
    with pytest.raises(ConfigError, match=f"^--index: .*{said}.*; choose another with --index$"):
        load(None, {"seeds": seeds, "index": index})
    monkeypatch.setenv("ASKSEEDS_SEEDS", seeds)
    monkeypatch.setenv("ASKSEEDS_INDEX", index)
    with pytest.raises(ConfigError, match=f"^ASKSEEDS_INDEX: .*{said}"):
        load()
    monkeypatch.delenv("ASKSEEDS_SEEDS")
    monkeypatch.delenv("ASKSEEDS_INDEX")
    (tmp_path / "askseeds.toml").write_text(f'seeds = "{seeds}"\nindex = "{index}"\n')
    with pytest.raises(ConfigError, match=rf"^askseeds\.toml: index: .*{said}"):
        load()
    assert load(None, {"seeds": "seeds", "index": "seeds-index"}).index == Path("seeds-index")


def test_a_named_file_must_exist(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.toml cannot be read: No such file"):
        load(tmp_path / "none.toml")


def test_an_unknown_environment_variable_is_an_error(monkeypatch):
    monkeypatch.setenv("ASKSEEDS_MAXQUOTES", "3")
    with pytest.raises(ConfigError, match="ASKSEEDS_MAXQUOTES is not a setting"):
        load()


def test_settings_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        load().max_quotes = 5
