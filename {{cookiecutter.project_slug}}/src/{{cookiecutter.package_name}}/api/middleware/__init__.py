"""ASGI middleware, one concern a module, and the order in which they stand."""

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware

from {{ cookiecutter.package_name }}.api import lines
from {{ cookiecutter.package_name }}.api.middleware.body_limit import BodyLimit
from {{ cookiecutter.package_name }}.api.middleware.capacity import Capacity
from {{ cookiecutter.package_name }}.api.middleware.hosts import TrustedHosts
from {{ cookiecutter.package_name }}.api.middleware.observation import Observation
from {{ cookiecutter.package_name }}.api.middleware.security import SecurityHeaders
from {{ cookiecutter.package_name }}.api.middleware.time_limit import TimeLimit
from {{ cookiecutter.package_name }}.api.settings import ApiSettings


def install(app: FastAPI, settings: ApiSettings) -> None:
    """Put the middleware around `app`, from the inside out."""
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.add_middleware(TimeLimit, seconds=settings.request_seconds)
    app.add_middleware(Capacity, most=settings.max_in_flight)
    if settings.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.cors_origins,
            allow_methods=["*"],
            allow_headers=["*"],
        )
    if "*" not in settings.trusted_hosts:
        app.add_middleware(TrustedHosts, hosts=settings.trusted_hosts)
    write = lines.new_writer("requests", settings.log_level, settings.log_format)
    app.add_middleware(Observation, write=write)
    app.add_middleware(SecurityHeaders)
