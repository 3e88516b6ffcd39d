# Builds: the web UI into web/dist, then a CMake preset. ccache makes a second build cheap.

export CCACHE_SLOPPINESS=${CCACHE_SLOPPINESS:-pch_defines,time_macros}
JOBS=${JOBS:-$(nproc)}

web_sources_hash() {
    find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print0 |
        sort -z | xargs -0 sha256sum | sha256sum | cut -c1-32
}

make_web() {
    [ -d web/node_modules ] && [ web/node_modules/.package-lock.json -nt web/package-lock.json ] ||
        npm ci --prefix web --no-audit --no-fund || return 1
    npm run build --prefix web && web_sources_hash >web/dist/.sources
}

build_web() {
    [ -f web/package.json ] || return 0
    [ "$(cat web/dist/.sources 2>/dev/null)" = "$(web_sources_hash)" ] && return 0
    step "Build the web UI" "npm's words are above; 'rm -rf web/node_modules' starts afresh" make_web
}

make_preset() { # PRESET [TARGET…]
    local preset=$1
    shift
    cmake --preset "$preset" -DKW_AT_ONCE=ON && cmake --build --preset "$preset" -j "$JOBS" ${1:+--target "$@"}
}

build_preset() { # PRESET [TARGET…]
    step "Build ($1)" "the compiler's words are above; 'rm -rf build/$1' starts afresh" make_preset "$@"
}

cmd_build() {
    install_product && build_web && build_preset release kilowatch &&
        echo "build/release/kilowatch is ready; build/release/kilowatch --help tells what it can do"
}

tracked() { git ls-files --cached --others --exclude-standard "$@"; }

cmd_fmt() {
    install_tests || return 1
    tracked '*.cc' '*.h' | xargs -r clang-format-19 -i
    [ -d web/node_modules ] && npm run --prefix web --if-present fmt
    return 0
}

check_format() { tracked '*.cc' '*.h' | xargs -r clang-format-19 --dry-run --Werror; }

check_tidy() {
    cmake --preset release >/dev/null || return 1
    local files
    files=$(tracked 'src/*.cc' 'sdk/*.cc' | grep -vE '(_(test|fuzz|bench)|/outside/main)\.cc$')
    # shellcheck disable=SC2086
    echo "$files" | xargs -P "$JOBS" -n 4 clang-tidy-19 -p build/release --quiet
}

cmd_lint() {
    local failed=0
    install_tests || return 1
    step "clang-format" "./kw fmt" check_format || failed=1
    step "clang-tidy" "mend what it names; what is off and why stands in .clang-tidy" check_tidy || failed=1
    if [ -f web/package.json ]; then
        [ -d web/node_modules ] || step "npm ci" "npm's words are above" npm ci --prefix web --no-audit --no-fund
        step "Lint the web UI" "mend what it names" npm run --prefix web --if-present lint || failed=1
    fi
    return $failed
}
