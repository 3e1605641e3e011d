#!/bin/sh
# Downloads a model to the folder of a dedicated Ollama, which sees it without a restart: pull MODEL MAXIMUM RESERVE
# MAXIMUM: KiB in the folder beside the models that are there. RESERVE: KiB that its disk keeps free. Exit codes: 81 too large, 82 disk full, 83 not downloaded.
set -u
models=$HOME/.ollama
used() { du -sk "$models" 2>/dev/null | cut -f 1; }
free() { df -Pk "$models" | awk 'NR == 2 { print $4 }'; }
# What is left of downloads does not count among these, so that it takes up the room of the next one and not more of the disk.
listed() { ollama list | awk '{ unit["KB"] = 1e3; unit["MB"] = 1e6; unit["GB"] = 1e9; unit["TB"] = 1e12; bytes += $3 * unit[$4] } END { printf "%.0f", bytes / 1024 }'; }
# What is left of a download that will not be continued. Also run by DockerModels.RemoveAsync.
clean() { rm -f "$models"/pulling "$models"/models/blobs/*-partial*; }
stop() {
    kill "$pull" "$server"
    wait
    clean
}

# A download that was interrupted is continued. Before any other one, the server removes what belongs to no model.
if [ "$(head -c 500 "$models/pulling" 2>/dev/null)" = "$1" ]; then
    export OLLAMA_NOPRUNE=1
else
    clean
    printf %s "$1" >"$models/pulling"
fi

ollama serve >/tmp/server.log 2>&1 &
server=$!
until ollama list >/dev/null 2>&1; do
    kill -0 "$server" 2>/dev/null || { cat /tmp/server.log >&2; exit 1; }
    sleep 1
done

start=$(listed)
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
rm -f "$models/pulling"
