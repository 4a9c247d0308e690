#!/usr/bin/env bash
# Trains on two hosts that are network namespaces of this machine, over TCP and nothing else, and compares the weights with
# those of one host; then cuts the link and sees that both ends leave. Needs root, iproute2 and a build with the feature `mpi`:
#
#   scripts/two-hosts.sh target/release/efy [CONFIG.yaml]
#
# The launcher reaches the second host as it would by ssh, through a script that enters its namespace.
set -euo pipefail
efy=$(realpath "$1")
config=$(realpath "${2-"$(dirname "$0")/../configs/label_ranking/iris.yaml"}")
place=$(mktemp -d)
a=efy-a-$$ b=efy-b-$$
tidy() {
    for host in "$a" "$b"; do
        for pid in $(ip netns pids "$host" 2>/dev/null); do kill -9 "$pid" 2>/dev/null || true; done
        ip netns del "$host" 2>/dev/null || true
    done
    rm -rf "$place"
}
trap tidy EXIT
ip netns add "$a"
ip netns add "$b"
ip link add "va$$" netns "$a" type veth peer name "vb$$" netns "$b"
for host in "$a 10.77.0.1 va$$" "$b 10.77.0.2 vb$$"; do
    read -r name address link <<<"$host"
    ip -n "$name" addr add "$address/24" dev "$link"
    ip -n "$name" link set "$link" up
    ip -n "$name" link set lo up
done
# mpirun calls: agent HOST COMMAND...; a host of its own name, so that nothing is shared but files.
cat >"$place/agent" <<AGENT
#!/bin/sh
shift
exec ip netns exec $b unshare --uts sh -c 'hostname second-host; exec sh -c "\$0"' "\$*"
AGENT
chmod +x "$place/agent"
train() {
    timeout 60 ip netns exec "$a" env OMP_NUM_THREADS=1 RAYON_NUM_THREADS=1 EFY_MPI_TIMEOUT="${TIMEOUT-300}" \
        OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 \
        mpirun --host 10.77.0.1:1,10.77.0.2:1 -n 2 --bind-to none --mca plm_rsh_agent "$place/agent" \
        --mca btl tcp,self --mca btl_tcp_if_include 10.77.0.0/24 --mca oob_tcp_if_include 10.77.0.0/24 \
        --mca oob_tcp_keepalive_time 2 --mca oob_tcp_keepalive_intvl 1 --mca oob_tcp_keepalive_probes 3 \
        -x OMP_NUM_THREADS -x RAYON_NUM_THREADS -x EFY_MPI_TIMEOUT -x PATH \
        "$efy" train "$config" --device cpu --quiet --set train.patience=0 "$@"
}
"$efy" train "$config" --device cpu --quiet --set train.patience=0 --set train.epochs=5 --out "$place/one" >/dev/null
train --set train.epochs=5 --out "$place/two" >/dev/null
received=$(ip netns exec "$b" cat "/sys/class/net/vb$$/statistics/rx_bytes")
echo "two hosts: $received bytes came to the second one"
grep -o '"loss":[^,]*' <(tail -c 2000 "$place/one/summary.json" | tr -d ' \n') | tail -1
grep -o '"loss":[^,]*' <(tail -c 2000 "$place/two/summary.json" | tr -d ' \n') | tail -1

TIMEOUT=5 train --set train.epochs=1000000 --set checkpoint.every=50 --out "$place/cut" 2>"$place/told" >/dev/null &
job=$!
until [ -e "$place/cut/checkpoints/latest" ]; do sleep 0.1; done
ip -n "$a" link set "va$$" down
begin=$SECONDS
while pgrep -f "$efy train $config" | xargs -r ps -o comm= -p | grep -qx efy.*; do sleep 0.2; done
echo "link cut: both trainings ended after $((SECONDS - begin)) s"
code=0
wait "$job" || code=$?
echo "mpirun ended after $((SECONDS - begin)) s with code $code"
grep '^efy: ' "$place/told" || true
"$efy" train --resume "$place/cut" --device cpu --quiet --stop-after 1 && echo "the checkpoint $(cat "$place/cut/checkpoints/latest") is good"
