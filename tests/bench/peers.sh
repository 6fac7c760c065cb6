# SPDX-License-Identifier: Apache-2.0
# Other servers, for comparison. To be sourced by report.

# What is to be compared with, is installed and starts: of each NAME its column.
peers_start() { # NAME...
	for peer in "$@"; do
		case " $peers " in
		*" $peer "*) ;;
		*) continue ;;
		esac
		program=$peer
		[ "$peer" != knot ] || program=knotd
		if command -v "$program" >/dev/null && "${peer}_start"; then
			servers="$servers $peer"
		else
			echo "$peer is not installed or did not start: no column for it"
		fi
	done
}

# Ends all of $servers.
servers_stop() {
	for server in $servers; do
		all=$(pids_of "$server")
		stop "${all%%,*}"
	done
	servers=
}

nsd_start() {
	mkdir "$work/nsd"
	cat >"$work/nsd/nsd.conf" <<-END
		server:
		    ip-address: 127.0.0.1@$port_nsd
		    server-count: 1
		    username: ""
		    chroot: ""
		    database: ""
		    zonesdir: "$work/nsd"
		    pidfile: "$work/nsd/pid"
		    xfrdfile: "$work/nsd/xfrd"
		    zonelistfile: "$work/nsd/zones"
		    xfrdir: "$work/nsd"
		    hide-version: yes
		    verbosity: 0
		remote-control:
		    control-enable: no
		zone:
		    name: cluster.local
		    zonefile: "$big/cluster.zone"
	END
	pinned_start 0 "$work/nsd/log" nsd -d -c "$work/nsd/nsd.conf"
	peer_wait $port_nsd && pids_nsd=$(family "$pid")
}

knot_start() {
	mkdir "$work/knot"
	cat >"$work/knot/knot.conf" <<-END
		server:
		    listen: 127.0.0.1@$port_knot
		    rundir: "$work/knot"
		    udp-workers: 1
		    tcp-workers: 1
		    background-workers: 1
		database:
		    storage: "$work/knot"
		log:
		  - target: stderr
		    any: error
		zone:
		  - domain: cluster.local
		    file: "$big/cluster.zone"
		    zonefile-sync: -1
		    journal-content: none
	END
	pinned_start 0 "$work/knot/log" knotd -c "$work/knot/knot.conf"
	pids_knot=$pid
	peer_wait $port_knot
}

# Both keep answers of $upstream, and forward what they have none of. What ran before is gone.
unbound_start() {
	mkdir -p "$work/unbound"
	cat >"$work/unbound/unbound.conf" <<-END
		server:
		    interface: 127.0.0.1@$port_unbound
		    num-threads: 1
		    do-daemonize: no
		    do-not-query-localhost: no
		    module-config: "iterator"
		    msg-cache-size: 64m
		    rrset-cache-size: 64m
		    username: ""
		    chroot: ""
		    directory: "$work/unbound"
		    pidfile: "$work/unbound/pid"
		    use-syslog: no
		remote-control:
		    control-enable: no
		forward-zone:
		    name: "."
		    forward-addr: 127.0.0.1@$upstream
	END
	pinned_start 0 "$work/unbound/log" unbound -d -c "$work/unbound/unbound.conf"
	pids_unbound=$pid
	peer_wait $port_unbound
}

# 10,000 replies are the most that it keeps.
dnsmasq_start() {
	pinned_start 0 "$work/dnsmasq.out" dnsmasq -k -C /dev/null -p $port_dnsmasq \
		--listen-address=127.0.0.1 --bind-interfaces --no-resolv --no-hosts \
		--server=127.0.0.1#$upstream --cache-size=10000 --dns-forward-max=10000 --user=root \
		--pid-file="$work/dnsmasq.pid" --log-facility="$work/dnsmasq.log"
	pids_dnsmasq=$pid
	peer_wait $port_dnsmasq
}
