"""Examples of requests from an OpenAPI document."""

from typing import Any

Document = dict[str, Any]


def examples(document: Document) -> list[tuple[str, object]]:
    """Return every path that accepts JSON by POST, with the example that Swagger UI shows."""
    found: list[tuple[str, object]] = []
    for path, methods in document["paths"].items():
        content = methods.get("post", {}).get("requestBody", {}).get("content", {})
        if media := content.get("application/json"):
            given = media.get("example")
            found.append((path, example(document, media["schema"]) if given is None else given))
    assert found
    return found


def example(document: Document, schema: Document) -> object:
    """Compose an example from the examples of the fields, as Swagger UI does."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("examples"):
        return schema["examples"][0]
    if schema["type"] == "array":
        return [example(document, schema["items"])]
    fields = schema.get("properties", {})
    return {name: example(document, field) for name, field in fields.items()}
