#!/bin/sh
# Downloads a model to the folder of a dedicated Ollama, which sees it without a restart: pull MODEL MAXIMUM RESERVE
# MAXIMUM: KiB by which the folder may grow. RESERVE: KiB that its disk keeps free. Exit codes: 81 too large, 82 disk full, 83 not downloaded.
set -u
models=$HOME/.ollama
used() { du -sk "$models" 2>/dev/null | cut -f 1; }
free() { df -Pk "$models" | awk 'NR == 2 { print $4 }'; }
# What is left of a download that will not be continued.
clean() { rm -f "$models"/models/blobs/*-partial*; }
stop() {
    kill "$pull" "$server"
    wait
    clean
}

ollama serve >/tmp/server.log 2>&1 &
server=$!
until ollama list >/dev/null 2>&1; do
    kill -0 "$server" 2>/dev/null || { cat /tmp/server.log >&2; exit 1; }
    sleep 1
done

start=$(used)
ollama pull "$1" &
pull=$!
while kill -0 "$pull" 2>/dev/null; do
    if [ $(($(used) - start)) -gt "$2" ]; then
        stop
        exit 81
    fi
    if [ "$(free)" -lt "$3" ]; then
        stop
        exit 82
    fi
    sleep 1
done
wait "$pull" || { clean; exit 83; }
