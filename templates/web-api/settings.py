"""Every setting of this application, typed, with its default."""

from {{ cookiecutter.package_name }}.api.settings import ApiSettings


class Settings(ApiSettings):
    """The settings of the API; this application's own belong here."""
