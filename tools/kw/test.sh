# ./kw test, ./kw conformance, ./kw bench.
#   release   end-to-end tests with the real binary, conformance, docs, the web UI, and the unit tests of programs
#             (PROGRAM_TESTS); with --full all unit tests
#   asan      the other unit tests, those of engines and parsers, and every fuzz target over its corpus, under
#             AddressSanitizer and UBSan
#   tsan      the tests that race (TSAN_TESTS), without what is one thread and long
# The last line counts test cases: 'N passed, N failed, N skipped'.

PROGRAM_TESTS="app_test energy_forecast_test sdk_cpp_test"
TSAN_TESTS="base_test net_test tsdb_test intake_test scrape_test promql_test sdk_cpp_test rules_test state_test alerting_test"

have_targets() { # PRESET NAME…: those of the names that the preset builds
    local preset=$1 name
    shift
    for name in "$@"; do
        ninja -C "build/$preset" -t query "$name" >/dev/null 2>&1 && echo "$name"
    done
}

# Every unit test and fuzzer that the preset knows.
unit_targets() { # PRESET
    ninja -C "build/$1" -t targets all 2>/dev/null | sed -nE 's/^([a-z0-9_]+_(test|fuzz)): phony$/\1/p' | grep -v '^cmake_'
}

# Of the release's tests one more at a time than there are cores: most wait rather than compute.
run_ctest() { # PRESET [ctest arguments…]
    local preset=$1 jobs=$JOBS
    shift
    [ "$preset" = release ] && jobs=$((JOBS + 1))
    ctest --test-dir "build/$preset" -j "$jobs" --output-on-failure "$@"
}

# Adds the cases that a ctest log names to PASSED, FAILED and SKIPPED.
count_cases() { # PRESET
    local log=build/$1/Testing/Temporary/LastTest.log counts
    [ -f "$log" ] || return 0
    counts=$(python3 tools/kw/count_cases.py "$log")
    read -r passed failed skipped <<<"$counts"
    PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
}

test_preset() { # PRESET [ctest arguments…]
    local preset=$1 status
    shift
    step "Test ($preset)" "build/$preset/Testing/Temporary/LastTest.log has all; one alone: build/$preset/src/NAME" \
        run_ctest "$preset" "$@"
    status=$?
    count_cases "$preset"
    return $status
}

any_of() { # NAME…: a regular expression
    local IFS='|'
    echo "^($*)\$"
}

configure() { # PRESET [cmake arguments…]
    local preset=$1
    shift
    step "Configure ($preset)" "cmake's words are above" cmake --preset "$preset" -DKW_AT_ONCE=ON "$@"
}

cmd_test() {
    local result=0
    PASSED=0 FAILED=0 SKIPPED=0
    case "${1:-}" in
        --full) export KW_FULL=1 ;;
        "") ;;
        *) echo "kw test: unknown argument '$1'; there is --full" >&2; return 2 ;;
    esac
    install_tests && build_web || return 1
    if [ -f web/package.json ]; then
        step "Test the web UI's units" "npm test --prefix web runs them alone" npm test --prefix web || result=1
    fi
    configure release -DKW_ENGINE_TESTS="${KW_FULL:-0}" && build_preset release || return 1
    test_preset release || result=1
    configure asan || return 1
    # shellcheck disable=SC2046,SC2086
    build_preset asan $(unit_targets asan | grep -vxF "$(printf '%s\n' $PROGRAM_TESTS)") || return 1
    # The long random runs and kills are the release build's: what the sanitizers see is in the usual ones already, and
    # they would take ten times as long. The fuzzers' limits are in the build.
    unset KW_FULL
    ASAN_OPTIONS=detect_stack_use_after_return=1 test_preset asan -L 'unit|fuzz' -E "$(any_of $PROGRAM_TESTS)" || result=1
    configure tsan || return 1
    # shellcheck disable=SC2046,SC2086
    build_preset tsan $(have_targets tsan $TSAN_TESTS) || return 1
    GTEST_FILTER='-*Crash*:*Model*:Compaction*:Block*:PlanCompaction*' TSAN_OPTIONS="halt_on_error=1 suppressions=$KW_ROOT/tools/tsan.supp" \
        test_preset tsan -R "$(any_of $TSAN_TESTS)" || result=1
    echo
    echo "Took $(((SECONDS - KW_STARTED) / 60)) min $(((SECONDS - KW_STARTED) % 60)) s."
    [ $result -ne 0 ] && [ "$FAILED" -eq 0 ] && FAILED=1
    echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
    return $result
}

cmd_conformance() {
    install_product && build_preset release kw_conformance || return 1
    build/release/tests/kw_conformance "$@"
}

cmd_bench() {
    install_tests && build_preset release kilowatch energy_forecast || return 1
    python3 bench/run.py "$@"
}
