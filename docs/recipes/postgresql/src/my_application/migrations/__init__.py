"""Migrations of the database, with Alembic; `versions` has a file for each revision."""

from alembic import command
from alembic.config import Config


def create_config() -> Config:
    """Create the configuration where there is no `pyproject.toml`, as in the image."""
    config = Config()
    config.set_main_option("script_location", "my_application:migrations")
    return config


def migrate() -> None:
    """Migrate the database to the newest revision."""
    command.upgrade(create_config(), "head")
