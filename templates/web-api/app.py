"""The application: what the API serves."""

from fastapi import FastAPI

from {{ cookiecutter.package_name }}.api import quotes
from {{ cookiecutter.package_name }}.api.factory import new_app
from {{ cookiecutter.package_name }}.settings import Settings


def create_app(settings: Settings) -> FastAPI:
    """Make the ASGI application; it starts its parts when the server starts it."""
    return new_app(settings, [quotes.router])
