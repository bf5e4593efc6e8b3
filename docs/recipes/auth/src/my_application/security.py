"""Authentication by an API key or by an access token (JWT) of an identity provider."""

import hashlib
import hmac
from functools import cache
from typing import Annotated

import jwt
import structlog
from fastapi import Depends, HTTPException, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from my_application.settings import Auth

ApiKey = Annotated[str | None, Depends(APIKeyHeader(name="X-API-Key", auto_error=False))]
Token = Annotated[
    HTTPAuthorizationCredentials | None,
    Depends(HTTPBearer(bearerFormat="JWT", auto_error=False)),
]


def verify(request: Request, key: ApiKey, token: Token) -> str:
    """Return who sent the request; raise 401 if it has no valid credentials.

    FastAPI runs it in a thread, because it may fetch the keys of the identity provider.
    """
    auth: Auth = request.app.state.settings.auth
    caller = None
    if key:
        caller = find_client(key, auth)
    elif token:
        caller = read_subject(token.credentials, auth)
    if caller is None:
        raise HTTPException(401, "Send a valid API key or token.", {"www-authenticate": "Bearer"})
    return caller


async def authenticate(caller: Annotated[str, Depends(verify)]) -> str:
    """Return who sent the request, and add it to the log lines of the request."""
    structlog.contextvars.bind_contextvars(caller=caller)
    return caller


Caller = Annotated[str, Depends(authenticate)]


def find_client(key: str, auth: Auth) -> str | None:
    """Return the name of the client that has this API key."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    names = [name for name, each in auth.api_keys.items() if hmac.compare_digest(each, digest)]
    return names[0] if names else None


def read_subject(token: str, auth: Auth) -> str | None:
    """Return the subject of a token that the identity provider issued for this service."""
    try:
        claims = jwt.decode(
            token,
            provider_keys(auth.jwks_url).get_signing_key_from_jwt(token),
            algorithms=["RS256", "ES256"],
            audience=auth.audience,
            issuer=auth.issuer,
            options={"require": ["exp", "sub"]},
        )
    except jwt.PyJWKClientConnectionError:
        raise HTTPException(503, "The identity provider cannot be reached.") from None
    except jwt.PyJWTError:
        return None
    return str(claims["sub"])


@cache
def provider_keys(url: str) -> jwt.PyJWKClient:
    """Return a client that caches the public keys for five minutes, and fetches unknown ones."""
    return jwt.PyJWKClient(url, timeout=5)
