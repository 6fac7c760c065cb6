/* SPDX-License-Identifier: Apache-2.0 */
#include "zones/source/kube/fetch.h"

#define CURL_DISABLE_TYPECHECK
#include <assert.h>
#include <curl/curl.h>
#include <dlfcn.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "config.h"
#include "server/base/clock.h"

/* --- libcurl, loaded when it is wanted --- */

/*
 * Debian's libcurl brings 26 libraries with it, 4.2 MB of resident memory in every
 * process that is linked with it. The types are checked as if it were.
 */
#define CURL_FUNCTIONS(X)                                                                \
	X(global_init)                                                                   \
	X(easy_init)                                                                     \
	X(easy_setopt)                                                                   \
	X(easy_getinfo)                                                                  \
	X(easy_strerror)                                                                 \
	X(easy_cleanup)                                                                  \
	X(multi_init)                                                                    \
	X(multi_setopt)                                                                  \
	X(multi_add_handle)                                                              \
	X(multi_remove_handle)                                                           \
	X(multi_socket_action)                                                           \
	X(multi_info_read)                                                               \
	X(multi_assign)                                                                  \
	X(multi_cleanup)                                                                 \
	X(slist_append)                                                                  \
	X(slist_free_all)

static struct {
	bool is_loaded;
#define X(name) __typeof__(curl_##name) *(name);
	CURL_FUNCTIONS(X)
#undef X
} curl;

static enum err curl_load(const char **problem)
{
	if (curl.is_loaded)
		return ERR_NONE;
	void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		*problem = dlerror();
		return ERR_NOTFOUND;
	}
	const struct {
		const char *name;
		void **function;
	} functions[] = {
#define X(name) {"curl_" #name, (void **)&curl.name},
		CURL_FUNCTIONS(X)
#undef X
	};
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
		*functions[i].function = dlsym(library, functions[i].name);
		if (!*functions[i].function) {
			*problem = dlerror();
			return ERR_NOTFOUND;
		}
	}
	if (curl.global_init(CURL_GLOBAL_DEFAULT)) {
		*problem = "curl_global_init failed";
		return ERR_NOTFOUND;
	}
	curl.is_loaded = true;
	return ERR_NONE;
}

/* --- counters --- */

const double fetch_bounds[FETCH_BUCKETS - 1] = {
	0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};

static const int codes[FETCH_CODES] = {200, 0, 201, 400, 401, 403, 404, 406, 408, 409,
	410, 415, 422, 429, 500, 501, 502, 503, 504, 301, 302, 307, 308, -1};

const char *fetch_code_text(unsigned index)
{
	static const char *const texts[FETCH_CODES] = {"200", "<error>", "201", "400",
		"401", "403", "404", "406", "408", "409", "410", "415", "422", "429",
		"500", "501", "502", "503", "504", "301", "302", "307", "308", "other"};
	return texts[index];
}

static void count_request(struct fetch_counters *counters, int status)
{
	unsigned index = 0;
	while (index < FETCH_CODES - 1 && codes[index] != status)
		index++;
	counters->requests[index]++;
}

static void count_duration(struct fetch_counters *counters, int64_t duration_ns)
{
	unsigned bucket = 0;
	while (bucket < FETCH_BUCKETS - 1 &&
		(double)duration_ns > fetch_bounds[bucket] * 1e9)
		bucket++;
	counters->durations[bucket]++;
	counters->duration_ns += (uint64_t)duration_ns;
}

/* --- what there is --- */

/* A socket that libcurl watches. */
struct fetch_socket {
	struct fetch_socket *next, **link;
	struct fetch_client *client;
	struct event *event;
	curl_socket_t fd;
	short wanted;
};

struct fetch_client {
	struct fetch_client_options options;
	struct event_base *base;
	CURLM *multi;
	struct event *timer;
	int64_t timer_end_ms; /* -1: not set */
	struct fetch_socket *sockets;
	struct fetch *fetches;
	unsigned pending;
	bool is_inside; /* of a call of libcurl */
	struct fetch_counters counters;
};

struct fetch {
	struct fetch *next, **link;
	struct fetch_client *client;
	struct fetch_events events;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	struct event *silence;
	int64_t silence_ms, heard_ms, start_ns;
	bool has_head, was_silent;
	int status;
	char problem[CURL_ERROR_SIZE];
};

/* --- the end of requests --- */

static void fetch_free(struct fetch *fetch)
{
	struct fetch_client *client = fetch->client;
	*fetch->link = fetch->next;
	if (fetch->next)
		fetch->next->link = fetch->link;
	if (!fetch->has_head)
		client->pending--;
	if (fetch->silence)
		event_free(fetch->silence);
	if (fetch->easy) {
		curl.multi_remove_handle(client->multi, fetch->easy);
		curl.easy_cleanup(fetch->easy);
	}
	curl.slist_free_all(fetch->headers);
	curl.slist_free_all(fetch->connect_to);
	free(fetch);
}

void fetch_cancel(struct fetch *fetch)
{
	if (!fetch)
		return;
	assert(!fetch->client->is_inside);
	fetch_free(fetch);
}

static bool is_tls_code(CURLcode code)
{
	return code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CERTPROBLEM ||
	       code == CURLE_SSL_CACERT_BADFILE || code == CURLE_SSL_CONNECT_ERROR ||
	       code == CURLE_SSL_ISSUER_ERROR || code == CURLE_SSL_CLIENTCERT;
}

static void fetch_end(struct fetch *fetch, CURLcode code)
{
	struct fetch_result result = {
		.status = fetch->status,
		.was_silent = fetch->was_silent,
		.is_untrusted = is_tls_code(code),
	};
	curl_off_t retry_after_s = 0;
	if (!curl.easy_getinfo(fetch->easy, CURLINFO_RETRY_AFTER, &retry_after_s) &&
		retry_after_s > 0)
		result.retry_after_ms = (int64_t)retry_after_s * 1000;
	if (fetch->was_silent)
		result.problem = "nothing was heard for too long";
	else if (code)
		result.problem =
			*fetch->problem ? fetch->problem : curl.easy_strerror(code);
	if (!fetch->has_head)
		count_request(&fetch->client->counters, 0);
	fetch->events.done(fetch->events.context, &result);
	fetch_free(fetch);
}

static void client_settle(struct fetch_client *client)
{
	CURLMsg *message;
	int left;
	while ((message = curl.multi_info_read(client->multi, &left))) {
		struct fetch *fetch = NULL;
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		curl.easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &fetch);
		fetch_end(fetch, code);
	}
	if (client->options.settled)
		client->options.settled(client->options.context);
}

static void client_act(struct fetch_client *client, curl_socket_t fd, int events)
{
	int running;
	client->is_inside = true;
	curl.multi_socket_action(client->multi, fd, events, &running);
	client->is_inside = false;
	client_settle(client);
}

/* --- libevent for libcurl --- */

static void on_timer(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	struct fetch_client *client = context;
	client->timer_end_ms = -1;
	client_act(client, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long timeout_ms, void *context)
{
	(void)multi;
	struct fetch_client *client = context;
	client->timer_end_ms = timeout_ms < 0 ? -1 : clock_now_ms() + timeout_ms;
	if (timeout_ms < 0) {
		event_del(client->timer);
		return 0;
	}
	const struct timeval wait = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
	return event_add(client->timer, &wait) ? -1 : 0;
}

static void on_socket(evutil_socket_t fd, short events, void *context)
{
	struct fetch_client *client = context;
	client_act(client, fd,
		(events & EV_READ ? CURL_CSELECT_IN : 0) |
			(events & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void socket_free(struct fetch_socket *socket)
{
	*socket->link = socket->next;
	if (socket->next)
		socket->next->link = socket->link;
	if (socket->event)
		event_free(socket->event);
	free(socket);
}

static bool socket_watch(struct fetch_socket *socket)
{
	struct fetch_client *client = socket->client;
	if (socket->event)
		event_free(socket->event);
	socket->event = event_new(client->base, socket->fd,
		(short)(socket->wanted | EV_PERSIST), on_socket, client);
	return socket->event && !event_add(socket->event, NULL);
}

static int set_socket(
	CURL *easy, curl_socket_t fd, int what, void *context, void *socket_context)
{
	(void)easy;
	struct fetch_client *client = context;
	struct fetch_socket *socket = socket_context;
	if (what == CURL_POLL_REMOVE) {
		if (socket)
			socket_free(socket);
		return 0;
	}
	if (!socket) {
		socket = calloc(1, sizeof(*socket));
		if (!socket)
			return -1;
		socket->client = client;
		socket->fd = fd;
		socket->next = client->sockets;
		socket->link = &client->sockets;
		if (socket->next)
			socket->next->link = &socket->next;
		client->sockets = socket;
		curl.multi_assign(client->multi, fd, socket);
	}
	socket->wanted = (short)((what & CURL_POLL_IN ? EV_READ : 0) |
				 (what & CURL_POLL_OUT ? EV_WRITE : 0));
	return socket_watch(socket) ? 0 : -1;
}

/* --- clients --- */

enum err fetch_client_new(const struct fetch_client_options *options,
	struct event_base *base, struct fetch_client **out, const char **problem)
{
	enum err err = curl_load(problem);
	if (err)
		return err;
	struct fetch_client *client = calloc(1, sizeof(*client));
	if (!client)
		return ERR_NOMEM;
	client->options = *options;
	client->base = base;
	client->timer_end_ms = -1;
	client->multi = curl.multi_init();
	client->timer = evtimer_new(base, on_timer, client);
	if (!client->multi || !client->timer) {
		fetch_client_free(client);
		return ERR_NOMEM;
	}
	curl.multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
	curl.multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl.multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl.multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	*out = client;
	return ERR_NONE;
}

void fetch_client_identify(struct fetch_client *client,
	const struct fetch_secret *certificate, const struct fetch_secret *key)
{
	client->options.server.certificate = *certificate;
	client->options.server.key = *key;
}

void fetch_client_free(struct fetch_client *client)
{
	if (!client)
		return;
	for (struct fetch *fetch = client->fetches, *next; fetch; fetch = next) {
		next = fetch->next;
		fetch_free(fetch);
	}
	if (client->multi)
		curl.multi_cleanup(client->multi);
	for (struct fetch_socket *socket = client->sockets, *next; socket;
		socket = next) {
		next = socket->next;
		socket_free(socket);
	}
	if (client->timer)
		event_free(client->timer);
	free(client);
}

static void on_silence(evutil_socket_t fd, short events, void *context);

static enum err fetch_watch_silence(struct fetch *fetch, int64_t wait_ms)
{
	const struct timeval wait = {wait_ms / 1000, wait_ms % 1000 * 1000};
	if (!fetch->silence)
		fetch->silence = evtimer_new(fetch->client->base, on_silence, fetch);
	return fetch->silence && !event_add(fetch->silence, &wait) ? ERR_NONE : ERR_NOMEM;
}

enum err fetch_client_move(struct fetch_client *client, struct event_base *base)
{
	client->base = base;
	event_free(client->timer);
	client->timer = evtimer_new(base, on_timer, client);
	if (!client->timer)
		return ERR_NOMEM;
	int64_t wait_ms = client->timer_end_ms - clock_now_ms();
	if (client->timer_end_ms >= 0 &&
		set_timer(client->multi, wait_ms > 0 ? (long)wait_ms : 0, client))
		return ERR_NOMEM;
	for (struct fetch_socket *socket = client->sockets; socket; socket = socket->next)
		if (!socket_watch(socket))
			return ERR_NOMEM;
	for (struct fetch *fetch = client->fetches; fetch; fetch = fetch->next) {
		event_free(fetch->silence);
		fetch->silence = NULL;
		if (fetch_watch_silence(fetch, fetch->silence_ms))
			return ERR_NOMEM;
	}
	return ERR_NONE;
}

/* The timer that runs waits for what is missing. */
void fetch_set_silence(struct fetch *fetch, int64_t silence_ms)
{
	fetch->silence_ms = silence_ms;
}

unsigned fetch_client_pending(const struct fetch_client *client)
{
	return client->pending;
}

const struct fetch_counters *fetch_client_counters(const struct fetch_client *client)
{
	return &client->counters;
}

/* --- requests --- */

static void on_silence(evutil_socket_t fd, short events, void *context)
{
	(void)fd;
	(void)events;
	struct fetch *fetch = context;
	struct fetch_client *client = fetch->client;
	int64_t wait_ms = fetch->heard_ms + fetch->silence_ms - clock_now_ms();
	if (wait_ms > 0 && !fetch_watch_silence(fetch, wait_ms))
		return;
	fetch->was_silent = true;
	fetch_end(fetch, CURLE_OPERATION_TIMEDOUT);
	client_settle(client);
}

static size_t on_header(char *line, size_t size, size_t count, void *context)
{
	struct fetch *fetch = context;
	long status = 0;
	size_t length = size * count;
	fetch->heard_ms = clock_now_ms();
	if (length > 2 || fetch->has_head || *line > '\r')
		return length;
	curl.easy_getinfo(fetch->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status < 200)
		return length;
	fetch->has_head = true;
	fetch->status = (int)status;
	fetch->client->pending--;
	count_request(&fetch->client->counters, fetch->status);
	count_duration(&fetch->client->counters, clock_now_ns() - fetch->start_ns);
	if (fetch->events.head)
		fetch->events.head(fetch->events.context, fetch->status);
	return length;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
	struct fetch *fetch = context;
	fetch->heard_ms = clock_now_ms();
	enum err err = fetch->events.body(fetch->events.context, bytes, size * count);
	if (err && !*fetch->problem)
		snprintf(fetch->problem, sizeof(fetch->problem), "%s", err_text(err));
	return err ? 0 : size * count;
}

/* A peer that is gone without a word is noticed after half a minute. */
static int on_socket_made(void *context, curl_socket_t fd, curlsocktype purpose)
{
	(void)context;
	(void)purpose;
	const struct {
		int level, name, value;
	} options[] = {
		{SOL_SOCKET, SO_KEEPALIVE, 1},
		{IPPROTO_TCP, TCP_KEEPIDLE, 15},
		{IPPROTO_TCP, TCP_KEEPINTVL, 5},
		{IPPROTO_TCP, TCP_KEEPCNT, 3},
		{IPPROTO_TCP, TCP_USER_TIMEOUT, 30000},
	};
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		if (setsockopt(fd, options[i].level, options[i].name, &options[i].value,
			    sizeof(options[i].value)))
			break; /* one that the system lacks is no reason to fail */
	return CURL_SOCKOPT_OK;
}

static bool add_header(struct fetch *fetch, const char *name, const char *value)
{
	size_t size = strlen(name) + strlen(value) + 3;
	char *line = malloc(size);
	if (!line)
		return false;
	snprintf(line, size, "%s: %s", name, value);
	struct curl_slist *headers = curl.slist_append(fetch->headers, line);
	/* It may be a credential. */
	explicit_bzero(line, size);
	free(line);
	if (headers)
		fetch->headers = headers;
	return headers;
}

static void set_secret(
	CURL *easy, const struct fetch_secret *secret, CURLoption path, CURLoption data)
{
	if (secret->data) {
		struct curl_blob blob = {
			(void *)secret->data, secret->length, CURL_BLOB_COPY};
		curl.easy_setopt(easy, data, &blob);
	} else if (secret->path) {
		curl.easy_setopt(easy, path, secret->path);
	}
}

static void set_tls(CURL *easy, const struct fetch_server *server)
{
	set_secret(easy, &server->ca, CURLOPT_CAINFO, CURLOPT_CAINFO_BLOB);
	set_secret(easy, &server->certificate, CURLOPT_SSLCERT, CURLOPT_SSLCERT_BLOB);
	set_secret(easy, &server->key, CURLOPT_SSLKEY, CURLOPT_SSLKEY_BLOB);
	curl.easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	/* A file that was replaced counts from the next connection on. */
	curl.easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
	curl.easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, server->is_insecure ? 0L : 1L);
	curl.easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, server->is_insecure ? 0L : 2L);
}

static void set_callbacks(struct fetch *fetch)
{
	CURL *easy = fetch->easy;
	curl.easy_setopt(easy, CURLOPT_PRIVATE, fetch);
	curl.easy_setopt(easy, CURLOPT_ERRORBUFFER, fetch->problem);
	curl.easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl.easy_setopt(easy, CURLOPT_HEADERDATA, fetch);
	curl.easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl.easy_setopt(easy, CURLOPT_WRITEDATA, fetch);
	curl.easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
}

/* The parts of "https://host:port/path" that the name of another host goes between. */
struct url_parts {
	int scheme; /* with "://" */
	int host;
	int port; /* with ":" */
};

static struct url_parts split_url(const char *url)
{
	const char *mark = strstr(url, "://");
	const char *host = mark ? mark + 3 : url;
	size_t host_length = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/");
	const char *port = host + host_length;
	return (struct url_parts){
		(int)(host - url), (int)host_length, (int)strcspn(port, "/")};
}

void fetch_client_host(const struct fetch_client *client, char *out, size_t size)
{
	const char *url = client->options.server.url;
	struct url_parts parts = split_url(url);
	snprintf(out, size, "%.*s", parts.host + parts.port, url + parts.scheme);
}

/* The URL, as libcurl is to see it: where the certificate has another name, that is asked
 * for, and the connection goes to the host all the same. */
static bool set_url(struct fetch *fetch, const char *path)
{
	const struct fetch_server *server = &fetch->client->options.server;
	const char *url = server->url;
	struct url_parts parts = split_url(url);
	const char *host = url + parts.scheme, *port = host + parts.host;
	const char *prefix = port + parts.port;
	int prefix_length = (int)strlen(prefix);
	while (prefix_length && prefix[prefix_length - 1] == '/')
		prefix_length--;
	size_t size = strlen(url) + strlen(path) + 300;
	char *text = malloc(size);
	if (!text)
		return false;
	bool is_renamed = server->server_name && *server->server_name;
	snprintf(text, size, "%.*s%.*s%.*s%.*s%s", parts.scheme, url,
		is_renamed ? (int)strlen(server->server_name) : parts.host,
		is_renamed ? server->server_name : host, parts.port, port, prefix_length,
		prefix, path);
	bool is_good = !curl.easy_setopt(fetch->easy, CURLOPT_URL, text);
	if (is_good && is_renamed) {
		snprintf(text, size, "::%.*s:", parts.host, host);
		fetch->connect_to = curl.slist_append(NULL, text);
		curl.easy_setopt(fetch->easy, CURLOPT_CONNECT_TO, fetch->connect_to);
		snprintf(text, size, "%.*s%.*s", parts.host, host, parts.port, port);
		is_good = fetch->connect_to && add_header(fetch, "Host", text);
	}
	free(text);
	return is_good;
}

static bool fetch_set_up(struct fetch *fetch, const struct fetch_request *request)
{
	CURL *easy = fetch->easy;
	const struct fetch_server *server = &fetch->client->options.server;
	set_callbacks(fetch);
	set_tls(easy, server);
	curl.easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl.easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl.easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	/* Over TLS it is known soon whether several requests go on one connection. */
	curl.easy_setopt(
		easy, CURLOPT_PIPEWAIT, strncmp(server->url, "https:", 6) == 0 ? 1L : 0L);
	curl.easy_setopt(easy, CURLOPT_TCP_NODELAY, 1L);
	curl.easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 10000L);
	curl.easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl.easy_setopt(easy, CURLOPT_FRESH_CONNECT, request->is_fresh ? 1L : 0L);
	/* The server would indent for what looks like curl. */
	curl.easy_setopt(easy, CURLOPT_USERAGENT, PACKAGE_NAME "/" PACKAGE_VERSION);
	if (request->may_be_gzip)
		curl.easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	/* The kubeconfig's word counts for more than NO_PROXY, as with kubectl. */
	if (server->proxy) {
		curl.easy_setopt(easy, CURLOPT_PROXY, server->proxy);
		curl.easy_setopt(easy, CURLOPT_NOPROXY, "");
	}
	bool is_good = add_header(fetch, "Accept", request->accept) &&
		       (!request->authorization || add_header(fetch, "Authorization",
							   request->authorization)) &&
		       set_url(fetch, request->path);
	curl.easy_setopt(easy, CURLOPT_HTTPHEADER, fetch->headers);
	return is_good;
}

enum err fetch_start(struct fetch_client *client, const struct fetch_request *request,
	const struct fetch_events *events, struct fetch **out)
{
	struct fetch *fetch = calloc(1, sizeof(*fetch));
	if (!fetch)
		return ERR_NOMEM;
	fetch->client = client;
	fetch->events = *events;
	fetch->silence_ms = request->silence_ms;
	fetch->heard_ms = clock_now_ms();
	fetch->start_ns = clock_now_ns();
	fetch->next = client->fetches;
	fetch->link = &client->fetches;
	if (fetch->next)
		fetch->next->link = &fetch->next;
	client->fetches = fetch;
	client->pending++;
	fetch->easy = curl.easy_init();
	if (!fetch->easy || !fetch_set_up(fetch, request) ||
		fetch_watch_silence(fetch, fetch->silence_ms) ||
		curl.multi_add_handle(client->multi, fetch->easy)) {
		fetch_free(fetch);
		return ERR_NOMEM;
	}
	*out = fetch;
	return ERR_NONE;
}
