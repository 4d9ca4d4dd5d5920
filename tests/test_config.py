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
        ('min_confidence = "high"', "min_confidence: Input should be a valid number"),
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
