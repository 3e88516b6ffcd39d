# Installs what is missing, from Debian's packages and npm alone. Services that a package brings are not started:
# a temporary policy-rc.d answers 101, so that Debian's prometheus or redis never come up on the user's ports.

missing_packages() { # LIST…
    local package
    sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@" | while read -r package; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || echo "$package"
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

apt_install() { # PACKAGE…
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e $policy ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null && as_root chmod +x $policy && made=1
    fi
    as_root apt-get update -q &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
    local status=$?
    [ -n "$made" ] && as_root rm -f $policy
    return $status
}

install_packages() { # LIST…
    local missing
    missing=$(missing_packages "$@")
    [ -z "$missing" ] && return 0
    # shellcheck disable=SC2086
    step "Install $(echo "$missing" | wc -l) Debian packages" \
        "check 'apt-get update'; as a plain user run this once with sudo: apt-get install $(echo $missing)" \
        apt_install $missing
}

node_is_new_enough() {
    local version
    version=$("$1" --version 2>/dev/null) || return 1
    version=${version#v}
    local major=${version%%.*} minor=${version#*.}
    minor=${minor%%.*}
    [ "$major" -gt 20 ] || { [ "$major" -eq 20 ] && [ "$minor" -ge 19 ]; }
}

fetch_node() {
    command -v npm >/dev/null || apt_install npm || return 1
    mkdir -p build/node && npm install --prefix build/node --no-audit --no-fund --no-save node@22
}

# Vite needs Node 20.19 or newer; Debian's own is older, so it then comes from the npm package node@22.
install_node() {
    local own=$KW_ROOT/build/node/node_modules/node/bin
    if command -v node >/dev/null && command -v npm >/dev/null && node_is_new_enough node; then return 0; fi
    if ! node_is_new_enough "$own/node"; then
        step "Install Node 22 into build/node" "check that npm reaches its registry: npm ping" fetch_node || return 1
    fi
    export PATH=$own:$PATH
}

install_product() { install_packages tools/packages/product.txt && install_node; }
install_tests() { install_packages tools/packages/product.txt tools/packages/test.txt && install_node; }
