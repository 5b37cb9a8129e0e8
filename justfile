# The same words CI uses.

# format, lints, docs
check:
    cargo fmt --all --check
    cargo clippy --locked --all-targets -- -D warnings
    cargo check --locked --no-default-features
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps

# every test
test:
    cargo test --locked

# speed beside the named peers (see benches/)
bench:
    cargo bench

# write docs/keys.md and docs/catalogue.md from the registries
docs:
    cargo run --quiet -- docs --out docs

# all that CI runs
ci:
    bash .ci/run

# features beside librosa, torchaudio and openSMILE; PYTHON names an interpreter that has them
bench-features rounds="100":
    "${PYTHON:-python3}" benches/features_ratio.py "$(cargo bench --locked --bench features --no-run --message-format=json | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)" {{rounds}}

# training step and inference beside PyTorch, eager and compiled; PYTHON names an interpreter that has it
bench-cnn rounds="40" threads="2":
    "${PYTHON:-python3}" benches/torch_ratio.py "$(cargo bench --locked --bench cnn --no-run --message-format=json | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)" {{rounds}} {{threads}}

# classical classifiers beside scikit-learn, as docs/baselines.md; PYTHON names an interpreter that has it, CORPUS the folder of EmoDB
baselines CORPUS="../shared/corpora/emodb/wav" rounds="3":
    "${PYTHON:-python3}" benches/baselines.py "$(cargo bench --locked --bench baselines --no-run --message-format=json | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)" --corpus "{{CORPUS}}" --rounds {{rounds}} --out docs/baselines.md

# valgrind over the tests of the one file with unsafe code of the engine and of what calls it
memcheck:
    valgrind --error-exitcode=9 "$(cargo test --locked --lib --no-run --message-format=json | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)" --test-threads=1 learn::cnn::kernel learn::cnn::fused

# the shipped models again, to the same weights on the same kind of processor; CORPORA holds emodb/
models CORPORA:
    cargo run --release --locked --quiet -- train "{{CORPORA}}/emodb/wav" --model cnn --norm train --plan loso -o models/emodb-cnn

# labels at scale in a real terminal, and under faults (as root also on a full disk and without permission)
bench-labels CLIPS="1000000" KILLS="1000":
    cargo bench --locked --bench labels -- faults {{KILLS}}
    cargo bench --locked --bench labels -- scale {{CLIPS}}

# hearing over a slow line: 200 ms there and back, 256 kbit/s, unless told otherwise; CORPUS holds clips
bench-remote CORPUS="../shared/corpora/emodb/wav" delay="200" kbit="256":
    cargo bench --locked --bench remote -- "{{CORPUS}}" {{delay}} {{kbit}}

# how often the intervals cover and the tests cry wolf, by simulation: the tables of docs/evaluation.md
bench-statistics:
    cargo bench --locked --bench statistics

# the examples of docs/evaluation.md again, from real runs; CORPORA holds emodb/
evaluation CORPORA:
    cargo build --release --locked --quiet
    python3 docs/examples.py docs/evaluation.md target/release/emolab "{{CORPORA}}"

# the terminal in a real pty: idle, over SSH while it plays, and keys on so many clips while a training runs
bench-tui CLIPS="1000000":
    cargo bench --locked --bench tui -- {{CLIPS}}

# every parser so many seconds with libFuzzer, guided by coverage and watched by AddressSanitizer; needs a nightly toolchain
fuzz seconds="600":
    #!/usr/bin/env bash
    set -euo pipefail
    cd fuzz
    cover="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters"
    cover="$cover -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares"
    export RUSTFLAGS="--cfg fuzzing $cover -Zsanitizer=address -Cdebug-assertions"
    cargo +nightly build --release --target "$(rustc -vV | sed -n 's/host: //p')"
    for target in messages companion exchange decode segment spec features; do
        mkdir -p "corpus/$target" "artifacts/$target"
        "${CARGO_TARGET_DIR:-target}/$(rustc -vV | sed -n 's/host: //p')/release/$target" -max_total_time={{seconds}} -timeout=30 \
            -rss_limit_mb=3000 -malloc_limit_mb=2000 -artifact_prefix="artifacts/$target/" "corpus/$target"
    done
