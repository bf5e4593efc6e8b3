.PHONY: pin deploy manifests

OVERLAY ?= staging
KUSTOMIZATION = deploy/kubernetes/overlays/$(OVERLAY)/kustomization.yaml
NAMESPACE = $(shell sed -n 's/^namespace: *//p' $(KUSTOMIZATION))
# A new overlay names no image yet.
UNPINNED = $(shell grep sha256:0000000000000000 $(KUSTOMIZATION))
CLUSTER = $(or $(CONTEXT),$(shell kubectl config current-context),$(error Run: kubectl config use-context NAME, or: make deploy CONTEXT=NAME))
RENDER = $(if $(shell command -v kubectl || true),kubectl kustomize,$(if $(shell command -v kustomize || true),kustomize build))

pin:  ## Write IMAGE=NAME@sha256:DIGEST into an overlay; OVERLAY is staging or production
	$(if $(findstring @sha256:,$(IMAGE)),,$(error Name the image by its digest: make pin IMAGE=NAME@sha256:DIGEST))
	sed -i.old -E '/- name: "?{{ cookiecutter.project_slug }}"?$$/,/ digest:/{s,( newName:).*,\1 $(firstword $(subst @, ,$(IMAGE))),;s,( digest:).*,\1 $(lastword $(subst @, ,$(IMAGE))),;}' $(KUSTOMIZATION)
	rm $(KUSTOMIZATION).old
	@grep -q '$(lastword $(subst @, ,$(IMAGE)))' $(KUSTOMIZATION) || { echo 'Under images, $(KUSTOMIZATION) has no `- name: {{ cookiecutter.project_slug }}` above a digest.'; exit 1; }

deploy:  ## Apply an overlay to the cluster of kubectl's context after asking, or of CONTEXT
	$(if $(UNPINNED),$(error Write newName and digest of the image into $(KUSTOMIZATION): make pin OVERLAY=$(OVERLAY) IMAGE=NAME@sha256:DIGEST))
	@echo "This changes the namespace $(NAMESPACE) in the context $(CLUSTER)."
	@$(if $(CONTEXT),,printf 'Continue? [y/N] ' && read -r answer && [ "$$answer" = y ] || { echo "Nothing has changed. To deploy without a question: make deploy CONTEXT=$(CLUSTER)"; exit 1; })
	kubectl apply --context "$(CLUSTER)" --kustomize deploy/kubernetes/overlays/$(OVERLAY)
{%- if cookiecutter.__kind == "service" %}
	kubectl rollout status deployment/{{ cookiecutter.project_slug }} --context "$(CLUSTER)" --namespace $(NAMESPACE) --timeout 10m
{%- endif %}

# `make check` does this, too.
check: manifests
manifests:  ## Render every overlay, if kubectl or kustomize is installed
	@$(if $(RENDER),set -e; for overlay in deploy/kubernetes/overlays/*/; do $(RENDER) "$$overlay" > /dev/null; done,echo "Without kubectl or kustomize, the overlays are not rendered.")