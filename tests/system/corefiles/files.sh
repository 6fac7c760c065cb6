# SPDX-License-Identifier: Apache-2.0
# The Corefiles with names and blocks from other files, with templates and rewrites; to be
# sourced behind questions.sh.

# file_give PATH: from standard input, below the Corefile's folder.
file_give() {
	mkdir -p "$(dirname "$folder/$1")" && cat >"$folder/$1"
}

reloads() {
	reload_ends "$taken"
}

# Files that match the globs turn up while it runs, and go again.
custom_files_are_imported() {
	ask any.own.test && has 'status: NXDOMAIN' && file_give custom/own.override <<-END &&
		template IN A custom.test {
		    answer "{{ .Name }} 60 IN A 192.0.2.30"
		}
	END
		file_give custom/own.server <<-END || return 1
			own.test:$port {
			    $own_bind
			    template IN A {
			        answer "{{ .Name }} 60 IN A 192.0.2.31"
			    }
			}
		END
	reloads && ask any.own.test && has 'A 192.0.2.31$' && ask any.custom.test &&
		has 'A 192.0.2.30$' && rm -r "$folder/custom" && reloads && ask any.own.test &&
		has 'status: NXDOMAIN' && ask any.custom.test && has 'status: NXDOMAIN'
}

# --- k3s ---

node_hosts_are_answered() {
	ask server-0 && has '^server-0. 60 IN A 192.0.2.40$' && ask server-0 AAAA &&
		has '2001:db8::40$' && ask -x 192.0.2.40 && has 'PTR server-0.$'
}

asked_k3s() {
	standard 5
	case_run "$corefile: pods insecure" pods_are_believed
	case_run "$corefile: the nodes of NodeHosts" node_hosts_are_answered
	case_run "$corefile: custom/*.override and custom/*.server" custom_files_are_imported
}

# --- AKS ---

azure_names_are_denied() {
	ask vm.a.b.c.d.internal.cloudapp.net && has 'status: NXDOMAIN' &&
		ask vm.a.b.c.d.internal.cloudapp.net TXT +tcp && has 'status: NXDOMAIN' &&
		ask vm.b.internal.cloudapp.net && has 'A 192.0.2.12$' &&
		ask vm.reddog.microsoft.com && has 'status: NXDOMAIN'
}

asked_aks() {
	standard 30
	case_run "$corefile: pods insecure" pods_are_believed
	case_run "$corefile: templates deny names of Azure" azure_names_are_denied
	case_run "$corefile: custom/*.override and custom/*.server" custom_files_are_imported
}

# --- Gardener ---

search_paths_are_cut() {
	ask cart.shop.svc.cluster.local.svc.cluster.local &&
		has '^cart.shop.svc.cluster.local.svc.cluster.local. 30 IN A 10.96.20.20$' &&
		ask SRV _http._tcp.cart.shop.svc.cluster.local.svc.cluster.local &&
		has ' 30 IN SRV 0 100 80 cart.shop.svc.cluster.local.svc.cluster.local.$' &&
		ask api.garden.gardener.cloud.svc.cluster.local &&
		has '^api.garden.gardener.cloud.svc.cluster.local. 30 IN A 192.0.2.13$' &&
		ask api.garden.gardener.cloud && has '^api.garden.gardener.cloud. [0-9]* IN A 192.0.2.13$'
}

asked_gardener() {
	standard 30
	case_run "$corefile: pods insecure" pods_are_believed
	case_run "$corefile: what search paths have put behind names" search_paths_are_cut
	case_run "$corefile: custom/*.override and custom/*.server" custom_files_are_imported
}

# --- kOps ---

gossip_names_are_answered() {
	ask api.internal.one.k8s.local &&
		has '^api.internal.one.k8s.local. 30 IN A 192.0.2.41$' &&
		ask none.k8s.local && has 'status: NXDOMAIN' && ask www.example.org &&
		has 'A 192.0.2.10$'
}

asked_kops() {
	standard 30
	case_run "$corefile: pods insecure" pods_are_believed
	case_run "$corefile: names of the node's hosts file, in its zone" gossip_names_are_answered
}

# Who asks over IPv6 can reach 192.0.2.11 through NAT64 alone.
translates() {
	address=::1
	ask v4.example.org AAAA && has 'AAAA 64:ff9b::c000:20b$' && ask www.example.org AAAA &&
		has 'AAAA 2001:db8::10$' && lacks 64:ff9b && ask cart.shop.svc.cluster.local AAAA &&
		has 'AAAA 64:ff9b::a60:1414$'
	found=$?
	address=127.0.0.1
	return "$found"
}

asked_kops_ipv6() {
	standard 30
	if has_ipv6; then
		case_run "$corefile: dns64 for who asks over IPv6" translates
	else
		case_skip "$corefile: dns64 for who asks over IPv6" 'there is no IPv6'
	fi
}

# --- minikube, MicroK8s ---

host_is_answered() {
	ask host.minikube.internal && has '^host.minikube.internal. 3600 IN A 192.0.2.1$' &&
		ask -x 192.0.2.1 && has 'PTR host.minikube.internal.$' &&
		logged '"A IN host.minikube.internal. udp [0-9]* .* NOERROR '
}

asked_minikube() {
	standard 30
	case_run "$corefile: the machine that it runs on, and a line in the log" host_is_answered
}

# Nobody has names of class CH here.
errors_alone_are_logged() {
	ask www.example.org && ask nothing.example.org && ask CH TXT refused.example.org &&
		logged '"TXT CH refused.example.org. .* REFUSED ' &&
		! grep -e ' NOERROR ' -e ' NXDOMAIN ' "$server_log"
}

asked_microk8s() {
	standard 5
	case_run "$corefile: failures alone are logged" errors_alone_are_logged
}
