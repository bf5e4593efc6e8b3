.PHONY: run start logs stop smoke

{% if cookiecutter.application == "model-api" -%}
{% include "model-api/targets.mk" %}

{% endif -%}
run:  ## Serve the API on this machine, and restart it when the code changes
	{{ cookiecutter.project_slug }} serve --reload

# Compose mounts a secret with the mode and owner of its file. Windows has no modes; WSL shows 777.
EXPOSED = $(if $(filter Windows_NT,$(OS)),,$(shell find secrets -type f -perm -4 $(if $(WSL_DISTRO_NAME),! -perm 777) ! -name '.*'))

start: image  ## Build the image, and serve the API from it in the background
	$(if $(EXPOSED),$(error World-readable: $(EXPOSED). Run: sudo chmod o-r $(EXPOSED)))
{%- if cookiecutter.application == "model-api" %}
	docker compose run --rm --no-TTY api model
{%- endif %}
	docker compose up --detach --wait || { docker compose logs --no-log-prefix; exit 1; }

logs:  ## Follow the log of the service
	docker compose logs --no-log-prefix --follow

stop:  ## Stop the service after it has finished its requests
	docker compose down

smoke:  ## Start the image with compose.yaml, wait until it is healthy, and stop it
	trap 'docker compose down' EXIT INT; \
{%- if cookiecutter.application == "model-api" %}
	docker compose run --rm --no-TTY api model && \
{%- endif %}
	docker compose up --detach --wait && docker compose stop \
		&& docker compose ps --all --format json api | grep -q '"ExitCode":0[,}]' \
		|| { docker compose logs --no-log-prefix; exit 1; }