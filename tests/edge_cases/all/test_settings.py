import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import AliasChoices, AliasPath, BaseModel, Field, SecretStr
from pydantic_settings import SettingsError

from my_application import settings
from my_application.settings import PREFIX, Settings, load, variables


class Disk(BaseModel):
    kind: Literal["disk"]
    path: str


class Bucket(BaseModel):
    kind: Literal["bucket"]
    name: str


type Storage = Annotated[Disk | Bucket, Field(discriminator="kind")]


class Database(BaseModel):
    host: str = "localhost"
    password: SecretStr | None = None
    ports: list[int] = []


type NamedDatabase = Database


type Parent = Category | None


class Category(BaseModel):
    name: str = ""
    parent: Parent = None


class Plugins(BaseModel, extra="allow"):
    path: str = Field(default="", validation_alias="folder")


@dataclass
class Point:
    x: int = 0


class MoreSettings(Settings):
    test_database: Database = Database()
    test_labels: dict[str, str | Database] = Field(default={})
    test_storage: Disk | Bucket | None = Field(default=None, discriminator="kind")
    test_backup: Storage | None = Field(default=None)
    test_replica: NamedDatabase = Database()
    test_category: Category = Category()
    test_options: Any = None
    test_point: Point = Point()
    test_tenants: list[Database] = Field(default=[])
    test_plugins: Plugins = Plugins()
    test_queue: Database | dict[str, str] = Field(default={})
    test_size: int | float | None = None
    test_hosts: list[str] = Field(default=[], validation_alias="TEST_HOSTS")
    test_region: str = Field(default="", validation_alias="TEST_REGION")
    test_ports: list[int] = Field(default=[], validation_alias=AliasChoices("PORTS", "TEST_PORTS"))
    test_first: str = Field(default="", validation_alias=AliasPath("TEST_LIST", 0))


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Add settings of other types, and return the folder of the secrets."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    monkeypatch.setattr(settings, "Settings", MoreSettings)
    return folder


def test_nested_settings_come_from_every_source(
    secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}TEST_DATABASE__HOST", "db")
    monkeypatch.setenv(f"{PREFIX}TEST_LABELS__COLOR", "red")
    monkeypatch.setenv(f"{PREFIX}TEST_LABELS__OLD__HOST", "db")
    monkeypatch.setenv(f"{PREFIX}TEST_PLUGINS__COLOR", "red")
    monkeypatch.setenv(f"{PREFIX}TEST_QUEUE__COLOR", "red")
    monkeypatch.setenv(f"{PREFIX}TEST_CATEGORY__PARENT__PARENT__NAME", "food")
    monkeypatch.setenv(f"{PREFIX}TEST_REPLICA__HOST", "db")
    monkeypatch.setenv(f"{PREFIX}TEST_POINT__X", "1")
    monkeypatch.setenv("TEST_REGION", "eu")
    monkeypatch.setenv("TEST_LIST", '["a", "b"]')
    (secrets / f"{PREFIX}TEST_DATABASE__PASSWORD".lower()).write_text("hunter2")

    loaded = load()

    assert isinstance(loaded, MoreSettings)
    assert loaded.test_database == Database(host="db", password=SecretStr("hunter2"))
    assert loaded.test_labels["color"] == "red"
    assert loaded.test_category.parent == Category(parent=Category(name="food"))
    assert loaded.test_replica == Database(host="db")
    assert loaded.test_point == Point(1)
    assert loaded.test_plugins.model_extra == {"color": "red"}
    assert (loaded.test_region, loaded.test_first) == ("eu", "a")
    assert {"TEST_LIST", f"{PREFIX}TEST_PLUGINS__FOLDER"} <= {*variables(MoreSettings, PREFIX)}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("TEST_DATABASE__HOTS", "TEST_DATABASE__HOTS is not a setting; did you mean"),
        ("TEST_REPLICA__HOTS", "TEST_REPLICA__HOTS is not a setting; did you mean"),
        ("TEST_BACKUP__PAHT", "TEST_BACKUP__PAHT is not a setting; did you mean"),
        ("TEST_DATABASE__PORTS", "TEST_DATABASE or {}TEST_DATABASE__*: Input should be valid JSON"),
        ("TEST_LABELS", "TEST_LABELS or {}TEST_LABELS__*: Input should be valid JSON"),
        ("TEST_STORAGE__KIND", "TEST_STORAGE: Input should have one of the tags 'disk', 'bucket'"),
        ("TEST_OPTIONS__COLOR", "TEST_OPTIONS__COLOR is not a setting"),
        ("LOG_LEVEL__X", "LOG_LEVEL__X is not a setting"),
        ("TEST_SIZE", "TEST_SIZE: Input should be a valid"),
        ("TEST_SIZE__X", "TEST_SIZE__X is not a setting"),
        ("TEST_TENANTS__0__HOST", "TEST_TENANTS__0__HOST is not a setting; did you mean"),
    ],
)
@pytest.mark.parametrize("source", ["environment", "file", "secret"])
def test_invalid_settings_are_named_without_their_values(
    source: str, name: str, message: str, secrets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if source == "environment":
        monkeypatch.setenv(f"{PREFIX}{name}", "hunter2")
    elif source == "file":
        Path(".env").write_text(f"{PREFIX}{name}=hunter2\n")
    else:
        (secrets / f"{PREFIX}{name}").write_text("hunter2")

    with pytest.raises(SettingsError, match=re.escape(message.format(PREFIX))) as error:
        load()
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [("ENVIRONMENT", "ENVIRONMENT is not a setting"), ("LOG_LEVL", "did you mean {}LOG_LEVEL?")],
)
def test_only_similar_names_are_suggested(
    name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{PREFIX}{name}", "1")

    with pytest.raises(SettingsError) as error:
        load()

    assert str(error.value).endswith(message.format(PREFIX))


def test_the_tag_of_a_union_and_an_alias_are_not_part_of_a_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("TEST_STORAGE", "TEST_BACKUP"):
        monkeypatch.setenv(f"{PREFIX}{name}__KIND", "bucket")
        with pytest.raises(SettingsError, match=f"  {PREFIX}{name}__NAME: Field required"):
            load()

    monkeypatch.setenv("TEST_HOSTS", "hunter2")
    with pytest.raises(SettingsError, match="  TEST_HOSTS: Input should be valid JSON"):
        load()

    monkeypatch.delenv("TEST_HOSTS")
    monkeypatch.setenv("PORTS", "hunter2")
    with pytest.raises(SettingsError, match="  PORTS or TEST_PORTS: Input should be valid JSON"):
        load()


def test_unreadable_secrets_are_reported(secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> str:
        raise PermissionError(13, "Permission denied", "/run/secrets/token")

    (secrets / f"{PREFIX}LOG_LEVEL".lower()).write_text("error")
    monkeypatch.setattr(Path, "read_text", refuse)

    with pytest.raises(SettingsError, match="/run/secrets/token: Permission denied"):
        load()


def test_secrets_that_are_not_in_a_folder_are_reported(secrets: Path) -> None:
    secrets.rmdir()
    secrets.write_text("hunter2")

    with pytest.raises(SettingsError, match="must reference a directory"):
        load()


def test_an_env_file_in_another_encoding_is_reported() -> None:
    Path(".env").write_bytes(b"\xff")

    with pytest.raises(SettingsError, match=r"\.env or a file in .* is not UTF-8 text"):
        load()


def test_invalid_lines_of_the_env_file_are_reported() -> None:
    Path(".env").write_text(f"# A comment\n{PREFIX}LOG_LEVEL\n{PREFIX}LOG_FORMAT='hunter2\n")

    with pytest.raises(SettingsError) as error:
        load()
    assert str(error.value).count("is not NAME=VALUE") == 2
    assert ".env: line 2 is" in str(error.value)
    assert "hunter2" not in str(error.value)


def test_a_file_that_is_not_a_setting_is_not_read(secrets: Path) -> None:
    (secrets / "keystore.p12").write_bytes(b"\xff\xfe")
    (secrets / "kubernetes.io").mkdir()
    (secrets / f"{PREFIX}LOG_LEVEL".lower()).write_text("error\n")

    assert load().log_level == "error"
