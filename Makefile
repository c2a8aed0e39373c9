# Everything there is to do here. Each target installs what it lacks, and no more (.ci/install says how).

.DEFAULT_GOAL := help
SHELL := bash
.PHONY: help demo pkg check test simulate test-crash test-leave test-tabs test-space bench fmt clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: pkg ## build the package and the demo, serve it, print its address
	@.ci/install node-modules:www
	@npm --prefix www start --silent

pkg: ## build the npm package into pkg/dist and print its sizes
	@.ci/package

check: ## formatting, lints, documentation, types, licences; runs no test
	@.ci/check

test: ## check, then every test: native, three browser engines, the packed package, end to end
	@.ci/test $(STEPS)

simulate: ## many simulated machines with crashes and faults: SEEDS of them, 200,000 by default, from FIRST_SEED on
	@.ci/install rust
	@HOARDB_SEEDS=$${SEEDS:-200000} HOARDB_FIRST_SEED=$${FIRST_SEED:-0} \
		cargo test --quiet --locked --profile simulation --test simulation -- --nocapture no_seed

test-crash: pkg ## kill real browsers in the middle of it, KILLS times each (40), and cut the power, CUTS times (10)
	@.ci/torture crash $${KILLS:-40}
	@.ci/torture power $${CUTS:-10}

test-leave: pkg ## leave pages that write, LEAVES times by navigation and as often by closing the tab (100)
	@.ci/torture leave $${LEAVES:-100}

test-tabs: pkg ## four tabs on one hoard in each browser, for MINUTES (10)
	@.ci/torture tabs $$(( $${MINUTES:-10} * 60 ))

test-space: pkg ## run out of space in every way that browsers know; a full disk needs root
	@.ci/torture space

bench: pkg ## measure, natively and in browsers beside other libraries
	@.ci/install rust browsers geckodriver node-modules:benches/browser
	@. .ci/tools.sh && use_tools geckodriver && exec benches/run

fmt: ## format the Rust sources
	@cargo fmt --all

clean: ## remove everything that was built
	@rm -rf target pkg/dist pkg/src/wasm www/dist
