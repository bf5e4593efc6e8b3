"""The routes of the API, one module for each resource."""

from starlette.types import Scope


def route_path(scope: Scope) -> str | None:
    """Return the path template of the route that serves a request, such as `/items/{id}`."""
    # Only FastAPI's context knows the prefix that a router was included with.
    context = scope.get("fastapi", {}).get("effective_route_context")
    path: str | None = getattr(context, "path_format", None)
    path = path or getattr(scope.get("route"), "path_format", None)  # A WebSocket's is here.
    prefix = scope.get("root_path", "")
    mounted_at = prefix.removeprefix(scope.get("app_root_path", prefix))  # A mounted application.
    return path and mounted_at + path
