# csph. `make up` sets everything up and runs the main job; `make test` runs every test.

BIN        := bin
STATE      ?= /var/lib/csph
HTTP       ?= :80
HTTPS      ?= :443
SSH        ?= :2222
API        ?= 127.0.0.1:7070
VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS    := -s -w -X main.version=$(VERSION)
# The race detector, but for the C of SQLite as it was translated: that works on memory of its own, which the detector does not
# look at, and asking it all the same is two thirds of the time of tests with records.
RACE       := -race -gcflags=modernc.org/sqlite/lib=-race=false
# What takes minutes comes first, for all else to run beside it: each package is tested once.
LONGEST    := ./test/e2e ./builder ./runtime/containerd ./cmd/csph ./api ./store

.PHONY: up down build daemons testca packages test e2e race bench bench-router golden lint fmt dev trace clean

up: packages daemons build ## everything needed, then the main job: push an app, see it served
	@STATE=$(STATE) HTTP=$(HTTP) HTTPS=$(HTTPS) SSH=$(SSH) API=$(API) etc/scripts/up.sh

down: ## stop csphd; apps keep running, state stays
	@STATE=$(STATE) etc/scripts/down.sh

build: ## bin/csphd, bin/csph and what goes into spherelets: csph-log, csph-init, csph-files, csph-sftp
	@echo "-----> Building csph"
	@printf '       %-44s' "csphd, csph (minutes the first time)"; began=$$(date +%s); \
	CGO_ENABLED=0 etc/scripts/dots.sh go build -trimpath -ldflags '$(LDFLAGS)' -o $(BIN)/ ./cmd/... && echo "$$(($$(date +%s) - began)) s"

daemons: packages ## containerd, runc, buildkitd: minutes the first time, then nothing
	@echo "-----> Building the daemons: containerd, runc, buildkitd (minutes the first time)"
	@etc/scripts/dots.sh etc/daemons/build.sh $(BIN)

testca: ## the certificate authority that tests order from
	@etc/acme/build.sh $(BIN)

packages: ## what Debian has that csph needs
	@echo "-----> Packages"
	@etc/scripts/packages.sh

test: packages daemons testca build lint ## every test, end-to-end ones included
	@etc/scripts/packages.sh jq:jq scp:openssh-client sshfs:sshfs
	@echo "-----> Testing: nothing is said until what takes longest has ended"
	go test $(RACE) -timeout 60m $(LONGEST) ./...

e2e: packages daemons testca build ## the end-to-end scripts alone; RUN=name picks one
	go test -count=1 -timeout 60m ./test/e2e/... $(if $(RUN),-run 'TestScripts/$(RUN)')

race: ## unit tests, with the race detector
	go test $(RACE) -short ./...

bench: packages daemons build ## ratios against raw floors, measured in the same run
	@etc/scripts/bench.sh

bench-router: packages ## CPU a request against nginx, HAProxy and Caddy, side by side
	@etc/scripts/packages.sh wrk:wrk nginx:nginx-light haproxy:haproxy h2load:nghttp2-client
	@etc/caddy/build.sh $(BIN)
	go run ./router/bench

golden: ## write the golden files anew; review them as a diff
	go test ./buildpacks/... ./transcript/... ./builder/... -run Golden -update

lint: ## gofmt, vet
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { echo "gofmt would change:"; gofmt -l $$(git ls-files '*.go'); exit 1; }
	go vet ./...

fmt:
	gofmt -w $$(git ls-files '*.go')

dev: daemons build ## csphd in the foreground, state in .build/dev
	$(BIN)/csphd serve --state $(CURDIR)/.build/dev --http 127.0.0.1:8088 --https 127.0.0.1:8443 --ssh 127.0.0.1:2223 --api 127.0.0.1:7071

trace: ## the story of one deployment: make trace DEPLOYMENT=dep_…
	@$(BIN)/csph deployments get $(DEPLOYMENT) -o json
	@$(BIN)/csph events --deployment $(DEPLOYMENT)
	@$(BIN)/csph logs --build --deployment $(DEPLOYMENT)

clean: ## what was built; state stays
	rm -rf $(BIN) .build
