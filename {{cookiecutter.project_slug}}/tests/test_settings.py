import re
from fnmatch import fnmatchcase
from io import StringIO
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import Field
from pydantic_settings import SettingsError
from tests.conftest import PROJECT

from {{ cookiecutter.package_name }} import settings
from {{ cookiecutter.package_name }}.settings import PREFIX, Settings, load, variables


class SettingsWithLabels(Settings):
    test_labels: dict[str, str] = Field(default={})


def write_secret(name: str, value: str) -> None:
    settings.SECRETS_DIR.mkdir()
    (settings.SECRETS_DIR / name).write_text(value)


def test_the_environment_overrides_the_env_file_and_that_overrides_secret_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_secret(f"{PREFIX}LOG_LEVEL".lower(), "error\n")
    assert load().log_level == "error"
    Path(".env").write_text(f"{PREFIX}LOG_LEVEL=debug\nUNRELATED=1\n")
    assert load().log_level == "debug"
    monkeypatch.setenv(f"{PREFIX}LOG_LEVEL", "warning")
    assert load().log_level == "warning"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("LOG_LEVLE", f"LOG_LEVLE is not a setting; did you mean {PREFIX}LOG_LEVEL?"),
        ("LOG_LEVEL", "LOG_LEVEL: Input should be 'debug'"),
        ("TEST_LABELS", f"TEST_LABELS or {PREFIX}TEST_LABELS__*: Input should be valid JSON"),
    ],
)
@pytest.mark.parametrize("source", ["environment", "file", "secret"])
def test_invalid_settings_are_named_and_their_values_not_repeated(
    source: str, name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "Settings", SettingsWithLabels)
    if source == "environment":
        monkeypatch.setenv(f"{PREFIX}{name}", "hunter2")
    elif source == "file":
        Path(".env").write_text(f"{PREFIX}{name}=hunter2\n")
    else:
        write_secret(f"{PREFIX}{name}", "hunter2")

    with pytest.raises(SettingsError, match=re.escape(message)) as error:
        load()
    assert "hunter2" not in str(error.value)


def test_a_secret_that_is_not_a_file_is_reported() -> None:
    # As Docker does if there is nothing to mount.
    (settings.SECRETS_DIR / f"{PREFIX}LOG_LEVEL".lower()).mkdir(parents=True)

    with pytest.raises(SettingsError, match="log_level: "):
        load()


def test_the_example_file_lists_every_setting_with_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    example = (PROJECT / ".env.example").read_text("utf-8")
    every_line = re.sub(r"^#(?=\w+=)", "", example, flags=re.MULTILINE)
    listed = dotenv_values(stream=StringIO(every_line))
    known, before = [*variables(Settings, PREFIX)], load().model_dump()

    for name in known:
        if "__" not in name:
            assert any(each == name or each.startswith(f"{name}__") for each in listed), name
    for name in listed:
        assert any(fnmatchcase(name, pattern) for pattern in known), name
    for name, value in listed.items():
        if value:
            monkeypatch.setenv(name, value)
    assert load().model_dump() == before
