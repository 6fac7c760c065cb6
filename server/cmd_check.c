/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "server/base/log.h"
#include "server/command.h"
#include "server/findings.h"

static void print_manifests(void *context, const struct diag_list *problems)
{
	findings_print(context, problems);
}

/* NULL: that was printed. */
static struct server *check_corefile(const char *corefile,
	const struct server_options *options, struct findings *findings)
{
	struct server *server = NULL;
	struct diag_list problems;
	diag_list_init(&problems);
	enum err err = server_new(corefile, options, &server, &problems);
	if (err && !problems.errors)
		diag_add(&problems, SEVERITY_ERROR, corefile, 0, 0, "cannot be read: %s",
			err_text(err));
	findings_print(findings, &problems);
	diag_list_deinit(&problems);
	return err ? NULL : server;
}

/* ERR_INVALID: that was printed. */
static void check_cluster(struct cluster *cluster, struct findings *findings)
{
	enum err err = cluster_start(cluster, NULL, true);
	if (!err || err == ERR_INVALID)
		return;
	struct diag_list problems;
	diag_list_init(&problems);
	diag_add(&problems, SEVERITY_ERROR, NULL, 0, 0,
		"the manifests cannot be read: %s", err_text(err));
	findings_print(findings, &problems);
	diag_list_deinit(&problems);
}

/* What was not looked at, for the summary. A Corefile that is to be a pod's is checked
 * before it gets there. */
static const char *check_clusters(struct server *server, struct findings *findings)
{
	if (!server)
		return "; the manifests were not read";
	bool lacks_pod = false;
	struct cluster *cluster;
	for (size_t i = 0; (cluster = server_cluster(server, i)); i++) {
		if (cluster_lacks_pod(cluster))
			lacks_pod = true;
		else
			check_cluster(cluster, findings);
	}
	return lacks_pod ? "; no API server was asked, as this is no pod" : "";
}

static int run(int argc, char **argv)
{
	const char *corefile;
	int code = command_options(&command_check, argc, argv, &corefile);
	if (code == COMMAND_GO_ON)
		code = command_no_arguments(&command_check, argc, argv);
	if (code != COMMAND_GO_ON)
		return code;
	struct findings findings;
	findings_init(&findings);
	/* What is printed here has no time in front of it. */
	log_init(LOG_LEVEL_ERROR);
	const struct server_options options = {
		.gives_advice = true,
		.report = {&findings, print_manifests},
	};
	struct server *server = check_corefile(corefile, &options, &findings);
	const char *omitted = check_clusters(server, &findings);
	char summary[80];
	printf("%s%s\n", findings_summary(&findings, summary, sizeof(summary)), omitted);
	server_free(server);
	return command_flush(&command_check) && !findings.errors ? 0 : 1;
}

const struct command command_check = {
	.name = "check",
	.arguments = "",
	.help = "says what is wrong with the Corefile and the manifests",
	.run = run,
	.options = command_config_only,
};
