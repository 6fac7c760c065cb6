/* SPDX-License-Identifier: Apache-2.0 */
#include "server/plugin/forward/probe.h"

#include <stdio.h>
#include <string.h>

#include "server/base/counter.h"
#include "server/base/log.h"
#include "server/plugin/forward/forward_series.h"
#include "server/plugin/forward/guest.h"
#include "server/wire/octets.h"

enum {
	NS_PER_MS = 1000000,
	TIMEOUT_MS = 1000, /* of a check */
	TOKEN_LENGTH = 16, /* hexadecimal digits of a label */
	LOOP_TIMEOUT_MS = 2000,
	LOOPING_MS = 60000, /* while there is a loop it is looked for so often */
	LOOPLESS_MS = 3600000,
};

static struct upstream_state *state_of(const struct upstream *upstream)
{
	return &upstream->guest->forward->states[upstream->index];
}

/* --- health --- */

static void send_probe(struct inquiry *inquiry, int64_t timeout_ms)
{
	struct forward_guest *guest = inquiry->guest;
	inquiry->started_ns = guest->now_ns;
	if (inquiry_send_probe(inquiry))
		guest_schedule(guest, inquiry, guest->now_ns + timeout_ms * NS_PER_MS);
	else
		guest_schedule(guest, inquiry, guest->now_ns);
}

void probe_health(struct upstream *upstream)
{
	const struct forward_options *options = &upstream->guest->forward->options;
	struct upstream_state *state = state_of(upstream);
	bool is_checked = false;
	if (!options->max_fails ||
		!atomic_compare_exchange_strong(&state->is_checked, &is_checked, true))
		return;
	struct inquiry *inquiry = inquiry_new_probe(upstream, PROBE_HEALTH,
		&options->health_name, TYPE_NS, options->health_flags);
	if (inquiry)
		send_probe(inquiry, TIMEOUT_MS);
	else
		atomic_store(&state->is_checked, false);
}

static void health_found(struct inquiry *inquiry)
{
	struct upstream_state *state = state_of(inquiry->probed);
	atomic_store(&state->fails, 0);
	atomic_store(&state->well_ns, inquiry->guest->now_ns);
	atomic_store(&state->is_checked, false);
	inquiry_end_probe(inquiry);
}

/* Failed, or the pause between two checks is over. */
static void health_missed(struct inquiry *inquiry)
{
	struct forward_guest *guest = inquiry->guest;
	struct upstream_state *state = state_of(inquiry->probed);
	int64_t next_ns =
		inquiry->started_ns + guest->forward->options.health_ms * NS_PER_MS;
	if (!inquiry->is_pausing) {
		atomic_fetch_add(&state->fails, 1);
		if (inquiry->probed->counts)
			counter_add(&inquiry->probed->counts->failed_checks, 1);
		inquiry->is_pausing = true;
	}
	if (guest->now_ns < next_ns) {
		guest_schedule(guest, inquiry, next_ns);
		return;
	}
	inquiry->is_pausing = false;
	send_probe(inquiry, TIMEOUT_MS);
}

/* --- loops --- */

static bool write_name(
	const struct dname *zone, uint64_t a, uint64_t b, struct dname *out)
{
	char text[TOKEN_LENGTH + 1];
	*out = *zone;
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)b);
	if (dname_prepend(out, text, TOKEN_LENGTH))
		return false;
	snprintf(text, sizeof(text), "%016llx", (unsigned long long)a);
	return !dname_prepend(out, text, TOKEN_LENGTH);
}

static void probe_loop(struct upstream *upstream)
{
	struct forward_guest *guest = upstream->guest;
	struct upstream_state *state = state_of(upstream);
	uint64_t a = random_u64(&guest->random), b = random_u64(&guest->random);
	struct dname name;
	atomic_store(&state->is_seen, false);
	atomic_store(&state->tokens[0], a);
	atomic_store(&state->tokens[1], b);
	if (!write_name(&guest->forward->options.loop_zone, a, b, &name))
		return;
	struct inquiry *inquiry =
		inquiry_new_probe(upstream, PROBE_LOOP, &name, TYPE_HINFO, DNS_FLAG_RD);
	if (inquiry)
		send_probe(inquiry, LOOP_TIMEOUT_MS);
}

void probe_loops(struct forward_guest *guest)
{
	struct forward *forward = guest->forward;
	if (!forward->options.looks_for_loops)
		return;
	for (unsigned i = 0; i < forward->options.upstream_count; i++) {
		struct upstream_state *state = &forward->states[i];
		int64_t due_ns =
			atomic_load_explicit(&state->probe_ns, memory_order_relaxed);
		int64_t next_ns = guest->now_ns + LOOPING_MS * (int64_t)NS_PER_MS;
		if (guest->now_ns >= due_ns &&
			atomic_compare_exchange_strong(
				&state->probe_ns, &due_ns, next_ns))
			probe_loop(&guest->upstreams[i]);
	}
}

/* It has not come back in all that time. */
static void loop_missed(struct inquiry *inquiry)
{
	struct forward_guest *guest = inquiry->guest;
	struct upstream_state *state = state_of(inquiry->probed);
	if (!atomic_load(&state->is_seen)) {
		if (atomic_exchange(&state->is_looping, false))
			log_info("upstream \"%s\" leads back here no more",
				inquiry->probed->options->text);
		atomic_store(&state->probe_ns,
			guest->now_ns + LOOPLESS_MS * (int64_t)NS_PER_MS);
	}
	inquiry_end_probe(inquiry);
}

bool probe_recognise(struct forward *forward, const struct dname *name)
{
	struct dname expected;
	if (!forward->options.looks_for_loops || name->bytes[0] != TOKEN_LENGTH)
		return false;
	for (unsigned i = 0; i < forward->options.upstream_count; i++) {
		struct upstream_state *state = &forward->states[i];
		if (!write_name(&forward->options.loop_zone,
			    atomic_load(&state->tokens[0]),
			    atomic_load(&state->tokens[1]), &expected) ||
			!dname_equal(name, &expected))
			continue;
		atomic_store(&state->is_looping, true);
		if (!atomic_exchange(&state->is_seen, true))
			log_error("upstream \"%s\" leads back to this server and is not "
				  "asked any more; looked at again in a minute",
				forward->options.upstreams[i].text);
		return true;
	}
	return false;
}

/* --- both --- */

void probe_on_answer(struct inquiry *inquiry)
{
	if (inquiry->purpose == PROBE_HEALTH)
		health_found(inquiry);
	else
		loop_missed(inquiry);
}

void probe_on_failure(struct inquiry *inquiry)
{
	if (inquiry->purpose == PROBE_HEALTH)
		health_missed(inquiry);
	else
		loop_missed(inquiry);
}
