# Steps with progress: each prints its name, a heartbeat when it takes long, its time, and when it fails the end
# of its log and how to mend it.

KW_STARTED=$SECONDS
LOGS=$KW_ROOT/build/log

# step NAME MEND COMMAND…: runs COMMAND with its output in build/log/NAME.log.
step() {
    local name=$1 mend=$2
    shift 2
    mkdir -p "$LOGS"
    local log=$LOGS/${name//[^a-zA-Z0-9]/-}.log started=$SECONDS status
    printf '%-44s' "▸ $name"
    "$@" >"$log" 2>&1 </dev/null &
    local pid=$!
    while kill -0 "$pid" 2>/dev/null; do
        sleep 0.2
        local elapsed=$((SECONDS - started))
        if [ -t 1 ]; then
            printf '\r%-44s%4ds  %.60s\033[K' "▸ $name" "$elapsed" "$(tail -n 1 "$log" | tr -d '\r' | tail -c 60)"
        elif [ $((elapsed % 60)) -eq 0 ] && [ "$elapsed" -gt 0 ] && [ "${last_beat:-}" != "$elapsed" ]; then
            local last_beat=$elapsed
            printf ' …%ds' "$elapsed"
        fi
    done
    wait "$pid"
    status=$?
    [ -t 1 ] && printf '\r\033[K%-44s' "▸ $name"
    if [ $status -eq 0 ]; then
        printf ' ok   %4ds\n' $((SECONDS - started))
        return 0
    fi
    printf ' FAILED after %ds (exit %d)\n' $((SECONDS - started)) $status
    echo "  last lines of ${log#"$KW_ROOT"/}:"
    tail -n 40 "$log" | sed 's/^/    /'
    echo "  mend: $mend"
    return $status
}
