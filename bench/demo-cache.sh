# -*- shell-script -*-
# SPDX-License-Identifier: Apache-2.0
#
# The part of "./quickstart demo" that shows the pipeline cache, with the
# functions of quickstart: one download, through three conntrack zones with
# SNAT, with the cache off and on.  Both ways take turns, so that what else the
# host does is felt by both.

DOWNLOAD_MB=100 ROUNDS=3
CLIENT=02:00:00:00:01:01 SERVER=02:00:00:00:01:02 ROUTER=02:00:00:00:01:fe

show_cache() {
    local mode round

    heading "The pipeline cache: a download through three zones with SNAT"
    cat <<'END'
   client ---- br-nat: zone 1, zone 2 with SNAT, zone 3 ---- server
   10.1.0.2            and back       (to 192.0.2.9)         192.0.2.2
END
    add_nat
    truncate -s "${DOWNLOAD_MB}M" "$DIR/server/file"
    BEST_US=(0 0) PACKETS=(0 0) PASSES=(0 0) USER_US=(0 0) KERNEL_US=(0 0)
    HITS=(0 0)
    for ((round = 0; round < ROUNDS; round++)); do
        for mode in 0 1; do
            fetch_file $mode
        done
    done
    show_comparison
    show_stages
}

add_nat() {
    cable client0 client $CLIENT 10.1.0.2
    cable server0 server $SERVER 192.0.2.2
    # The bridge doesn't answer ARP.
    ip -n "$NAME-client" route add default via 10.1.0.1
    ip -n "$NAME-client" neigh add 10.1.0.1 lladdr $ROUTER dev eth0
    ip -n "$NAME-server" neigh add 192.0.2.9 lladdr $ROUTER dev eth0
    serve server 192.0.2.2
    run ovs-vsctl add-br br-nat -- set Bridge br-nat datapath_type=netdev \
        fail_mode=secure \
        -- add-port br-nat client0 -- set Interface client0 ofport_request=1 \
        -- add-port br-nat server0 -- set Interface server0 ofport_request=2
    nat_flows > "$DIR/nat.flows"
    run ovs-ofctl add-flows br-nat "$DIR/nat.flows"
    page client 192.0.2.2 server
}

nat_flows() {
    cat <<END
table=0,in_port=1,ip actions=ct(zone=1,table=1)
table=1,cookie=1,ct_state=+new,ip actions=ct(commit,zone=1,table=2)
table=1,cookie=1,ct_state=+est,ip actions=resubmit(,2)
table=2,cookie=2,ip actions=ct(zone=2,nat,table=3)
table=3,cookie=2,ct_state=+new,ip \
actions=ct(commit,zone=2,nat(src=192.0.2.9),table=4)
table=3,cookie=2,ct_state=+est,ip actions=resubmit(,4)
table=4,cookie=3,ip actions=ct(zone=3,table=5)
table=5,cookie=3,ct_state=+new,ip actions=ct(commit,zone=3),resubmit(,6)
table=5,cookie=3,ct_state=+est,ip actions=resubmit(,6)
table=6,ip actions=mod_dl_src:$ROUTER,mod_dl_dst:$SERVER,dec_ttl,output:2
table=0,in_port=2,ip actions=ct(zone=3,table=7)
table=7,cookie=3,ct_state=+est,ip actions=ct(zone=2,nat,table=8)
table=8,cookie=2,ct_state=+est,ip actions=ct(zone=1,table=9)
table=9,cookie=1,ct_state=+est,ip \
actions=mod_dl_src:$ROUTER,mod_dl_dst:$CLIENT,dec_ttl,output:1
END
}

# fetch_file MODE: with the cache off (0) or on (1); adds to its figures.
fetch_file() {
    local mode=$1 user kernel us size switch=(false true)

    ovs-vsctl set Open_vSwitch . "other_config:vnic-cache=${switch[mode]}"
    ovs-appctl dpif-netdev/pmd-stats-clear > /dev/null
    read -r user kernel < <(cpu_us)
    # Its own clock, in microseconds: ours would count its start.
    read -r us size < <(inside client curl -sS --max-time 20 -o /dev/null \
        -w '%{time_total} %{size_download}\n' http://192.0.2.2/file |
        tr -d .) || fail "client gets no file from the server"
    ((size == DOWNLOAD_MB << 20)) || fail "client got $size bytes of the file"
    # Of time, unlike CPU time, others take a part: the best download tells.
    us=$((10#$us))
    ((BEST_US[mode] && BEST_US[mode] < us)) || BEST_US[mode]=$us
    ((USER_US[mode] -= user, KERNEL_US[mode] -= kernel, 1))
    read -r user kernel < <(cpu_us)
    ((USER_US[mode] += user, KERNEL_US[mode] += kernel, 1))
    ((PACKETS[mode] += $(main_thread 'packets received'), 1))
    ((PASSES[mode] += $(main_thread 'packet recirculations'), 1))
    ((HITS[mode] += $(cache_hits), 1))
}

# Of the main thread, which polls these ports, in user mode and in the kernel.
cpu_us() {
    local pid

    pid=$(< "$DIR/ovs-vswitchd.pid")
    sed 's/.*) //' "/proc/$pid/task/$pid/stat" |
        awk -v "tick=$((1000000 / $(getconf CLK_TCK)))" \
            '{ print $12 * tick, $13 * tick }'
}

main_thread() {
    ovs-appctl dpif-netdev/pmd-stats-show |
        awk -v "name=$1: " '/^[a-z]/ { is_main = /^main/ }
             is_main && index($0, name) { n = $NF }
             END { print n + 0 }'
}

cache_hits() {
    ovs-appctl vnic/cache-show |
        awk '/^  hits: / && !n { n = $2 } END { print n + 0 }'
}

# figure FORMAT NUMERATOR DENOMINATOR
figure() { awk "BEGIN { printf \"$1\", ($2) / ($3) }"; }

row() { say "$(printf '%-42s %10s %10s' "$@")"; }

show_comparison() {
    local mode plot=$BUILD/demo-cache.svg rate=() user=() kernel=() passes=()
    local hits

    for mode in 0 1; do
        rate[mode]=$(figure %.0f "$DOWNLOAD_MB * 1048576" "${BEST_US[mode]}")
        user[mode]=$(figure %.2f "${USER_US[mode]}" "${PACKETS[mode]}")
        kernel[mode]=$(figure %.2f "${KERNEL_US[mode]}" "${PACKETS[mode]}")
        passes[mode]=$(figure %.2f "${PACKETS[mode]} + ${PASSES[mode]}" \
            "${PACKETS[mode]}")
    done
    hits=$(figure %.1f "100 * ${HITS[1]}" "${PACKETS[1]}")
    row "$ROUNDS downloads of $DOWNLOAD_MB MB each" "cache off" "cache on"
    row "megabytes per second, the best of them" "${rate[@]}"
    row "packets" "${PACKETS[@]}"
    row "passes of a packet through the pipeline" "${passes[@]}"
    row "found in the cache" - "$hits %"
    row "CPU time per packet in the switch, us" "${user[@]}"
    row "   and in the kernel, for its devices, us" "${kernel[@]}"
    ((HITS[1] * 100 >= PACKETS[1] * 95)) ||
        fail "the cache should have known 95 % of the packets"
    python3 -B "$TOP/bench/demo_plot.py" "${rate[@]}" "${user[@]}" \
        > "$plot.tmp"
    mv "$plot.tmp" "$plot"
    say "A plot of this is in $plot."
    say "The devices, the kernel's, take more time than the pipeline does."
    say "The benchmark has others, and more pipelines and flows:"
    say "  make -C $BUILD bench-cache BENCHFLAGS=--quick"
}

show_stages() {
    heading "What the cache holds of the download: stages, rules, connections"
    run ovs-appctl vnic/cache-explain client0 tcp | cut -c 1-110 > \
        "$DIR/stages"
    awk '/^entry/ { show = /^entry:/ && !n++ } show' "$DIR/stages" | indent
    grep -q 'table=2 cookie=0x2' "$DIR/stages" ||
        fail "the entry of a download should name its rules"
}
