# Everyday commands. `tests/run --help` says what the checks and tests take.

# Formatting, lints, licences, tidiness
check:
    tests/run check

# The crates' tests and the end-to-end tests; sizes and pytest's arguments may follow: just test --rounds 20
test *arguments:
    tests/run unit it {{arguments}}

# Everything in one process on the embedded default
up *arguments:
    cargo run --release -- up {{arguments}}
