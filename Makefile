# The commands of this repository. `make fetch` and `make test` are the two that a newcomer needs.

CARGO ?= cargo
CARGO_TARGET_DIR ?= target
PINFOLD ?= $(CARGO_TARGET_DIR)/release/pinfold
# pinfold has no registry of its own. Where npm is installed, the build takes over the one that npm is configured for;
# elsewhere say NPM_CONFIG_REGISTRY, or write it into pins.toml.
PINFOLD_NPM_REGISTRY ?= $(shell npm config get registry 2>/dev/null)
export PINFOLD_NPM_REGISTRY

.PHONY: help build fetch verify check deny demo parts test interop bench fuzz man clean

help: ## Show what can be made
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

build: ## Build the command with optimisations
	$(CARGO) build --release --locked

fetch: build ## Fetch what pins.toml pins, into tools/
	$(PINFOLD) fetch

verify: build ## Prove that tools/ is what pins.toml pins
	$(PINFOLD) verify

check: ## Formatting, lints, documentation
	$(CARGO) fmt --all --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps --quiet

deny: ## Licences, bans and sources of the crates (needs cargo-deny)
	$(CARGO) deny --config .cargo/deny.toml check bans licenses sources

# Bundles a small program with what pins.toml pins, in a clone, attested and in the sandbox, and does it again.
demo: fetch ## A hermetic build, attested, checked, done again; then with one byte changed (needs node)
	PINFOLD=$(abspath $(PINFOLD)) sh tests/demo/demo.sh

# The crates that stand alone, and the command without what it can be built without.
parts: ## Core alone and the smallest command: lints and tests
	$(CARGO) test --locked --package pinfold-core
	$(CARGO) clippy --locked --package pinfold --no-default-features --all-targets -- -D warnings
	$(CARGO) test --locked --package pinfold --no-default-features

test: ## All tests; none needs the internet
	$(CARGO) test --locked --workspace

# The integration tests are the second program: they sign what the interoperability tests look at.
interop: ## What pinfold signs, before other people's tools (needs the internet; obtains them by pip, npm, apt, cargo)
	$(CARGO) build --locked
	[ -x $(CARGO_TARGET_DIR)/tools/bin/wasmsign2 ] || \
		$(CARGO) install --quiet --locked --root $(CARGO_TARGET_DIR)/tools wasmsign2-cli --version 0.2.8
	WASMSIGN2=$(abspath $(CARGO_TARGET_DIR))/tools/bin/wasmsign2 $(CARGO) test --locked --test it wasm::
	tests=$$($(CARGO) test --locked --no-run --test it --message-format json | \
		sed -n 's/.*"name":"it".*"executable":"\([^"]*\)".*/\1/p') && \
	python3 tests/interop/run.py --pinfold $(CARGO_TARGET_DIR)/debug/pinfold --tests "$$tests" \
		--downloads $(CARGO_TARGET_DIR)/tools/debian

bench: build ## Side by side with other installers and verifiers (takes minutes; obtains them by npm, pip, apt)
	python3 tests/bench/check.py --pinfold $(PINFOLD)
	python3 tests/bench/fetch.py --pinfold $(PINFOLD)
	python3 tests/bench/attest.py --pinfold $(PINFOLD)
	python3 tests/bench/wasm.py --pinfold $(PINFOLD)
	python3 tests/bench/oci.py --pinfold $(PINFOLD)

# libFuzzer's instrumentation needs flags that only a nightly compiler takes, or a stable one under RUSTC_BOOTSTRAP.
FUZZ_SECONDS ?= 60
fuzz: ## Fuzz the parsers, FUZZ_SECONDS each (needs `cargo install cargo-fuzz`)
	@command -v cargo-fuzz >/dev/null || { echo "fuzzing needs cargo-fuzz: cargo install cargo-fuzz"; exit 1; }
	for target in pins archive nar record json statement document bundle root keyless wasm oci; do \
		mkdir -p tests/fuzz/corpus/$$target; \
		case $$target in json|document|bundle|root) seeds=tests/vectors/evidence;; \
			*) seeds=$$(ls -d tests/vectors/$$target 2>/dev/null);; esac; \
		RUSTC_BOOTSTRAP=1 $(CARGO) fuzz run --fuzz-dir tests/fuzz --sanitizer none $$target \
			tests/fuzz/corpus/$$target $$seeds -- \
			-max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=1024 || exit 1; \
	done

man: build ## Write the man pages to target/man/
	$(PINFOLD) man --out target/man

clean: ## Remove what was built and fetched
	$(CARGO) clean
	rm -rf tools .pinfold
