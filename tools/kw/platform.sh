# The watched platform beside Kilowatch, and faults on command. `energy-forecast run` supervises all of it (its
# PostgreSQL and Redis, too), so there is one process to start and to stop.

platform_wanted() { [ "${KW_PLATFORM:-on}" != off ]; }

# Starts it in the background; PLATFORM_PID is its process. KW_PLATFORM_ARGS has further options of `run`.
start_platform() { # RUN
    local run=$1 log=$1/platform.log
    mkdir -p "$run"
    if is_our_process "$(cat "$run/platform.pid" 2>/dev/null)"; then
        echo "The platform runs already (./kw down stops it)"
        return 1
    fi
    printf '▸ %s\n' "Start the platform, its PostgreSQL and its Redis"
    # shellcheck disable=SC2086
    setsid build/release/energy-forecast run --run-folder="$run/platform" --share="$KW_ROOT/examples/energy-forecast" \
        ${KW_PLATFORM_ARGS:-} >"$log" 2>&1 &
    PLATFORM_PID=$!
    process_mark "$PLATFORM_PID" >"$run/platform.pid"
    local tries=0
    until grep -q '^ready$' "$log" 2>/dev/null; do
        if ! kill -0 "$PLATFORM_PID" 2>/dev/null; then
            echo "The platform did not start:"
            tail -n 5 "$log" | sed 's/^/    /'
            echo "  mend: as it says; or KW_PLATFORM=off ./kw up for Kilowatch alone"
            rm -f "$run/platform.pid"
            return 1
        fi
        tries=$((tries + 1))
        if [ $tries -gt 1800 ]; then
            echo "The platform is not ready after three minutes; see $run/platform/*.log"
            stop_platform "$run"
            return 1
        fi
        sleep 0.1
    done
}

stop_platform() { # RUN
    local run=$1 mark
    mark=$(cat "$run/platform.pid" 2>/dev/null)
    if is_our_process "$mark"; then
        kill -TERM "${mark%% *}"
        for _ in $(seq 600); do
            is_our_process "$mark" || break
            sleep 0.1
        done
        if is_our_process "$mark"; then
            echo "process ${mark%% *} did not stop within a minute; see $run/platform/*.log"
            return 1
        fi
        echo "The platform has stopped."
    fi
    rm -f "$run/platform.pid"
}

# The port of the platform's control, where faults are commanded.
control_port() {
    sed -n 's/.*"control":\([0-9]*\).*/\1/p' "${KW_RUN:-$KW_ROOT/run}/platform/platform.json" 2>/dev/null
}

cmd_fault() { # [NAME [--for TIME] | NAME --end]
    local port name=${1:-} duration=5m method=POST answer
    port=$(control_port)
    if [ -z "$port" ]; then
        echo "kw fault: no platform is running; ./kw up starts it" >&2
        return 1
    fi
    if [ -z "$name" ]; then
        curl -fsS "http://127.0.0.1:$port/faults" | python3 -c '
import json, sys
for fault in json.load(sys.stdin):
    print("  {name:18}{what}\n  {empty:18}shows in {symptom}".format(empty="", **fault))'
        return
    fi
    shift
    while [ $# -gt 0 ]; do
        case "$1" in
            --for) duration=${2:-}; shift ;;
            --for=*) duration=${1#--for=} ;;
            --end) method=DELETE ;;
            *) echo "kw fault: unknown argument '$1'; want NAME [--for 5m] or NAME --end" >&2; return 2 ;;
        esac
        shift
    done
    # An empty body, so that the request says its length.
    answer=$(curl -s --fail-with-body -X "$method" -d '' "http://127.0.0.1:$port/faults/$name?for=$duration")
    local status=$?
    echo "${answer:-kw fault: port $port does not answer}"
    return $status
}
