/* SPDX-License-Identifier: Apache-2.0 */
#include "server/control/plugins.h"

#include <stdlib.h>
#include <string.h>

#include "server/control/stanza.h"

enum { ANY_NUMBER = 255 };

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

static const struct directive_row log_options[] = {
	{
		.name = "class",
		.type = ARGUMENT_ONE_OF,
		.min_arguments = 1,
		.max_arguments = ANY_NUMBER,
		.choices = "all|success|denial|error",
		.value = "all",
		.help = "which replies: denial is NXDOMAIN and NODATA",
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
	{.name = "upstream", .is_ignored = true},
	{.name = "resyncperiod", .is_ignored = true},
	{.name = NULL},
};

const struct directive_row plugin_rows[] = {
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
		.name = "errors",
		.help = "says in the log why a query was answered SERVFAIL",
	},
	{
		.name = "log",
		.type = ARGUMENT_ZONE,
		.min_arguments = 0,
		.max_arguments = ANY_NUMBER,
		.help = "a line in the log for each reply, for names in these zones",
		.options = log_options,
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
	{.name = NULL},
};
