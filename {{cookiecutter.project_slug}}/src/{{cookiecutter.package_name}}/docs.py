"""API documentation: `/docs`, with Swagger UI from a package instead of another host."""

from fastapi import FastAPI, Request
from fastapi.openapi.docs import get_swagger_ui_html, get_swagger_ui_oauth2_redirect_html
from fastapi.responses import HTMLResponse
from starlette.staticfiles import StaticFiles


def add_docs(app: FastAPI) -> None:
    """Serve the documentation. Its URLs are relative, so that any path prefix works.

    https://fastapi.tiangolo.com/how-to/custom-docs-ui-assets/#self-hosting-javascript-and-css-for-docs
    """
    app.mount("/docs/assets", StaticFiles(packages=[("fastapi_swagger", "resources")]))

    @app.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        page = get_swagger_ui_html(
            title=app.title,
            openapi_url="openapi.json",
            swagger_js_url="docs/assets/swagger-ui-bundle.js",
            swagger_css_url="docs/assets/swagger-ui.css",
            swagger_favicon_url="docs/assets/favicon-32x32.png",
            oauth2_redirect_url=f"{request.scope['root_path']}/docs/oauth2-redirect",
            init_oauth=app.swagger_ui_init_oauth,
            swagger_ui_parameters={"tryItOutEnabled": True},
        )
        page.headers["content-security-policy"] = "frame-ancestors 'none'"
        return page

    app.get("/docs/oauth2-redirect", include_in_schema=False)(get_swagger_ui_oauth2_redirect_html)
