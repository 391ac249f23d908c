set positional-arguments

# List the recipes
default:
    @just --list --unsorted

# Run everything in ./sandbox, with nothing to set up
sandbox *args:
    cargo run --release --locked -- sandbox "$@"

# Run every test; arguments go to the test runner
test *args:
    tests/run "$@"

# Run everything that must hold before a change is merged
ci:
    .ci/run

# Format the code
fmt:
    cargo fmt --all

# Lint the code
lint:
    cargo clippy --workspace --all-targets --locked -- -D warnings

# Build the documentation of the code
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# Check bans, licences and sources of the dependencies
deny:
    cargo deny --locked check bans licenses sources

# Check the unit of systemd and the Dockerfile, as `.ci/run` does (hadolint comes from the network, if it can be had)
deploy-check:
    .ci/check-deploy

# Check the dependencies against the advisory database (75: it cannot be reached, and nothing was checked)
advisories:
    .ci/advisories

# Write what the binary is made of, as CycloneDX (needs the network the first time)
sbom:
    .ci/sbom

# Print figures of the code's structure: sizes, circles of files, the ledger's ports
figures *args:
    .ci/figures "$@"

# Count `unsafe` in what the binary is made of; fails if there is any of ours
unsafe:
    .ci/count-unsafe

# Measure the service on both databases, in closed and open loop (--help tells the options)
bench *args: bench-server
    cargo run --release --locked -p trial-bench -- load "$@"

# Measure everything, in turn with this machine's ceilings: the tables and the picture of docs/performance/
bench-compare *args: bench-server
    cargo run --release --locked -p trial-bench -- compare "$@"
    cargo run --release --locked -p trial-bench -- plot "$@"
    cargo run --release --locked -p trial-bench -- report --write docs/performance/results.md "$@"

# Measure one thing: closed, open, start, flat, attack, hostile, forms, operations, sign-in, ceilings or against
bench-only *args: bench-server
    cargo run --release --locked -p trial-bench -- "$@"

# Measure this tree in turn with another revision, built beside it: the ratio of each figure with its spread
bench-against REV *args: bench-server
    .ci/bench-against "$@"

[private]
bench-server:
    cargo build --release --locked -p trialgate

# Kill and cut off what can be, fifty times on SQLite and twenty times each on PostgreSQL, and compare what was said with what was kept
chaos rounds="50" postgres_rounds="20":
    TRIALGATE_KILL_ROUNDS="{{ rounds }}" TRIALGATE_CHAOS_ROUNDS="{{ postgres_rounds }}" \
        NEXTEST_SUCCESS_OUTPUT=immediate tests/run nothing_acknowledged_is_lost

# Check so many histories of real instances that fail for linearizability
linearize ROUNDS="10":
    TRIALGATE_LINEAR_ROUNDS="{{ ROUNDS }}" NEXTEST_SUCCESS_OUTPUT=immediate tests/run the_answers_of_instances_that_fail

# Play seeds of the simulation
simulate SEEDS="10000" FROM="0":
    cargo run --release --locked -p trial-testkit --example simulate -- seeds "{{ FROM }}" "{{ SEEDS }}"

# Show in how many seeds of the simulation each bug is found that is put in on purpose
simulate-mutations SEEDS="200" FROM="0":
    cargo run --release --locked -p trial-testkit --example simulate -- mutations "{{ FROM }}" "{{ SEEDS }}"

# Fuzz one target or all, guided by coverage, so many seconds each
fuzz TARGET="all" SECONDS="60":
    tests/fuzz/run "{{ TARGET }}" "{{ SECONDS }}"

# Show that fuzzing is guided: a bug that was planted has to be found
fuzz-proof:
    tests/fuzz/run --proof

# Judge a page by Lighthouse, in a sandbox that runs already (needs npm and Chromium)
lighthouse url="http://127.0.0.1:8080/apply":
    CHROME_PATH="${CHROME_PATH:-/usr/bin/chromium}" npx --yes lighthouse@12.8.2 "{{ url }}" --chrome-flags="--headless --no-sandbox" \
        --only-categories=performance,accessibility,best-practices --output=html --output-path=target/lighthouse.html

# Write docs/openapi.json and docs/openapi-ops.json anew
openapi:
    UPDATE_OPENAPI=1 cargo test --locked -p trial-http the_committed_document

# Write the generated parts of docs/*.md anew, and manual pages into target/man
docs:
    UPDATE_DOCS=1 cargo test --locked -p trialgate documents
    cargo run --locked -p trialgate -- man target/man

# Count the files that a setting, a return code and the like touch, by patches in a copy of the tree
cost-of-change *args:
    .ci/cost-of-change "$@"

# Review changed snapshots (needs cargo-insta)
snapshots:
    cargo insta review --workspace
