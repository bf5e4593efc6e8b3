
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    root_path: str = Field(default="", pattern=r"^(/[\w.~-]+)*$")
    docs: bool = True
    cors_origins: list[str] = []
    trusted_proxies: list[IPvAnyNetwork] = []
    keep_alive_seconds: PositiveInt = 75
    request_timeout_seconds: PositiveFloat = 30
    shutdown_grace_seconds: PositiveInt = 40
    max_concurrent_requests: PositiveInt = 32
    max_body_bytes: PositiveInt = 8_000_000
{%- if cookiecutter.application == "model-api" %}
{% include "model-api/settings.py" %}
{%- endif %}

    @model_validator(mode="after")
    def _require_grace_for_requests(self) -> Self:
        """Refuse a grace period that is too short for an accepted request to finish."""
        if self.shutdown_grace_seconds <= self.request_timeout_seconds:
            raise ValueError(f"{PREFIX}SHUTDOWN_GRACE_SECONDS must exceed REQUEST_TIMEOUT_SECONDS")
        return self