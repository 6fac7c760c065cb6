// SPDX-License-Identifier: Apache-2.0
// Faults that wait for requests. A rule says which requests it hits, how often and what
// they suffer:
//   { resource: "services", verb: "watch", times: 1, kind: "status", code: 429, retryAfter: 1 }
// resource and verb may be "*"; verbs are list, metadata, watch, watchlist; times -1 is
// for ever. Kinds: status (code, retryAfter, of a 400 its message), hang (ms), reset, delay (ms); of bodies, after
// `bytes` octets: cut, end, stall (ms); of watches: empty (ms), error (code), garbage (text).
'use strict';

const status = require('./status.js');
const { connectionDestroy } = require('./reply.js');

class Faults {
	constructor() {
		this.rules = [];
		this.hits = 0;
	}

	add(rule) {
		this.rules.push({ resource: '*', verb: '*', times: 1, ...rule });
	}

	clear() {
		this.rules = [];
	}

	// null: the request goes as it should.
	take(plural, verb) {
		const is = (wanted, given) => wanted === '*' || wanted === given;
		const rule = this.rules.find((r) => is(r.resource, plural) && is(r.verb, verb));
		if (!rule)
			return null;
		this.hits++;
		if (rule.times > 0 && --rule.times === 0)
			this.rules.splice(this.rules.indexOf(rule), 1);
		return rule;
	}
}

function refusalOf(rule, request) {
	switch (rule.code) {
	case 400: return status.badRequest(rule.message);
	case 401: return status.unauthorized();
	case 403: return status.forbidden(request.user || 'system:anonymous',
		request.verb.startsWith('watch') ? 'watch' : 'list', request.path);
	case 404: return status.notFound();
	case 410: return request.query.get('continue') ? status.continueTooOld('') : status.listTooOld();
	case 429: return status.tooManyRequests(rule.retryAfter ?? 1);
	case 504: return status.requestTimeout();
	default: {
		const refusal = new status.Refusal(rule.code, 'etcdserver: leader changed', 'InternalError');
		if (rule.retryAfter !== undefined)
			refusal.headers['Retry-After'] = String(rule.retryAfter);
		return refusal;
	}
	}
}

// What happens before a reply is thought of. Returns whether that was all.
async function sufferFirst(server, rule, request) {
	switch (rule.kind) {
	case 'status':
		throw refusalOf(rule, request);
	case 'reset':
		connectionDestroy(request.req);
		return true;
	case 'hang':
		await server.pause(rule.ms);
		connectionDestroy(request.req);
		return true;
	case 'delay':
		await server.pause(rule.ms);
		return false;
	default:
		return false;
	}
}

module.exports = { Faults, sufferFirst };
