/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/plugins.h"

#include <stdlib.h>
#include <string.h>

#include "server/control/reload_stanza.h"
#include "server/control/stanza.h"
#include "server/control/stanza_cache.h"
#include "server/control/stanza_envfiles.h"
#include "server/control/stanza_http.h"
#include "server/control/stanza_plugins.h"

static const struct directive_row bind_options[] = {
	{
		.name = "except",
		.type = ARGUMENT_LISTEN,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "addresses or interfaces that are not listened on",
		.may_repeat = true,
	},
	{.name = NULL},
};

static const struct directive_row kubernetes_options[] = {
	{
		.name = "manifests",
		.type = ARGUMENT_FOLDER,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "folders of Kubernetes manifests, the registry",
	},
	{
		.name = "endpoint",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "URL of the API server; without it and kubeconfig, the one of "
			"the "
			"cluster that this runs in",
		.check = stanza_check_endpoint,
	},
	{
		.name = "tls",
		.type = ARGUMENT_FILE,
		.min_arguments = 3,
		.max_arguments = 3,
		.help = "CERT KEY CA: files for the connection to `endpoint`",
	},
	{
		.name = "kubeconfig",
		.type = ARGUMENT_FILE,
		.min_arguments = 1,
		.max_arguments = 2,
		.help = "FILE [CONTEXT]: where the API server is and who we are to it",
	},
	{
		.name = "apiserver_qps",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = 1,
		.value = "0",
		.help = "how many requests a second the API server gets at most; 0: any",
		.check = stanza_check_qps,
	},
	{
		.name = "apiserver_burst",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 0,
		.max = 1000000,
		.value = "0",
		.help = "how many of them at once after a rest; 0: 10",
	},
	{
		.name = "apiserver_max_inflight",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 0,
		.max = 1000000,
		.value = "0",
		.help = "how many requests may wait for the API server's reply; 0: any",
	},
	{
		.name = "apiserver_compare",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 0,
		.max = 86400000,
		.value = "10m",
		.help = "how often names and versions are compared with the API "
			"server's, "
			"for what a watch has missed; 0: never",
	},
	{
		.name = "apiserver_silence",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 1000,
		.max = 3600000,
		.value = "90s",
		.help = "a watch that brings nothing for so long, not even the bookmark "
			"of "
			"each minute, is begun anew on another connection",
	},
	{
		.name = "startup_timeout",
		.type = ARGUMENT_DURATION,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 0,
		.max = 3600000,
		.value = "5s",
		.help = "how long the API server is waited for before SERVFAIL is "
			"answered",
	},
	{
		.name = "state",
		.type = ARGUMENT_FILE,
		.min_arguments = 1,
		.max_arguments = 1,
		.help = "keeps the last good registry of the API server in this file, "
			"for a start while that is away",
	},
	{
		.name = "service_cidr",
		.type = ARGUMENT_CIDR,
		.min_arguments = 1,
		.max_arguments = 2,
		.help = "addresses for services without clusterIP, one prefix a family",
		.check = stanza_check_cidrs,
	},
	{
		.name = "namespaces",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "only these namespaces exist",
	},
	{
		.name = "namespace_labels",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "only namespaces that this label selector matches exist",
		.check = stanza_check_selector,
	},
	{
		.name = "labels",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "only objects that this label selector matches count",
		.check = stanza_check_selector,
	},
	{
		.name = "pods",
		.type = ARGUMENT_ONE_OF,
		.min_arguments = 1,
		.max_arguments = 1,
		.choices = "disabled|insecure|verified",
		.value = "disabled",
		.help = "names of pods: none, any address, only addresses of pods",
	},
	{
		.name = "endpoint_pod_names",
		.help = "endpoints without host name are called by their pod's name",
	},
	{
		.name = "ttl",
		.type = ARGUMENT_NUMBER,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = 0,
		.max = 3600,
		.value = "5",
		.help = "how long answers may be kept, in seconds",
	},
	{
		.name = "noendpoints",
		.help = "leaves endpoints out: no headless services, no endpoint names",
	},
	{
		.name = "zonal",
		.help = "names for the endpoints of a zone: ZONE.pin._zone. and "
			"ZONE.prefer._zone. in front of a headless service",
	},
	{
		.name = "multicluster",
		.type = ARGUMENT_ZONE,
		.min_arguments = 0,
		.max_arguments = ANY_NUMBER,
		.help = "in these of the zones the names are those of ServiceImports "
			"(Multi-Cluster Services), not of Services",
		.check = stanza_check_multicluster,
	},
	{
		.name = "fallthrough",
		.type = ARGUMENT_ZONE,
		.min_arguments = 0,
		.max_arguments = ANY_NUMBER,
		.help = "names that do not exist, in these zones, go to the next plugin",
	},
	{
		.name = "ignore",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.choices = "empty_service",
		.help = "services without a ready endpoint do not exist",
		.check = stanza_check_ignore,
	},
	{
		.name = "extended_errors",
		.type = ARGUMENT_ONE_OF,
		.min_arguments = 1,
		.max_arguments = 1,
		.choices = "on|off",
		.value = "on",
		.help = "says in replies with EDNS why a name does not exist",
	},
	{.name = "upstream", .is_ignored = true},
	{.name = "resyncperiod", .is_ignored = true},
	{.name = NULL},
};

/* In the order of CoreDNS's chain. */
const struct directive_row plugin_rows[] = {
	{
		.name = "reload",
		.type = ARGUMENT_DURATION,
		.min_arguments = 0,
		.max_arguments = 2,
		.max = INT64_MAX,
		.value = "30s 15s",
		.help = "takes the Corefile over when it changes: how often it is looked "
			"at, 2s or more, and by how much that may vary",
		.check = reload_stanza_check,
	},
	{
		.name = "nsid",
		.type = ARGUMENT_WORD,
		.max_arguments = ANY_NUMBER,
		.help = "what this server is called, for who asks (RFC 5001); the host "
			"name unless given",
		.check = nsid_check,
	},
	{
		.name = "cache_bytes",
		.type = ARGUMENT_BYTES,
		.min_arguments = 1,
		.max_arguments = 1,
		.min = CACHE_BYTES_MIN,
		.max = (int64_t)1 << 40,
		.value = "64MiB",
		.help = "the memory of all caches of all server blocks; the last one "
			"counts",
	},
	{
		.name = "bufsize",
		.type = ARGUMENT_NUMBER,
		.max_arguments = 1,
		.min = 512,
		.max = 4096,
		.value = "1232",
		.help = "the largest UDP reply, in octets",
	},
	{
		.name = "bind",
		.type = ARGUMENT_LISTEN,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "addresses or interfaces to listen on; without it, every address",
		.options = bind_options,
		.may_repeat = true,
	},
	{
		.name = "debug",
		.help = "logs at level debug, among others each query that fails",
	},
	{
		.name = "ready",
		.type = ARGUMENT_WORD,
		.min_arguments = 0,
		.max_arguments = 1,
		.value = ":8181",
		.help = "the page /ready says whether all plugins are; its ADDRESS:PORT",
		.options = ready_options,
		.check = stanza_check_http,
	},
	{
		.name = "health",
		.type = ARGUMENT_WORD,
		.min_arguments = 0,
		.max_arguments = 1,
		.value = ":8080",
		.help = "the page /health says that the server runs; its ADDRESS:PORT",
		.options = health_options,
		.check = stanza_check_http,
	},
	{
		.name = "prometheus",
		.type = ARGUMENT_WORD,
		.min_arguments = 0,
		.max_arguments = 1,
		.value = "localhost:9153",
		.help = "the page /metrics has counters for Prometheus; its ADDRESS:PORT",
		.check = stanza_check_http,
	},
	{
		.name = "errors",
		.type = ARGUMENT_ONE_OF,
		.max_arguments = 1,
		.choices = "stdout",
		.help = "says in the log why a query was answered SERVFAIL",
		.options = errors_options,
	},
	{
		.name = "log",
		.type = ARGUMENT_WORD,
		.max_arguments = ANY_NUMBER,
		.help = "[ZONE...] [FORMAT]: a line in the log for each reply",
		.options = log_options,
		.may_repeat = true,
		.check = log_check,
	},
	{
		.name = "local",
		.help = "answers localhost and the reverse names of 0, 127 and 255",
	},
	{
		.name = "dns64",
		.type = ARGUMENT_CIDR,
		.max_arguments = 1,
		.value = "64:ff9b::/96",
		.help = "names without IPv6 addresses get those that a NAT64 with this "
			"prefix makes of their IPv4 addresses",
		.options = dns64_options,
		.check = dns64_check,
	},
	{
		.name = "any",
		.help = "answers queries for type ANY with one HINFO record (RFC 8482)",
	},
	{
		.name = "chaos",
		.type = ARGUMENT_WORD,
		.max_arguments = ANY_NUMBER,
		.help = "[VERSION] [AUTHOR...]: answers version.bind and the like in "
			"class CH",
	},
	{
		.name = "loadbalance",
		.type = ARGUMENT_WORD,
		.max_arguments = 2,
		.choices = "round_robin|weighted FILE",
		.value = "round_robin",
		.help = "addresses in another order in each reply, or the first one "
			"chosen by weights that a file has",
		.options = loadbalance_options,
		.check = loadbalance_check,
	},
	{
		.name = "rewrite",
		.type = ARGUMENT_WORD,
		.max_arguments = ANY_NUMBER,
		.help = "[continue|stop] RULE: asks another question and gives its "
			"answer "
			"back; of several rules the first that applies is the last "
			"unless "
			"it continues",
		.options = rewrite_options,
		.may_repeat = true,
		.check = rewrite_check,
	},
	{
		.name = "autopath",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "[ZONE...] @kubernetes or a resolv.conf: walks the search list "
			"for the client",
		.check = autopath_check,
	},
	{
		.name = "acl",
		.type = ARGUMENT_ZONE,
		.max_arguments = ANY_NUMBER,
		.help = "who may ask what; zones: the block's unless given",
		.options = acl_options,
		.may_repeat = true,
	},
	{
		.name = "header",
		.help = "sets and clears flags in the header",
		.options = header_options,
		.check = header_check,
	},
	{
		.name = "minimal",
		.help = "positive answers without additional records",
	},
	{
		.name = "template",
		.type = ARGUMENT_WORD,
		.min_arguments = 2,
		.max_arguments = ANY_NUMBER,
		.help = "CLASS TYPE [ZONE...]: replies made of the question; zones: the "
			"block's unless given",
		.options = template_options,
		.may_repeat = true,
		.check = template_check,
	},
	{
		.name = "hosts",
		.type = ARGUMENT_WORD,
		.max_arguments = ANY_NUMBER,
		.value = "/etc/hosts",
		.help = "[FILE] [ZONE...]: answers from a hosts file; zones: the block's "
			"unless given",
		.options = hosts_options,
		.check = hosts_check,
	},
	{
		.name = "k8s_external",
		.type = ARGUMENT_ZONE,
		.max_arguments = ANY_NUMBER,
		.help = "answers services by their addresses outside of the cluster; "
			"zones: the block's unless given",
		.options = external_options,
	},
	{
		.name = "kubernetes",
		.type = ARGUMENT_ZONE,
		.min_arguments = 0,
		.max_arguments = ANY_NUMBER,
		.help = "answers the names of a cluster; zones: the block's unless given",
		.options = kubernetes_options,
		.check = stanza_check_kubernetes,
	},
	{
		.name = "file",
		.type = ARGUMENT_WORD,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.help = "FILE [ZONE...]: answers from a zone file (RFC 1035); zones: the "
			"block's unless given",
		.options = file_options,
		.may_repeat = true,
		.check = file_check,
	},
	{
		.name = "cache",
		.type = ARGUMENT_WORD,
		.max_arguments = ANY_NUMBER,
		.help = "[TTL] [ZONE...]: keeps the replies of the plugins behind it; at "
			"most so long; zones: the block's unless given",
		.options = cache_options,
		.check = cache_check,
	},
	{
		.name = "envfiles",
		.type = ARGUMENT_FOLDER,
		.min_arguments = 1,
		.max_arguments = 1,
		.help = "keeps a file for each namespace in the folder, with the "
			"environment variables of its services",
		.options = envfiles_rows,
	},
	{
		.name = "loop",
		.help = "an upstream that leads back to this server is not asked any "
			"more",
	},
	{
		.name = "forward",
		.type = ARGUMENT_WORD,
		.min_arguments = 2,
		.max_arguments = ANY_NUMBER,
		.help = "FROM TO...: asks other servers for the names of a zone",
		.options = forward_options,
		.may_repeat = true,
		.check = forward_check,
	},
	{
		.name = "whoami",
		.help = "answers with the client's own address, port and transport",
	},
	{.name = NULL},
};

uint8_t plugin_number(const char *name)
{
	const struct directive_row *row = directive_find(plugin_rows, name);
	return row ? (uint8_t)(row - plugin_rows + 1) : 0;
}

const char *plugin_name_of(uint8_t number)
{
	return number ? plugin_rows[number - 1].name : "";
}
