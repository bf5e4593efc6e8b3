.PHONY: run start smoke stop

# In compose.yaml: the files in ./data belong to the user who runs make.
OS ?= posix
ifneq ($(OS),Windows_NT)
export USER_ID = $(shell id -u)
export GROUP_ID = $(shell id -g)
endif

run:  ## Run the job on the sample data
	{{ cookiecutter.project_slug }} run data/orders.csv data/orders.jsonl

start: image smoke  ## Run the job in its image on the sample data, as compose.yaml says

# Compose mounts a secret with the mode and the owner that its file has.
EXPOSED = $(shell find secrets -type f -perm -4 ! -name '.*')

smoke:  ## Run the image as compose.yaml says; make shows the exit status of the job as Error N
	$(if $(EXPOSED),$(error World-readable: $(EXPOSED). Run: sudo chmod o-r $(EXPOSED)))
	docker compose up --exit-code-from job --no-log-prefix

stop:  ## Stop the job
	docker compose down