import re
from pathlib import Path

import pytest

from {{ cookiecutter.package_name }}.environment import PREFIX, SettingsError
from {{ cookiecutter.package_name }}.settings import Settings

PROJECT = Path(__file__).parents[1]


def test_every_setting_has_a_default() -> None:
    assert Settings.load() == Settings()


def test_the_environment_wins_over_the_env_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text(f"{PREFIX}LOG_LEVEL=debug\n{PREFIX}LOG_FORMAT=json\nUNRELATED=1\n")
    monkeypatch.setenv(f"{PREFIX}LOG_LEVEL", "error")

    settings = Settings.load()

    assert (settings.log_level, settings.log_format) == ("error", "json")


def test_the_env_file_wins_over_the_secrets_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Settings.model_config, "secrets_dir", ".")
    Path(f"{PREFIX}LOG_LEVEL".lower()).write_text("error\n")
    Path(f"{PREFIX}LOG_FORMAT".lower()).write_text("json\n")
    Path(".env").write_text(f"{PREFIX}LOG_LEVEL=debug\n")

    settings = Settings.load()

    assert (settings.log_level, settings.log_format) == ("debug", "json")


def test_a_wrong_value_is_named_but_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{PREFIX}LOG_LEVEL", "hunter2")

    with pytest.raises(SettingsError, match=f"{PREFIX}LOG_LEVEL: Input should be") as error:
        Settings.load()

    assert "hunter2" not in str(error.value)


def test_an_unknown_setting_is_refused_with_the_likely_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"{PREFIX}LOG_LEVLE", "debug")

    with pytest.raises(SettingsError, match=f"{PREFIX}LOG_LEVLE.*mean {PREFIX}LOG_LEVEL"):
        Settings.load()


def test_an_unknown_setting_is_refused_in_small_letters_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(f"{PREFIX}LOG_LEVLE".lower(), "debug")

    with pytest.raises(SettingsError, match=f"mean {PREFIX}LOG_LEVEL"):
        Settings.load()


def test_a_secret_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Settings.model_config, "secrets_dir", ".")
    Path(f"{PREFIX}LOG_LEVEL".lower()).write_bytes(b"\xff")

    with pytest.raises(SettingsError, match=f"{PREFIX}LOG_LEVEL: The value is not UTF-8"):
        Settings.load()


def test_an_unknown_setting_in_the_env_file_is_refused() -> None:
    Path(".env").write_text(f"{PREFIX}LOG_LEVLE=hunter2\n")

    with pytest.raises(SettingsError, match=f"{PREFIX}LOG_LEVLE.*mean {PREFIX}LOG_LEVEL") as error:
        Settings.load()

    assert "hunter2" not in str(error.value)


def test_the_example_file_shows_every_setting_with_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    example = (PROJECT / ".env.example").read_text("utf-8")
    shown = dict(re.findall(rf"^#{PREFIX}(\w+)=(.*)$", example, re.MULTILINE))

    assert [name.lower() for name in shown] == list(Settings.model_fields)
    for name, value in shown.items():
        monkeypatch.setenv(PREFIX + name, value)
    assert Settings.load() == Settings.model_construct()
