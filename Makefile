# Copyright 2026 The Cell Operator Authors.
# SPDX-License-Identifier: Apache-2.0

VERSION ?= v0.1.0
IMAGE   ?= deepfabric/cell-operator:$(VERSION)
OUT     := _out
GO      ?= go
# All programs are static.
export CGO_ENABLED = 0
BUILD   := $(GO) build -trimpath -ldflags "-s -w -X main.version=$(VERSION)"

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list.
	@awk -F ':.*## ' '/^[a-z][a-z-]*:.*## / { printf "  %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ build

.PHONY: build
build: ## Build all programs into _out/image.
	mkdir -p $(OUT)/image
	$(BUILD) -o $(OUT)/image/cell-controller-manager ./cmd/controller-manager
	$(BUILD) -o $(OUT)/image/cell-launcher ./cmd/launcher
	$(BUILD) -o $(OUT)/image/cell-scheduler ./cmd/scheduler

.PHONY: image
image: build ## Build the image with docker or buildah into _out/images/cell-operator.tar.
	hack/image.sh Dockerfile . $(IMAGE) $(OUT)/images/cell-operator.tar

.PHONY: elasticell-images
elasticell-images: ## Build the images of the stand-in for Elasticell.
	hack/elasticell-images.sh $(OUT)

.PHONY: generate
generate: ## Write all generated files again.
	hack/update-codegen.sh

##@ check

.PHONY: verify
verify: ## Check formatting, lint, and that generated files are current.
	hack/verify.sh

.PHONY: test-unit
test-unit: ## Run the quick tests.
	hack/test.sh unit

.PHONY: test
test: ## Run all tests; brings up a real Kubernetes on this machine.
	hack/test.sh all

.PHONY: bench
bench: ## Measure the operator on a real API server, and print the figures.
	hack/test.sh bench

.PHONY: proof
proof: ## Run everything that shows that nothing is lost, for two hours, and write docs/proof.md.
	hack/proof.sh

##@ try

.PHONY: demo
demo: ## Bring up Kubernetes, the operator and a cell cluster. CLUSTER=kind or CLUSTER=existing use what is there.
	hack/demo.sh up

.PHONY: demo-down
demo-down: ## Take away what demo brought up.
	hack/demo.sh down

.PHONY: clean
clean: ## Remove what was built.
	rm -rf $(OUT)
