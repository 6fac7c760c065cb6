/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/ipaddr.h"

struct tls_context {
	SSL_CTX *ssl;
};

struct tls_session {
	SSL *ssl;
};

static void say(char *problem, const char *what)
{
	/* The first one is the cause; of a file that cannot be opened it is the system's.
	 */
	unsigned long error = ERR_peek_error();
	const char *reason = error ? ERR_reason_error_string(error) : NULL;
	if (ERR_SYSTEM_ERROR(error))
		reason = strerror(ERR_GET_REASON(error));
	snprintf(problem, TLS_PROBLEM_SIZE, "%.100s: %.50s", what,
		reason ? reason : "unknown error");
	ERR_clear_error();
}

/* --- contexts --- */

/* Tickets of TLS 1.3 come behind the handshake, so they are kept as they come. */
static int on_ticket(SSL *ssl, SSL_SESSION *ticket)
{
	struct tls_memory *memory = SSL_get_app_data(ssl);
	tls_forget(memory);
	memory->ticket = ticket;
	return 1; /* it is ours now */
}

static bool load_files(SSL_CTX *ssl, const struct tls_options *options, char *problem)
{
	const char *path = options->authorities;
	if (path ? !SSL_CTX_load_verify_file(ssl, path)
		 : !SSL_CTX_set_default_verify_paths(ssl)) {
		say(problem, path ? path : "the system's certificate authorities");
		return false;
	}
	if (!options->certificate)
		return true;
	if (SSL_CTX_use_certificate_chain_file(ssl, options->certificate) != 1) {
		say(problem, options->certificate);
		return false;
	}
	if (SSL_CTX_use_PrivateKey_file(ssl, options->key, SSL_FILETYPE_PEM) != 1 ||
		!SSL_CTX_check_private_key(ssl)) {
		say(problem, options->key);
		return false;
	}
	return true;
}

enum err tls_context_new(
	const struct tls_options *options, struct tls_context **out, char *problem)
{
	struct tls_context *context = calloc(1, sizeof(*context));
	if (!context)
		return ERR_NOMEM;
	context->ssl = SSL_CTX_new(TLS_client_method());
	if (!context->ssl) {
		free(context);
		return ERR_NOMEM;
	}
	if (!SSL_CTX_set_min_proto_version(context->ssl, TLS1_2_VERSION) ||
		!load_files(context->ssl, options, problem)) {
		tls_context_free(context);
		return ERR_INVALID;
	}
	SSL_CTX_set_verify(context->ssl, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(context->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE |
					       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					       SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(
		context->ssl, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL_STORE);
	SSL_CTX_sess_set_new_cb(context->ssl, on_ticket);
	*out = context;
	return ERR_NONE;
}

void tls_context_free(struct tls_context *context)
{
	if (!context)
		return;
	SSL_CTX_free(context->ssl);
	free(context);
}

void tls_forget(struct tls_memory *memory)
{
	SSL_SESSION_free(memory->ticket);
	memory->ticket = NULL;
}

/* --- sessions --- */

static bool expect_peer(
	SSL *ssl, const char *name, const struct sockaddr_storage *address)
{
	if (name)
		return SSL_set1_host(ssl, name) && SSL_set_tlsext_host_name(ssl, name);
	struct ipaddr ip = ipaddr_from_sockaddr((const struct sockaddr *)address);
	return X509_VERIFY_PARAM_set1_ip(SSL_get0_param(ssl), ip.bytes, ip.length);
}

struct tls_session *tls_session_new(struct tls_context *context, int fd, const char *name,
	const struct sockaddr_storage *address, struct tls_memory *memory)
{
	struct tls_session *session = calloc(1, sizeof(*session));
	if (!session)
		return NULL;
	session->ssl = SSL_new(context->ssl);
	if (!session->ssl || !SSL_set_fd(session->ssl, fd) ||
		!expect_peer(session->ssl, name, address)) {
		tls_session_free(session);
		return NULL;
	}
	SSL_set_app_data(session->ssl, memory);
	if (memory->ticket)
		(void)SSL_set_session(session->ssl, memory->ticket);
	SSL_set_connect_state(session->ssl);
	return session;
}

void tls_session_free(struct tls_session *session)
{
	if (!session)
		return;
	/* Without it the session would not be resumed; nobody waits for the answer. */
	if (session->ssl && SSL_is_init_finished(session->ssl))
		(void)SSL_shutdown(session->ssl);
	SSL_free(session->ssl);
	free(session);
	ERR_clear_error();
}

enum tls_progress tls_handshake(struct tls_session *session)
{
	ERR_clear_error();
	int result = SSL_do_handshake(session->ssl);
	if (result == 1)
		return TLS_DONE;
	switch (SSL_get_error(session->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return TLS_WANTS_READ;
	case SSL_ERROR_WANT_WRITE:
		return TLS_WANTS_WRITE;
	default:
		return TLS_FAILED;
	}
}

const char *tls_problem(struct tls_session *session, char *problem)
{
	long verdict = SSL_get_verify_result(session->ssl);
	if (verdict != X509_V_OK) {
		snprintf(problem, TLS_PROBLEM_SIZE, "the certificate is not believed: %s",
			X509_verify_cert_error_string(verdict));
		ERR_clear_error();
	} else {
		say(problem, "TLS");
	}
	return problem;
}

static ssize_t settle(struct tls_session *session, int result)
{
	if (result > 0)
		return result;
	switch (SSL_get_error(session->ssl, result)) {
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		errno = EAGAIN;
		return -1;
	default:
		ERR_clear_error();
		errno = ECONNRESET;
		return -1;
	}
}

ssize_t tls_read(struct tls_session *session, void *out, size_t size)
{
	ERR_clear_error();
	return settle(session, SSL_read(session->ssl, out, (int)size));
}

ssize_t tls_write(struct tls_session *session, const void *bytes, size_t length)
{
	ERR_clear_error();
	return settle(session, SSL_write(session->ssl, bytes, (int)length));
}
