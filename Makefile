# Run `make` for the list of commands.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help run serve check test prove lint lint-deploy format alerts deps review ui report study verdicts drift-study bench bench-serve bench-score bench-image bench-scale docs lock audit sbom image image-pipeline

help:  ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

run: $(VENV)/run.ready  ## set up, run the pipeline, show what was found
	@python -m ecom run

serve: $(VENV)/run.ready  ## answer requests with the package, and show a page on http://127.0.0.1:8000
	@python -m ecom serve || test $$? -eq 130 # stopped by Ctrl-C

check: $(VENV)/test.ready  ## run the fast tests, in about a minute
	python -m pytest --quiet --ignore tests/end_to_end -m "not prove and not hostile and not slow"

test: $(VENV)/test.ready lint  ## set up, lint, check types, run all but the long proofs
	python -m pytest --numprocesses auto --dist loadfile

prove: $(VENV)/test.ready  ## run the long proofs: thousands of files, kills, full disks
	HYPOTHESIS_PROFILE=prove python -m pytest --numprocesses auto --dist loadfile \
		-m "prove or hostile"

lint: $(VENV)/test.ready  ## check format, lint, import contracts, types
	ruff format --check
	ruff check
	lint-imports
	mypy
	zizmor --quiet --offline .github

lint-deploy: $(VENV)/test.ready $(VENV)/deploy.ready  ## check manifests, alert rules, workflows and images of deploy/
	TOOLS=$(VENV)/deploy deploy/lint

format: $(VENV)/test.ready  ## format the code, fix what lint can fix
	ruff format
	ruff check --fix

deps: $(VENV)/test.ready  ## write the code deps of each stage into dvc.yaml, from the imports
	@python -m ecom deps

alerts:  ## write the alert rules of deploy/prometheus into a resource of the Prometheus operator
	@{ printf '%s\n' '# Written by `make alerts` from deploy/prometheus/alerts.yml.' \
		'apiVersion: monitoring.coreos.com/v1' 'kind: PrometheusRule' 'metadata:' '  name: ecom' \
		'  labels:' '    app.kubernetes.io/part-of: ecom' 'spec:' && \
		sed -e '/^#/d' -e 's/^./  &/' deploy/prometheus/alerts.yml; } \
		> deploy/kubernetes/components/monitoring/alerts.yaml

verdicts: $(VENV)/run.ready  ## plant changes, count the verdicts of compare (about an hour)
	python benchmarks/verdicts.py

review: $(VENV)/run.ready  ## run the pipeline, compare with where the branch left main (BASE=BRANCH: another)
	@dvc repro
	@python -m ecom review $${BASE:+"$$BASE"}

report: $(VENV)/run.ready  ## write reports/index.html, to look at offline
	@python -m ecom report

ui: $(VENV)/run.ready  ## show all recorded runs on http://127.0.0.1:5000
	@case "$$MLFLOW_TRACKING_URI" in \
		http*) echo "The record is at $$MLFLOW_TRACKING_URI" ;; \
		*) mlflow ui --host 127.0.0.1 \
			--backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db}" ;; \
	esac

export BASE

study: $(VENV)/run.ready  ## judge the choices of the pipeline over ten splits (about twenty minutes)
	python benchmarks/study.py

drift-study: $(VENV)/run.ready  ## count the false alarms of drift, and what it sees (about half an hour)
	python benchmarks/drift.py

bench: $(VENV)/test.ready  ## weigh the environment, and time the pipeline, stage by stage
	python benchmarks/environment.py
	python benchmarks/pipeline.py

bench-serve: $(VENV)/test.ready  ## time the service beside its peers (five minutes; needs wrk)
	python benchmarks/serving.py

bench-score: $(VENV)/test.ready  ## time the scoring of files beside the fitted Pipeline (three minutes)
	python benchmarks/scoring.py

bench-image: image image-pipeline  ## weigh both images, and time the start of the service (ten minutes)
	python benchmarks/image.py

bench-scale: $(VENV)/test.ready  ## run the stages on up to ten million generated sessions (about an hour)
	python benchmarks/scale.py

docs: $(VENV)/test.ready  ## write what is generated: results in README.md, docs/licences.md, deploy/service.txt
	@python -m ecom docs
	@python deploy/pins.py
	@printf '%s\n' '# Licences of what requirements.txt installs' '' \
		'Written by `make docs`. `tests/repository/test_supply_chain.py` argues each licence that asks for more than a notice.' \
		'' > docs/licences.md
	@pip-licenses --from=mixed --format=markdown --with-system --with-urls --packages \
		$$(sed -n 's/^\([A-Za-z0-9._-]*\)==.*/\1/p' requirements.txt) >> docs/licences.md

audit: $(VENV)/test.ready  ## list known vulnerabilities of what is pinned; needs the web
	pip-audit --strict --disable-pip --require-hashes --requirement requirements-dev.txt $(IGNORED)
	pip-audit --strict --disable-pip --require-hashes --requirement requirements-remotes.txt $(IGNORED)
	pip-audit --strict --disable-pip --require-hashes --requirement requirements-deploy.txt $(IGNORED)

image: $(VENV)/test.ready  ## build the image of the service (needs root, buildah, mmdebstrap)
	deploy/build service

image-pipeline: $(VENV)/test.ready  ## build the image of the pipeline
	deploy/build pipeline

# Vulnerabilities that do not concern this project: `--ignore-vuln ID \`, the reason in a line above.
IGNORED :=

sbom: $(VENV)/test.ready  ## write the bills of materials of the environment and both images (CycloneDX)
	@mkdir -p reports
	@for each in sbom:requirements.txt sbom-pipeline:requirements-remotes.txt \
		sbom-service:deploy/service.txt; do \
		python -W ignore -m cyclonedx_py requirements --pyproject pyproject.toml \
			--output-reproducible --output-file "reports/$${each%%:*}.json" "$${each#*:}" && \
		echo "reports/$${each%%:*}.json" || exit 1; \
	done

lock: $(VENV)/test.ready  ## pin the newest versions that pyproject.toml allows
	$(LOCK) -o requirements.txt
	$(LOCK) --constraint requirements.txt --extra dev -o requirements-dev.txt
	$(LOCK) --constraint requirements.txt --extra remotes -o requirements-remotes.txt
	$(LOCK:pyproject.toml=--group deploy) -o requirements-deploy.txt

LOCK := uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock" pyproject.toml

# Programs in an environment name its folder: one that was copied or moved here is made anew.
ifeq ($(origin VENV),file)
$(shell test ! -f $(VENV)/run.ready || test "$$(cat $(VENV)/run.ready)" = "$$(pwd -P)" || rm -rf $(VENV))
endif

# uv takes a tenth of pip's time, and checks hashes as pip does; pip may know a mirror that uv does not.
INSTALL = $(BIN)/uv pip install --quiet --require-hashes --compile-bytecode --python $(BIN)/python -r $(1) \
	|| $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(1)

$(VENV)/run.ready: requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and \
		"Python 3.11 or newer is needed, $(PYTHON) is " + sys.version.split()[0] + \
		": name one with make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	sed -n '/^uv==/,/[^\\]$$/p' requirements-dev.txt > $(VENV)/uv.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	$(call INSTALL,requirements.txt)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@pwd -P > $@

$(VENV)/test.ready: requirements-dev.txt $(VENV)/run.ready
	$(call INSTALL,requirements-dev.txt)
	@touch $@

$(VENV)/deploy.ready: requirements-deploy.txt deploy/kubernetes/schemas/package-lock.json $(VENV)/run.ready
	$(PYTHON) -m venv --clear $(VENV)/deploy
	$(BIN)/uv pip install --quiet --require-hashes --python $(VENV)/deploy/bin/python -r $< \
		|| $(VENV)/deploy/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	npm ci --prefix deploy/kubernetes/schemas --silent --no-audit --no-fund --ignore-scripts
	@touch $@
