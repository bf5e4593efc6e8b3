import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from fastapi import FastAPI
from fastapi.testclient import TestClient
from jwt.algorithms import RSAAlgorithm
from tests.conftest import ReadLog

from my_application.app import create_app
from my_application.security import provider_keys
from my_application.settings import Settings


@pytest.fixture(scope="module")
def private_key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@pytest.fixture(autouse=True)
def provider(private_key: RSAPrivateKey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the identity provider, of which the service knows the public keys."""
    public = RSAAlgorithm.to_jwk(private_key.public_key(), as_dict=True)
    keys = {"keys": [{**public, "kid": "1", "use": "sig"}]}
    monkeypatch.setattr(jwt.PyJWKClient, "fetch_data", lambda _self: keys)
    provider_keys.cache_clear()


@pytest.fixture
def app() -> FastAPI:
    """Return an application that knows a key."""
    settings = Settings()
    settings.auth.api_keys["shop"] = hashlib.sha256(b"the-key").hexdigest()
    return create_app(settings)


def token(key: RSAPrivateKey, **changes: Any) -> dict[str, str]:
    """Return the header of a request with a token of the provider."""
    auth, expiry = Settings().auth, datetime.now(UTC) + timedelta(minutes=5)
    claims = {"sub": "ann", "iss": auth.issuer, "aud": auth.audience, "exp": expiry} | changes
    encoded = jwt.encode(claims, key, "RS256", headers={"kid": "1"})
    return {"authorization": f"Bearer {encoded}"}


def test_a_token_or_a_key_says_who_calls(
    client: TestClient, private_key: RSAPrivateKey, read_log: ReadLog
) -> None:
    read_log()
    for headers, caller in ((token(private_key), "ann"), ({"x-api-key": "the-key"}, "shop")):
        assert client.get("/me", headers=headers).json() == {"name": caller}
        assert read_log()[-1]["caller"] == caller


@pytest.mark.parametrize(
    "claims",
    [{"exp": 1}, {"aud": "another"}, {"iss": "https://evil.example"}, {"sub": None}],
)
def test_another_token_is_refused(
    client: TestClient, private_key: RSAPrivateKey, claims: dict[str, Any]
) -> None:
    assert client.get("/me", headers=token(private_key, **claims)).status_code == 401


def test_a_token_that_somebody_else_signed_is_refused(client: TestClient) -> None:
    forged = token(generate_private_key(65537, 2048))

    assert client.get("/me", headers=forged).status_code == 401


@pytest.mark.parametrize("headers", [{}, {"x-api-key": "x"}, {"authorization": "Bearer x"}])
def test_a_request_without_credentials_is_refused(
    client: TestClient, headers: dict[str, str]
) -> None:
    response = client.get("/me", headers=headers)

    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
