# Packages and installation. The Makefile includes this file.

# The version is that of the tag: v1.2.3, or v1.2.3+5.g0123abc for the fifth commit after
# it. In a semantic version what follows the + does not count, and dpkg and rpm take it for
# later than 1.2.3. Without git or without a tag it is v0.0.0+g0123abc or v0.0.0.
GIT_VERSION := $(shell git describe --tags --match 'v[0-9]*' --dirty=.dirty 2>/dev/null | sed -E 's/-([0-9]+)-g/+\1.g/')
GIT_COMMIT := $(shell git describe --always --dirty=.dirty --exclude '*' 2>/dev/null)
VERSION ?= $(or $(GIT_VERSION),v0.0.0$(addprefix +g,$(GIT_COMMIT)))
# The time that files in packages have, so that one commit makes the same packages again.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || date +%s)
export SOURCE_DATE_EPOCH

# No C: one program runs on every Linux, with whatever C library, or none.
GO_BUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags='-s -w -X main.version=$(VERSION)'

# Where programs and packages are put. Tests have folders of their own.
BIN ?= bin
# What is made before the program. Tests leave it out: others read the same files.
LEARN_FIRST ?= learn

# Where "make install" installs to: below DESTDIR, if that is set.
PREFIX ?= /usr/local
DESTDIR ?=
SYSCONFDIR ?= /etc
# The program to install.
PROGRAM ?= $(BIN)/conch
# The prefix by which unit files name the program.
RUN_PREFIX ?= $(PREFIX)
# Debian's zsh looks for completions below vendor-completions.
ZSH_COMPLETIONS ?= site-functions

# Manual pages and completions are made by the program for this machine.
.PHONY: documents
documents: build
	@rm -rf $(BIN)/man $(BIN)/completions && mkdir -p $(BIN)/man $(BIN)/completions
	@$(BIN)/conch man $(BIN)/man
	@$(BIN)/conch completion bash > $(BIN)/completions/conch.bash
	@$(BIN)/conch completion zsh > $(BIN)/completions/_conch
	@$(BIN)/conch completion fish > $(BIN)/completions/conch.fish

.PHONY: install
install: documents ## install below PREFIX=/usr/local (DESTDIR=, SYSCONFDIR=/etc)
	@$(MAKE) --silent --no-print-directory copy OS=$$(go env GOOS)

# $(call installed,FILE) writes a file of packaging/linux with the paths of this installation.
installed = sed -e 's|/usr/bin/conch|$(RUN_PREFIX)/bin/conch|g' -e 's|/etc/conch|$(SYSCONFDIR)/conch|g' packaging/linux/$(1)

# copy installs what is built already. Settings that are there are left alone.
.PHONY: copy
copy: TO = $(DESTDIR)$(PREFIX)
copy: ETC = $(DESTDIR)$(SYSCONFDIR)
copy:
	install -D -m 755 $(PROGRAM) $(TO)/bin/conch
	@for page in $(BIN)/man/*.1; do install -D -m 644 $$page $(TO)/share/man/man1/$${page##*/} && gzip -9 -n -f $(TO)/share/man/man1/$${page##*/} || exit 1; done
	install -D -m 644 $(BIN)/completions/conch.bash $(TO)/share/bash-completion/completions/conch
	install -D -m 644 $(BIN)/completions/_conch $(TO)/share/zsh/$(ZSH_COMPLETIONS)/_conch
	install -D -m 644 $(BIN)/completions/conch.fish $(TO)/share/fish/vendor_completions.d/conch.fish
	@for file in README.md CHANGELOG.md LICENSE docs/USING.md docs/COMMANDS.md docs/OPERATIONS.md docs/NODE.md docs/TLS.md docs/SECURITY.md docs/FENCING.md; do \
	  install -D -m 644 $$file $(TO)/share/doc/conch/$${file##*/} || exit 1; done
	install -D -m 644 internal/metrics/alerts.yml $(TO)/share/doc/conch/alerts.yml
	install -D -m 644 internal/metrics/dashboard.json $(TO)/share/doc/conch/dashboard.json
ifeq ($(OS),linux)
	@mkdir -p $(TO)/lib/systemd/system $(TO)/lib/sysusers.d $(ETC)/conch $(ETC)/logrotate.d
	@for unit in conch.service conch@.service conch-job@.service conch-job@.timer; do \
	  $(call installed,systemd/$$unit) > $(TO)/lib/systemd/system/$$unit && chmod 644 $(TO)/lib/systemd/system/$$unit || exit 1; done
	install -m 644 packaging/linux/systemd/sysusers.conf $(TO)/lib/sysusers.d/conch.conf
	@[ -e $(ETC)/conch/conch.env ] || install -m 644 packaging/linux/conch.env $(ETC)/conch/conch.env
	@[ -e $(ETC)/logrotate.d/conch ] || install -m 644 packaging/linux/logrotate $(ETC)/logrotate.d/conch
endif

# What packages are made of and for. Their versions have no v.
DIST ?= $(BIN)/dist
RELEASE := $(VERSION:v%=%)
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64

.PHONY: dist
dist: documents $(TOOLS)/nfpm $(TOOLS)/cyclonedx-gomod ## tar.gz, deb, rpm, checksums and SBOMs, in bin/dist
	@tar --version 2>/dev/null | grep -q GNU || { echo "dist needs GNU tar"; exit 1; }
	@rm -rf $(DIST) && mkdir -p $(DIST)
	@for platform in $(PLATFORMS); do \
	  $(MAKE) --silent --no-print-directory dist-platform OS=$${platform%/*} ARCH=$${platform#*/} || exit 1; done
	@cd $(DIST) && sha256sum *.tar.gz *.deb *.rpm *.cdx.json > SHA256SUMS
	@ls -l $(DIST)

# dist-platform makes the packages of one OS and ARCH.
.PHONY: dist-platform
dist-platform: NAME = conch_$(RELEASE)_$(OS)_$(ARCH)
dist-platform: ROOT = $(abspath $(DIST))/root
dist-platform:
	@echo "dist: $(OS)/$(ARCH)"
	@rm -rf $(ROOT)
	@GOOS=$(OS) GOARCH=$(ARCH) $(GO_BUILD) -o $(ROOT)/conch ./cmd/conch
	@$(TOOLS)/cyclonedx-gomod bin -json -version $(VERSION) -output $(DIST)/$(NAME).cdx.json $(ROOT)/conch 2>/dev/null || \
	  { echo "the SBOM of $(OS)/$(ARCH) was not made"; exit 1; }
	@$(MAKE) --silent --no-print-directory copy OS=$(OS) PROGRAM=$(ROOT)/conch DESTDIR=$(ROOT)/$(NAME) PREFIX= RUN_PREFIX=/usr/local SYSCONFDIR=/etc >/dev/null
	@tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$(SOURCE_DATE_EPOCH) -C $(ROOT) -c $(NAME) | gzip -9 -n > $(DIST)/$(NAME).tar.gz
ifeq ($(OS),linux)
	@for kind in deb rpm; do \
	  rm -rf $(ROOT)/$$kind; zsh=site-functions; [ $$kind = rpm ] || zsh=vendor-completions; \
	  $(MAKE) --silent --no-print-directory copy OS=linux PROGRAM=$(ROOT)/conch DESTDIR=$(ROOT)/$$kind PREFIX=/usr SYSCONFDIR=/etc ZSH_COMPLETIONS=$$zsh >/dev/null && \
	  said=$$(ROOT=$(ROOT)/$$kind ARCH=$(ARCH) VERSION=$(RELEASE) \
	    $(TOOLS)/nfpm package --config packaging/linux/nfpm.yaml --packager $$kind --target $(DIST) 2>&1) || { echo "$$said"; exit 1; }; \
	done
endif
	@rm -rf $(ROOT)

# A tag of an image has no +.
IMAGE ?= conch:$(subst +,-,$(RELEASE))
# What the image is built of.
IMAGE_FOLDER ?= $(BIN)/image

.PHONY: image
image: $(LEARN_FIRST) ## a container image from scratch (needs a Docker engine; IMAGE=NAME:TAG)
	@rm -rf $(IMAGE_FOLDER) && mkdir -p $(IMAGE_FOLDER)/data $(IMAGE_FOLDER)/run
	@GOOS=linux $(GO_BUILD) -o $(IMAGE_FOLDER)/conch ./cmd/conch
	@cp packaging/container/Dockerfile $(IMAGE_FOLDER)/
	@docker build --quiet --tag $(IMAGE) $(IMAGE_FOLDER) >/dev/null
	@echo "the image is $(IMAGE)"

# The plain manifest is what the chart makes by default.
.PHONY: manifest
manifest: $(TOOLS)/helm ## packaging/kubernetes/conch.yaml anew, from the chart
	@cat packaging/kubernetes/head.yaml > packaging/kubernetes/conch.yaml
	@$(TOOLS)/helm template conch packaging/helm/conch --namespace conch --kube-version 1.31.0 >> packaging/kubernetes/conch.yaml
