import re
from pathlib import Path

import pytest
from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import SettingsError
from tests.conftest import PROJECT

from {{ cookiecutter.package_name }} import settings
from {{ cookiecutter.package_name }}.settings import PREFIX, Settings, load


class Database(BaseModel):
    host: str = "localhost"
    password: SecretStr | None = None


class ExtendedSettings(Settings):
    database: Database = Database()
    labels: dict[str, str] = Field(default={})
    hosts: list[str] = Field(default=[])
    region: str = Field(default="", validation_alias="REGION")


@pytest.fixture
def extended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the settings by some that have more kinds of fields."""
    monkeypatch.setattr(settings, "Settings", ExtendedSettings)


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder that secret files are read from."""
    monkeypatch.setitem(ExtendedSettings.model_config, "secrets_dir", tmp_path)
    monkeypatch.setitem(Settings.model_config, "secrets_dir", tmp_path)
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


@pytest.mark.usefixtures("extended")
def test_nested_settings_come_from_every_source(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}DATABASE__HOST", "db")
    monkeypatch.setenv(f"{PREFIX}LABELS__COLOR", "red")
    monkeypatch.setenv(f"{PREFIX}HOSTS", '["a", "b"]')
    monkeypatch.setenv("REGION", "eu")
    (secrets / f"{PREFIX}DATABASE__PASSWORD".lower()).write_text("hunter2")

    loaded = load()

    assert isinstance(loaded, ExtendedSettings)
    assert loaded.database == Database(host="db", password=SecretStr("hunter2"))
    assert (loaded.labels, loaded.hosts, loaded.region) == ({"color": "red"}, ["a", "b"], "eu")


@pytest.mark.usefixtures("extended")
@pytest.mark.parametrize(
    ("name", "meant"),
    [("LOG_LEVLE", "LOG_LEVEL"), ("DATABASE__HOTS", "DATABASE__HOST"), ("log_levle", "LOG_LEVEL")],
)
@pytest.mark.parametrize("source", ["environment", "file", "secret"])
def test_misspelt_settings_are_refused_with_a_suggestion(
    source: str, name: str, meant: str, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source == "environment":
        monkeypatch.setenv(f"{PREFIX}{name}", "hunter2")
    elif source == "file":
        Path(".env").write_text(f"{PREFIX}{name}=hunter2\n")
    else:
        (secrets / f"{PREFIX}{name}").write_text("hunter2\n")

    message = f"{PREFIX}{name.upper()} is not a setting; did you mean {PREFIX}{meant}?"
    with pytest.raises(SettingsError, match=re.escape(message)) as error:
        load()
    assert "hunter2" not in str(error.value)


@pytest.mark.usefixtures("extended")
@pytest.mark.parametrize(
    ("name", "message"),
    [("PORT", "Input should be a valid integer"), ("HOSTS", 'field "hosts"'), ("PORT", "PORT: ")],
)
def test_invalid_values_are_named_and_not_repeated(
    name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}{name}", "hunter2")

    with pytest.raises(SettingsError, match=message) as error:
        load()
    assert "hunter2" not in str(error.value)


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class RequiringSettings(Settings):
        api_token: SecretStr

    monkeypatch.setattr(settings, "Settings", RequiringSettings)

    with pytest.raises(SettingsError, match=f"{PREFIX}API_TOKEN: Field required"):
        load()


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (PermissionError(13, "Permission denied", "/secrets/token"), "token: Permission denied"),
        (UnicodeDecodeError("utf-8", b"", 0, 1, ""), "is not UTF-8 text"),
    ],
)
def test_unreadable_secrets_are_reported(
    error: Exception, message: str, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_kwargs: object) -> str:
        raise error

    (secrets / f"{PREFIX}LOG_LEVEL".lower()).write_text("error")
    monkeypatch.setattr(Path, "read_text", refuse)

    with pytest.raises(SettingsError, match=message):
        load()


def test_the_example_file_lists_every_setting_with_its_default(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    example = (PROJECT / ".env.example").read_text("utf-8")
    listed = dict(re.findall(rf"^#?{PREFIX}(\w+)=(.*)$", example, re.MULTILINE))
    required = [name for name, field in Settings.model_fields.items() if field.is_required()]

    assert {name.lower().partition("__")[0] for name in listed} >= Settings.model_fields.keys()
    defaults = load()
    for name, value in listed.items():
        if name.lower().partition("__")[0] not in required:
            monkeypatch.setenv(PREFIX + name, value)
    assert load() == defaults
