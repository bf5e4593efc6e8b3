.PHONY: run start smoke stop

# For compose.yaml: the files in ./data belong to the user who runs make.
ifneq ($(OS),Windows_NT)
export USER_ID := $(or $(SUDO_UID),$(shell id -u))
export GROUP_ID := $(or $(SUDO_GID),$(shell id -g))
endif

run:  ## Run the job on the sample data
	{{ cookiecutter.project_slug }} run data/orders.csv data/orders.jsonl

start: image smoke  ## Build the image, and run the job in it on the sample data

# Compose mounts a secret with the mode and owner of its file. Windows has no modes; WSL shows 777.
EXPOSED = $(if $(filter Windows_NT,$(OS)),,$(shell find secrets -type f -perm -4 $(if $(WSL_DISTRO_NAME),! -perm 777) ! -name '.*'))

smoke:  ## Run the job in its image; make shows the exit status of the job as Error N
	$(if $(EXPOSED),$(error World-readable: $(EXPOSED). Run: sudo chmod o-r $(EXPOSED)))
	docker compose up --exit-code-from job --no-log-prefix

stop:  ## Stop the job
	docker compose down