import re
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import SettingsError
from tests.conftest import PROJECT

from {{ cookiecutter.package_name }} import settings
from {{ cookiecutter.package_name }}.settings import PREFIX, Settings, load, variables


class Database(BaseModel):
    host: str = "localhost"
    password: SecretStr | None = None


class MoreSettings(Settings):
    test_database: Database = Database()
    test_labels: dict[str, str | Database] = Field(default={})
    test_region: str = Field(default="", validation_alias="TEST_REGION")


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Add settings of more kinds, and return the folder that secret files are read from."""
    monkeypatch.setattr(settings, "Settings", MoreSettings)
    monkeypatch.setitem(MoreSettings.model_config, "secrets_dir", tmp_path)
    monkeypatch.setattr(settings, "SECRETS_DIR", tmp_path)
    return tmp_path


def test_the_environment_overrides_the_env_file_and_that_overrides_secret_files(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secrets / f"{PREFIX}LOG_LEVEL".lower()).write_text("error\n")
    assert load().log_level == "error"
    Path(".env").write_text(f"{PREFIX}LOG_LEVEL=debug\nUNRELATED=1\n")
    assert load().log_level == "debug"
    monkeypatch.setenv(f"{PREFIX}LOG_LEVEL", "warning")
    assert load().log_level == "warning"


def test_nested_settings_come_from_every_source(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}TEST_DATABASE__HOST", "db")
    monkeypatch.setenv(f"{PREFIX}TEST_LABELS__COLOR", "red")
    monkeypatch.setenv(f"{PREFIX}TEST_LABELS__OLD__HOST", "db")
    monkeypatch.setenv("TEST_REGION", "eu")
    (secrets / f"{PREFIX}TEST_DATABASE__PASSWORD".lower()).write_text("hunter2")

    loaded = load()

    assert isinstance(loaded, MoreSettings)
    assert loaded.test_database == Database(host="db", password=SecretStr("hunter2"))
    assert (loaded.test_labels["color"], loaded.test_region) == ("red", "eu")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("LOG_LEVLE", f"LOG_LEVLE is not a setting; did you mean {PREFIX}LOG_LEVEL?"),
        ("TEST_DATABASE__HOTS", "TEST_DATABASE__HOTS is not a setting; did you mean"),
        ("LOG_LEVEL", "LOG_LEVEL: Input should be 'debug'"),
        ("TEST_LABELS", "TEST_LABELS: Input should be valid JSON"),
    ],
)
@pytest.mark.parametrize("source", ["environment", "file", "secret"])
def test_invalid_settings_are_named_and_their_values_not_repeated(
    source: str, name: str, message: str, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source == "environment":
        monkeypatch.setenv(f"{PREFIX}{name}", "hunter2")
    elif source == "file":
        Path(".env").write_text(f"{PREFIX}{name}=hunter2\n")
    else:
        (secrets / f"{PREFIX}{name}").write_text("hunter2")

    with pytest.raises(SettingsError, match=re.escape(message)) as error:
        load()
    assert "hunter2" not in str(error.value)


def test_invalid_lines_of_the_env_file_are_named() -> None:
    Path(".env").write_text(f"# A comment\n{PREFIX}LOG_LEVEL='hunter2\n")

    with pytest.raises(SettingsError, match=r"\.env: line 2 is not NAME=VALUE") as error:
        load()
    assert "hunter2" not in str(error.value)


def test_unreadable_secrets_are_reported(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> str:
        raise PermissionError(13, "Permission denied", "/run/secrets/token")

    (secrets / f"{PREFIX}LOG_LEVEL".lower()).write_text("error")
    monkeypatch.setattr(Path, "read_text", refuse)

    with pytest.raises(SettingsError, match="/run/secrets/token: Permission denied"):
        load()


def test_the_example_file_lists_every_setting_with_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    example = (PROJECT / ".env.example").read_text("utf-8")
    listed = dict(re.findall(r"^#?(\w+)=(.*)$", example, re.MULTILINE))
    known, before = [*variables(Settings, PREFIX)], load().model_dump()

    for name in known:
        if "__" not in name:
            assert any(each == name or each.startswith(f"{name}__") for each in listed), name
    for name in listed:
        assert any(fnmatchcase(name, pattern) for pattern in known), name
    for name, value in re.findall(r"^#(\w+)=(.+)$", example, re.MULTILINE):
        monkeypatch.setenv(name, value)
    assert load().model_dump() == before
