// SPDX-License-Identifier: Apache-2.0
// What the server says when it does not do what it is asked: Status objects, word for
// word those of the recordings.
'use strict';

const { jsonWrite } = require('./resources.js');

// A refusal: the HTTP status, the object, and what else the reply needs.
class Refusal extends Error {
	constructor(code, message, reason, more = {}) {
		super(message);
		this.code = code;
		this.headers = more.headers || {};
		this.text = more.text; // instead of a Status
		this.isPretty = more.isPretty === true;
		// Whether it got so far that the server had sorted it into a queue.
		this.hasFlow = more.hasFlow !== false;
		this.status = { kind: 'Status', apiVersion: 'v1', metadata: more.metadata || {},
			status: 'Failure', message };
		if (reason)
			this.status.reason = reason;
		if (more.details)
			this.status.details = more.details;
		this.status.code = code;
	}

	body() {
		if (this.text !== undefined)
			return this.text;
		if (this.isPretty)
			return JSON.stringify(this.status, null, 2);
		return `${jsonWrite(this.status)}\n`;
	}
}

const badRequest = (message) => new Refusal(400, message, 'BadRequest');

function badNumber(text) {
	return badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function badVersion(text, isWatch) {
	const why = `resourceVersion: Invalid value: ${JSON.stringify(text)}: ` +
		`strconv.ParseUint: parsing ${JSON.stringify(text)}: invalid syntax`;
	return isWatch ? new Refusal(500, why) : badRequest(`invalid resource version: ${why}`);
}

// causes: [field, message] pairs of list options that exclude each other.
function invalidOptions(causes) {
	const texts = causes.map(([field, message]) => `${field}: Forbidden: ${message}`);
	const listed = texts.length > 1 ? `[${texts.join(', ')}]` : texts[0];
	return new Refusal(422, `ListOptions.meta.k8s.io "" is invalid: ${listed}`, 'Invalid', {
		details: {
			group: 'meta.k8s.io',
			kind: 'ListOptions',
			causes: causes.map(([field, message]) => ({ reason: 'FieldValueForbidden',
				message: `Forbidden: ${message}`, field })),
		},
	});
}

const unauthorized = () => new Refusal(401, 'Unauthorized', 'Unauthorized', { hasFlow: false });

const nosniff = { 'X-Content-Type-Options': 'nosniff' };

function forbidden(user, verb, path) {
	const name = path.group ? `${path.plural}.${path.group}` : path.plural;
	const subject = path.name ? `${name} ${JSON.stringify(path.name)}` : name;
	const scope = path.ns ? `in the namespace ${JSON.stringify(path.ns)}` : 'at the cluster scope';
	const details = { name: path.name || undefined, group: path.group || undefined, kind: path.plural };
	return new Refusal(403, `${subject} is forbidden: User ${JSON.stringify(user)} cannot ${verb} ` +
		`resource ${JSON.stringify(path.plural)} in API group ${JSON.stringify(path.group)} ${scope}`,
	'Forbidden', { headers: nosniff, details });
}

function forbiddenPath(user, verb, path) {
	return new Refusal(403, `forbidden: User ${JSON.stringify(user)} cannot ${verb} path ` +
		JSON.stringify(path), 'Forbidden', { headers: nosniff, details: {} });
}

const notFound = () => new Refusal(404, 'the server could not find the requested resource',
	'NotFound', { details: {} });

const pageNotFound = () => new Refusal(404, '', '', { headers: nosniff, text: '404 page not found\n' });

const notAllowed = () => new Refusal(405, 'the server does not allow this method on the ' +
	'requested resource', 'MethodNotAllowed', { details: {} });

const notAcceptable = (message, details) => new Refusal(406, message, 'NotAcceptable',
	{ isPretty: true, details });

const listTooOld = () => new Refusal(410, 'The resourceVersion for the provided list is too old.',
	'Expired');

const continueTooOld = (token) => new Refusal(410, 'The provided continue parameter is too old to ' +
	'display a consistent list result. You can start a new list without the continue parameter, ' +
	'or use the continue token in this response to retrieve the remainder of the results. ' +
	'Continuing with the provided token results in an inconsistent list - objects that were ' +
	'created, modified, or deleted between the time the first chunk was returned and now may ' +
	'show up in the list.', 'Expired', { metadata: { continue: token } });

const watchTooOld = (version, oldest) => new Refusal(410,
	`too old resource version: ${version} (${oldest})`, 'Expired');

const versionTooLarge = (version, current) => new Refusal(504,
	`Timeout: Too large resource version: ${version}, current: ${current}`, 'Timeout', {
		headers: { 'Retry-After': '1' },
		details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
			retryAfterSeconds: 1 },
	});

const internal = (message) => new Refusal(500, message, 'InternalError');

const tooManyRequests = (seconds) => new Refusal(429, '', '', {
	headers: { ...nosniff, 'Retry-After': String(seconds) },
	text: 'Too many requests, please try again later.\n',
	hasFlow: false,
});

// As the server answers a list while its etcd is away: no kind, and the wrong type.
const requestTimeout = () => new Refusal(504, '', '', {
	hasFlow: false,
	text: '{"metadata":{},"status":"Failure","message":"Timeout: request did not complete within ' +
		'the allotted timeout","reason":"Timeout","details":{},"code":504}\n',
});

module.exports = { Refusal, badRequest, badNumber, badVersion, invalidOptions, unauthorized, forbidden,
	forbiddenPath, notFound, pageNotFound, nosniff, notAllowed, notAcceptable, listTooOld, continueTooOld, watchTooOld,
	versionTooLarge, internal, tooManyRequests, requestTimeout };
