# SPDX-License-Identifier: Apache-2.0
# The Corefiles that are kubeadm's but for a few lines; to be sourced behind questions.sh.

asked_kubeadm() {
	standard 30
	case_run "$corefile: pods insecure" pods_are_believed
}

asked_kube_up() {
	standard 30
	case_run "$corefile: pods insecure" pods_are_believed
}

asked_eks() {
	standard 5
	case_run "$corefile: pods insecure" pods_are_believed
}

asked_rke2() {
	standard 30
	case_run "$corefile: pods insecure" pods_are_believed
}

asked_helm() {
	standard 30
	case_run "$corefile: pods insecure" pods_are_believed
}

pods_do_not_exist() {
	ask 10-9-8-7.shop.pod.cluster.local && has 'status: NXDOMAIN'
}

stub_domain_is_asked() {
	ask www.corp.example && has '^www.corp.example. 30 IN A 192.0.2.20$' &&
		ask none.corp.example && has 'status: NXDOMAIN'
}

asked_coredns_deployment() {
	standard 5
	case_run "$corefile: there are no names of pods" pods_do_not_exist
	case_run "$corefile: the stub domain has its own server" stub_domain_is_asked
}
