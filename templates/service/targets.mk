.PHONY: run start logs stop smoke

{% if cookiecutter.application == "model-api" -%}
{% include "model-api/targets.mk" %}

{% endif -%}
run:  ## Serve the API on this machine, and restart it when the code changes
	{{ cookiecutter.project_slug }} serve --reload

# Compose mounts a secret with the mode and the owner that its file has.
EXPOSED = $(shell find secrets -type f -perm -4 ! -name '.*')

start: image  ## Serve the API from its image, in the background, as compose.yaml says
	$(if $(EXPOSED),$(error World-readable: $(EXPOSED). Run: sudo chmod o-r $(EXPOSED)))
{%- if cookiecutter.application == "model-api" %}
	docker compose run --rm --no-TTY api model
{%- endif %}
	docker compose up --detach --wait || { docker compose logs --no-log-prefix; exit 1; }

logs:  ## Follow the log of the started service
	docker compose logs --no-log-prefix --follow

stop:  ## Stop the started service, and let it finish its requests
	docker compose down

smoke:  ## Start the image as compose.yaml says, wait until it is healthy, and stop it
	trap 'docker compose down' EXIT; \
{%- if cookiecutter.application == "model-api" %}
	docker compose run --rm --no-TTY api model && \
{%- endif %}
	docker compose up --detach --wait && docker compose stop \
		&& docker compose ps --all --format json api | grep --quiet '"ExitCode":0\b' \
		|| { docker compose logs --no-log-prefix; exit 1; }