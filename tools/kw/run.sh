# ./kw up and ./kw down: the server with its example configuration in the foreground, and the platform that it
# watches (platform.sh).

# A process that we started is known by its id and the time of its start: ids are used again.
process_mark() { # PID
    echo "$1 $(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20)"
}

is_our_process() { # MARK
    [ -n "$1" ] && [ "$(process_mark "${1%% *}")" = "$1" ]
}

cmd_up() {
    local port=${KW_PORT:-9090} run=${KW_RUN:-$KW_ROOT/run}
    local url=http://localhost:$port pid_file=$run/kilowatch.pid pid
    local targets=kilowatch config=packaging/kilowatch.example.yml
    platform_wanted && targets="kilowatch energy_forecast"
    # shellcheck disable=SC2086
    install_product && build_web && build_preset release $targets || return 1
    if is_our_process "$(cat "$pid_file" 2>/dev/null)"; then
        echo "Kilowatch runs already: $url (./kw down stops it)"
        return 1
    fi
    # Another server there would answer in our place.
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
        echo "port $port is taken by another program"
        echo "  mend: choose another: KW_PORT=9091 ./kw up"
        return 1
    fi
    mkdir -p "$run"
    if platform_wanted; then
        trap 'echo; stop_platform "$run"; exit 0' INT TERM
        if ! start_platform "$run" || ! config=$(python3 tools/kw/platform_config.py "$run" "$port"); then
            # Watching this machine needs no platform.
            echo "  Kilowatch starts without it."
            stop_platform "$run"
            config=packaging/kilowatch.example.yml KW_PLATFORM=off
        fi
    fi
    build/release/kilowatch serve --config.file="$config" \
        --storage.path="$run/data" --web.listen-address="127.0.0.1:$port" --web.enable-lifecycle \
        >"$run/kilowatch.log" 2>&1 &
    pid=$!
    process_mark "$pid" >"$pid_file"
    # shellcheck disable=SC2064
    trap "kill -TERM $pid 2>/dev/null; wait $pid; rm -f '$pid_file'; echo; echo 'Kilowatch has stopped.'; stop_platform '$run'; exit 0" INT TERM
    printf '▸ %s\n' "Start Kilowatch"
    local tries=0
    until curl -fsS -o /dev/null "$url/-/ready" 2>/dev/null; do
        if ! kill -0 "$pid" 2>/dev/null; then
            echo "Kilowatch did not start; its last lines (${run#"$KW_ROOT"/}/kilowatch.log):"
            tail -n 20 "$run/kilowatch.log" | sed 's/^/    /'
            echo "  mend: if port $port is taken, choose another: KW_PORT=9091 ./kw up"
            rm -f "$pid_file"
            stop_platform "$run"
            return 1
        fi
        tries=$((tries + 1))
        if [ $tries -gt 600 ]; then
            echo "Kilowatch is not ready after a minute; see $run/kilowatch.log"
            kill -TERM "$pid"
            stop_platform "$run"
            return 1
        fi
        sleep 0.1
    done
    cat <<TEXT

  Kilowatch is ready:  $url
  Try:                 curl -g '$url/api/v1/query?query=rate(process_cpu_seconds_total[5m])'
  Data:                $run/data      Log: $run/kilowatch.log
TEXT
    platform_wanted && cat <<TEXT
  Platform:            http://localhost:8000/health (API), :8001 (model service), :8002 (gateway)
  Faults on command:   ./kw fault errors --for 5m      (./kw fault lists them)
  Its logs:            $run/platform/*.log
TEXT
    echo "  Ctrl-C stops all of it."
    wait "$pid"
    local status=$?
    rm -f "$pid_file"
    stop_platform "$run"
    return $status
}

cmd_down() {
    local run=${KW_RUN:-$KW_ROOT/run} mark
    local had_platform=
    is_our_process "$(cat "$run/platform.pid" 2>/dev/null)" && had_platform=1
    mark=$(cat "$run/kilowatch.pid" 2>/dev/null)
    if ! is_our_process "$mark"; then
        [ -n "$had_platform" ] || echo "nothing that ./kw up started is running"
        stop_platform "$run"
        return
    fi
    kill -TERM "${mark%% *}"
    for _ in $(seq 300); do
        is_our_process "$mark" || { echo "Kilowatch has stopped."; stop_platform "$run"; return; }
        sleep 0.1
    done
    echo "process ${mark%% *} did not stop within 30 s; see $run/kilowatch.log"
    return 1
}
