# SPDX-License-Identifier: Apache-2.0
# Where the Corefiles of conf/corefiles are served, and by what they are surrounded: other
# DNS servers, an API server, files. In `place` namespace everything has the addresses, ports
# and paths that the Corefiles name, and they are served as they are: all but kOps's, whose
# folder /rootfs no test may make. In `place` loopback `transpose` puts everything on
# 127.0.0.0/8. To be sourced behind tap.sh, dig.sh, apiserver.sh.

tls=$scratch/tls
mkdir -p "$tls" "$scratch/coredns"

if [ "$place" = namespace ]; then
	folder=/etc/coredns
	hosts=/etc/rootfs-hosts
	authority=/etc/pki/dns.corp.example-ca/ca-bundle.crt
else
	folder=$scratch/coredns
	hosts=$folder/rootfs-hosts
	authority=$folder/ca-bundle.crt
fi
has_ipv6() {
	grep -q '^0\{31\}1 ' /proc/net/if_inet6 2>/dev/null
}

# --- other DNS servers ---

# upstream_start NAME LINE...: unbound with these lines, which answers from them alone.
upstream_start() {
	name=$1
	shift
	{
		printf 'server:\ndo-daemonize: no\nuse-syslog: no\nchroot: ""\nusername: ""\n'
		printf 'directory: "%s"\npidfile: "%s/%s.pid"\n' "$scratch" "$scratch" "$name"
		printf 'module-config: "iterator"\naccess-control: 0.0.0.0/0 allow\n'
		printf 'local-zone: "." static\n'
		printf 'local-data: ". 86400 IN SOA ns.test. root.test. 1 3600 600 86400 86400"\n'
		printf '%s\n' "$@"
	} >"$scratch/$name.conf"
	there /usr/sbin/unbound -d -c "$scratch/$name.conf" >"$scratch/$name.log" 2>&1 </dev/null &
	started="$started $!"
	wait_for "$scratch/$name.log" 'start of service' "$!"
}

# record TEXT...: local data of unbound.
record() {
	for text in "$@"; do
		printf 'local-data: "%s"\n' "$text"
	done
}

# 192.0.2.66 is what must not be answered: others than this server have the right answer.
internet_start() {
	upstream_start internet "$@" "tls-port: $internet_tls" \
		"tls-service-key: \"$tls/dns.key\"" "tls-service-pem: \"$tls/dns.crt\"" \
		"$(record 'www.example.org. 86400 IN A 192.0.2.10' \
			'www.example.org. 86400 IN AAAA 2001:db8::10' \
			'v4.example.org. 3600 IN A 192.0.2.11' \
			'10.2.0.192.in-addr.arpa. 3600 IN PTR www.example.org.' \
			'vm.b.internal.cloudapp.net. 3600 IN A 192.0.2.12' \
			'vm.a.b.c.d.internal.cloudapp.net. 3600 IN A 192.0.2.66' \
			'vm.reddog.microsoft.com. 3600 IN A 192.0.2.66' \
			'api.garden.gardener.cloud. 3600 IN A 192.0.2.13' \
			'www.corp.example. 3600 IN A 192.0.2.66' \
			'cart.shop.svc.cluster.local. 3600 IN A 192.0.2.66' \
			'20.20.96.10.in-addr.arpa. 3600 IN PTR wrong.example.org.')"
}

corporate_start() {
	upstream_start corporate "$@" "$(record 'www.corp.example. 3600 IN A 192.0.2.20' \
		'new.corp.example. 3600 IN A 192.0.2.21' 'www.corp.test. 3600 IN A 192.0.2.22')"
}

# The cluster's own server, behind a node's cache: by TCP alone.
clusterdns_start() {
	upstream_start clusterdns 'do-udp: no' "$@" \
		"$(record 'cart.shop.svc.cluster.local. 60 IN A 10.96.20.20' \
			'20.20.96.10.in-addr.arpa. 60 IN PTR cart.shop.svc.cluster.local.' \
			'1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. 60 IN PTR six.shop.svc.cluster.local.')"
}

# Another process may take a port first, then again with other ones.
upstreams_on_loopback() {
	for attempt in 1 2 3 4 5; do
		internet=$(port_free) && internet_tls=$(port_free) && corporate=$(port_free) &&
			clusterdns=$(port_free) || return 1
		internet_start "interface: 127.0.0.1@$internet" "interface: 127.0.0.1@$internet_tls" &&
			corporate_start "interface: 127.0.0.1@$corporate" &&
			clusterdns_start "interface: 127.0.0.1@$clusterdns" && return 0
	done
	return 1
}

upstreams_in_namespace() {
	internet_tls=853
	internet_start 'interface: 192.0.2.53' 'interface: 192.0.2.55' 'interface: 192.0.2.53@853' \
		'interface: 8.8.8.8' 'interface: 8.8.4.4' &&
		corporate_start 'interface: 192.0.2.54' && clusterdns_start 'interface: 10.96.0.11'
}

# --- the API server ---

balanced_json() { # NS NAME ADDRESS OUTSIDE
	printf '{"kind":"Service","metadata":{"namespace":"%s","name":"%s"},' "$1" "$2"
	printf '"spec":{"type":"LoadBalancer","clusterIP":"%s","clusterIPs":["%s"],' "$3" "$3"
	printf '"ports":[{"name":"http","protocol":"TCP","port":80}]},'
	printf '"status":{"loadBalancer":{"ingress":[{"ip":"%s"}]}}}' "$4"
}

member_json() { # NS SERVICE NAME ADDRESS POD
	printf '{"kind":"EndpointSlice","metadata":{"namespace":"%s","name":"%s",' "$1" "$3"
	printf '"labels":{"kubernetes.io/service-name":"%s"}},"addressType":"IPv4",' "$2"
	printf '"ports":[{"name":"http","protocol":"TCP","port":8080}],"endpoints":['
	printf '{"addresses":["%s"],"conditions":{"ready":true},' "$4"
	printf '"targetRef":{"kind":"Pod","namespace":"%s","name":"%s"}}]}' "$1" "$5"
}

cluster_start() {
	if [ "$place" = namespace ]; then
		account=/run/secrets/kubernetes.io/serviceaccount
		apiserver_start --tls "$tls" --token dns && mkdir -p "$account" &&
			cp "$tls/ca.crt" "$account/" && printf dns >"$account/token" || return 1
		host=${api#https://}
		export KUBERNETES_SERVICE_HOST="${host%:*}" KUBERNETES_SERVICE_PORT="${host#*:}"
	else
		apiserver_start || return 1
	fi
	put "$(namespace_json shop)" "$(balanced_json shop cart 10.96.20.20 192.0.2.80)" \
		"$(service_json shop db None)" "$(member_json shop db db-1 10.1.0.1 db-0)" \
		"$(pod_json shop web 10.1.0.9)"
}

# --- files and addresses ---

# there COMMAND...: in the network namespace of the other servers, which can so listen at port
# 53 while ours does at all of its own addresses.
there() {
	if [ "$place" = namespace ]; then
		set -- nsenter "--net=/proc/$elsewhere/ns/net" "$@"
	fi
	exec "$@"
}

links_make() {
	unshare --net sleep 600 &
	elsewhere=$!
	started="$started $elsewhere"
	until [ "$(readlink "/proc/$elsewhere/ns/net")" != "$(readlink /proc/self/ns/net)" ]; do
		kill -0 "$elsewhere" || return 1
		sleep 0.1
	done
	ip link set lo up && ip link add out type veth peer name in netns "$elsewhere" &&
		ip address add 198.51.100.1/30 dev out && ip link set out up &&
		(there ip link set lo up) && (there ip address add 198.51.100.2/30 dev in) &&
		(there ip link set in up) && ip route add default via 198.51.100.2 || return 1
	for own in 10.96.0.10 169.254.20.10; do
		ip address add "$own/32" dev lo || return 1
	done
	for other in 192.0.2.53 192.0.2.54 192.0.2.55 8.8.8.8 8.8.4.4 10.96.0.11; do
		(there ip address add "$other/32" dev lo) || return 1
	done
}

# /etc is a copy and /run is empty, in a mount namespace of the test's own.
namespace_prepare() {
	cp -a /etc "$scratch/etc" &&
		mkdir -p "$scratch/etc/coredns" "$scratch/etc/pki/dns.corp.example-ca" &&
		mount --bind "$scratch/etc" /etc && rm -f /etc/resolv.conf &&
		printf 'nameserver 192.0.2.53\n' >/etc/resolv.conf &&
		mount -t tmpfs none /run && links_make
}

# What nodes have in their hosts files.
hosts_write() {
	printf '192.0.2.40 server-0\n2001:db8::40 server-0\n' >"$folder/NodeHosts" &&
		printf '192.0.2.41 api.internal.one.k8s.local\n192.0.2.66 www.example.org\n' >"$hosts" &&
		printf '192.0.2.42 node-1.example.test\n' >"$folder/hosts"
}

place_prepare() {
	[ "$place" = loopback ] || namespace_prepare || return 1
	certificates_make "$tls" && certificate_make "$tls" dns /CN=dns.corp.example \
		'subjectAltName=DNS:dns.corp.example' && cp "$tls/ca.crt" "$authority" &&
		hosts_write && "upstreams_${at}_$place" && cluster_start
}
at=in
# For blocks that a test adds.
own_bind=
[ "$place" = namespace ] || at=on own_bind='bind 127.0.0.1'

# transpose FILE: on this place's port and folder.
transpose() {
	listens='bind 127.0.0.1'
	! has_ipv6 || listens="$listens ::1"
	! grep -q '^ *bind ' "$1" || listens=
	awk -v port="$port" -v listens="$listens" '
	/^[^ #}][^{]*{$/ {
		for (i = 1; i < NF; i++) {
			sub(/:[0-9]+$/, "", $i)
			$i = $i ":" port
		}
		print
		print listens
		next
	}
	{ print }' "$1" | sed -E \
		-e 's/^( *)(health|ready|prometheus)( +[0-9.]*:[0-9]+)?( |$)/\1\2 127.0.0.1:0\4/' \
		-e '/^ *kubernetes /s/$/\n'"endpoint $(printf %s "$api" | sed 's|/|\\/|g')/" \
		-e '/^ *forward /{' -e "s|/etc/resolv.conf|127.0.0.1:$internet|" \
		-e "s/tls:..192.0.2.53/tls:\/\/127.0.0.1:$internet_tls/" \
		-e "s/192.0.2.5[35]|8.8.8.8|8.8.4.4/127.0.0.1:$internet/g" \
		-e "s/192.0.2.54/127.0.0.1:$corporate/; s/10.96.0.11/127.0.0.1:$clusterdns/" -e '}' \
		-e '/^ *bind /{s/169.254.20.10/127.0.0.1/; s/10.96.0.10/127.0.0.2/}' \
		-e "s|/etc/coredns|$folder|; s|/rootfs/etc/hosts|$hosts|" \
		-e "s|/etc/pki/[^ ]*|$authority|"
}

# corefile_serve NAME: sets $address, $port and what server_start sets.
corefile_serve() {
	source=$srcdir/conf/corefiles/$1.Corefile
	address=127.0.0.1
	port=$(sed -n 's/^[^ #].*:\([0-9]*\) {$/\1/p' "$source" | head -n 1)
	if [ "$place" = namespace ]; then
		case $1 in node-local*) address=169.254.20.10 ;; esac
		sed "s|/rootfs/etc/hosts|$hosts|" "$source" >"$folder/Corefile" &&
			server_start "$folder/Corefile"
		return
	fi
	for attempt in 1 2 3 4 5; do
		port=$(port_free) || return 1
		transpose "$source" >"$folder/Corefile" && server_start "$folder/Corefile" && return 0
		cat "$folder/Corefile"
	done
	return 1
}

# page PATH: in $scratch/answer.
page() {
	url=$(sed -n "s|.*listening on \(http://[^ ]*$1\)\$|\1|p" "$server_log" | head -n 1 |
		sed 's|//\[::\]|//127.0.0.1|; s|//0\.0\.0\.0|//127.0.0.1|')
	curl -s --noproxy '*' -m 20 "$url" | grep -v -e '^#' -e '_bucket{' >"$scratch/answer"
}

page_has() {
	page "$1" && has "$2"
}

# It goes on for as long as the Corefile says, and ends at once when it is told again.
corefile_stop() {
	lameduck=$(sed -n 's/^ *lameduck \([0-9]*\)s$/\1/p' "$source")
	kill -TERM "$server" || return 1
	if [ "$lameduck" ]; then
		logged "ending in ${lameduck}000 ms (lameduck)" || return 1
		kill -TERM "$server" || return 1
	fi
	ended=0
	wait "$server" || ended=$?
	# The number may be another process's from now on.
	started=$(printf ' %s ' "$started" | sed "s/ $server / /")
	[ "$ended" -eq 0 ] || ! cat "$server_log"
}
