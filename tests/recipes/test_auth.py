"""The recipe for API keys and access tokens, with an identity provider on this machine."""

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.helpers.recipes import PREFIX, RecipeProject, each_web_api

# Writes the public keys of the provider, and prints tokens for this service and for another.
PROVIDER = """
import json, sys, time, jwt
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
key = generate_private_key(65537, 2048)
public = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
with open(sys.argv[1], "w") as file:
    json.dump({"keys": [public | {"kid": "1", "use": "sig"}]}, file)
claims = {"sub": "ann", "iss": "https://login.example.com/", "exp": int(time.time()) + 600}
for audience in ("my-application", "another"):
    print(jwt.encode(claims | {"aud": audience}, key, "RS256", headers={"kid": "1"}))
"""


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[int]:
    """Serve a folder to containers; yield the port."""
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path / "provider")
    with ThreadingHTTPServer(("", 0), handler) as server:
        Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


@each_web_api
def test_keys_and_tokens_of_the_right_provider_are_accepted(
    project: RecipeProject, provider: int, tmp_path: Path
) -> None:
    project.override(f"""
        services:
          api:
            extra_hosts: ["login.example.com:host-gateway"]
            environment:
              {PREFIX}AUTH__JWKS_URL: http://login.example.com:{provider}/keys.json
    """)
    project.follow("auth")
    (tmp_path / "provider").mkdir()
    keys = tmp_path / "provider/keys.json"
    command = ["python", "-c", PROVIDER, str(keys)]
    valid, foreign = project.baked.run(*command, env=project.shell).stdout.split()

    assert project.request("GET", "/me", authorization=f"Bearer {valid}") == (200, {"name": "ann"})
    assert project.request("GET", "/me", authorization=f"Bearer {foreign}")[0] == 401
    status, problem = project.request("GET", "/me")
    assert (status, problem["detail"]) == (401, "Send a valid API key or token.")
    _, document = project.request("GET", "/openapi.json")
    schemes = document["components"]["securitySchemes"]
    assert {it["type"] for it in schemes.values()} == {"apiKey", "http"}
    assert document["paths"]["/me"]["get"]["security"] == [{name: []} for name in schemes]
