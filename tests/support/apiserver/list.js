// SPDX-License-Identifier: Apache-2.0
// Lists: whole, in pages, of metadata alone.
'use strict';

const { jsonWrite } = require('./resources.js');
const status = require('./status.js');
const { labelSelector, fieldSelector } = require('./selector.js');
const { replyWhole, flowHeaders } = require('./reply.js');

function tokenWrite(version, start) {
	const json = `{"v":"meta.k8s.io/v1","rv":${version},"start":${JSON.stringify(start)}}`;
	return Buffer.from(json).toString('base64url');
}

function tokenRead(text) {
	const bad = /[^\w-]/.exec(text);
	if (bad)
		throw status.badRequest('invalid continue token: continue key is not valid: illegal base64 ' +
			`data at input byte ${bad.index}`);
	try {
		const { rv, start } = JSON.parse(Buffer.from(text, 'base64url').toString());
		return { version: rv, start: start.replace(/\0$/, '').replace(/^\//, ''), isBegun: true };
	} catch (error) {
		throw status.badRequest('invalid continue token: continue key is not valid: ' + error.message);
	}
}

function number(text, isSigned) {
	if (text === null || text === '')
		return null;
	if (!(isSigned ? /^-?\d+$/ : /^\d+$/).test(text))
		throw status.badNumber(text);
	return Number(text);
}

function version(query, isWatch) {
	const text = query.get('resourceVersion');
	if (text === null || text === '')
		return null;
	if (!/^\d+$/.test(text))
		throw status.badVersion(text, isWatch);
	return Number(text);
}

// What the request selects, as a function of entries.
function filter(server, path, query) {
	const labels = labelSelector(query.get('labelSelector'));
	const fields = fieldSelector(query.get('fieldSelector'), path.resource, server.unknownFields);
	return (entry) => (!path.ns || entry.ns === path.ns) && labels(entry) && fields(entry);
}

function isSelective(query) {
	return Boolean(query.get('labelSelector') || query.get('fieldSelector'));
}

// "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1": null is plain JSON.
function representation(req, word) {
	const accept = req.headers.accept || '*/*';
	for (const choice of accept.split(',')) {
		const [type, ...parameters] = choice.split(';').map((part) => part.trim());
		const given = new Map(parameters.map((parameter) => parameter.split('=')));
		if (!['application/json', 'application/*', '*/*'].includes(type))
			continue;
		if (!given.has('as'))
			return null;
		if (given.get('as') === word && given.get('g') === 'meta.k8s.io' && given.get('v') === 'v1')
			return word;
		throw status.notAcceptable('only the following media types are accepted: application/json, ' +
			'application/yaml, application/vnd.kubernetes.protobuf');
	}
	throw status.notAcceptable('406: Not Acceptable\n\nAvailable representations: application/json, ' +
		'application/yaml, application/vnd.kubernetes.protobuf, application/json;stream=watch, ' +
		'application/vnd.kubernetes.protobuf;stream=watch', {});
}

function metadataText(entry) {
	const { metadata } = entry.object();
	return `{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":${jsonWrite(metadata)}}`;
}

function checkOptions(query) {
	const causes = [];
	if (query.get('resourceVersionMatch') && !query.get('resourceVersion'))
		causes.push(['resourceVersionMatch',
			'resourceVersionMatch is forbidden unless resourceVersion is provided']);
	if (query.get('sendInitialEvents'))
		causes.push(['sendInitialEvents', 'sendInitialEvents is forbidden for list']);
	if (causes.length)
		throw status.invalidOptions(causes);
}

// The entries to show and the version that they are of.
function source(store, collection, query) {
	const wanted = version(query, false);
	const token = query.get('continue') ? tokenRead(query.get('continue')) : null;
	const { plural } = collection.resource;
	if (token && token.version >= 0) {
		const entries = store.snapshotGet(plural, token.version);
		if (!entries)
			throw status.continueTooOld(tokenWrite(-1, `${token.start}\0`));
		return { entries, version: token.version, start: token.start };
	}
	if (query.get('resourceVersionMatch') === 'Exact' && wanted !== null && wanted !== store.version) {
		if (wanted < store.compacted || wanted < collection.oldest)
			throw status.listTooOld();
		return { entries: collection.listAt(wanted), version: wanted, start: '' };
	}
	return { entries: collection.list(), version: store.version, start: token ? token.start : '' };
}

function page(store, collection, query, matches) {
	const limit = number(query.get('limit'), true);
	number(query.get('timeoutSeconds'), true);
	const found = source(store, collection, query);
	let entries = found.entries.filter(matches);
	if (found.start)
		entries = entries.filter((entry) => entry.key > found.start);
	// From the cache of watches, which knows no pages.
	const isWhole = !limit || (query.get('resourceVersion') === '0' && !query.get('continue'));
	if (isWhole || entries.length <= limit)
		return { entries, version: found.version };
	store.snapshotKeep(collection.resource.plural, found.version, found.entries);
	const shown = entries.slice(0, limit);
	const last = shown[limit - 1];
	return {
		entries: shown,
		version: found.version,
		token: tokenWrite(found.version, `/${last.key}\0`),
		remaining: isSelective(query) ? null : entries.length - limit,
	};
}

function listText(kind, apiVersion, found, items) {
	let metadata = `"resourceVersion":"${found.version}"`;
	if (found.token)
		metadata += `,"continue":"${found.token}"`;
	if (found.token && found.remaining !== null)
		metadata += `,"remainingItemCount":${found.remaining}`;
	return `{"kind":"${kind}","apiVersion":"${apiVersion}","metadata":{${metadata}},"items":[${items}]}\n`;
}

async function list(server, request) {
	const { path, query, body, req } = request;
	const { resource } = path;
	const word = representation(req, 'PartialObjectMetadataList');
	checkOptions(query);
	const wanted = version(query, false);
	if (wanted !== null && wanted > server.store.version) {
		await server.pause(server.futureWaitMs);
		if (wanted > server.store.version)
			throw status.versionTooLarge(wanted, server.store.version);
	}
	const found = page(server.store, server.store.collection(resource.plural), query,
		filter(server, path, query));
	let text;
	if (word)
		text = listText(word, 'meta.k8s.io/v1', found, found.entries.map(metadataText).join(','));
	else
		text = listText(`${resource.kind}List`, resource.apiVersion, found,
			found.entries.map((entry) => entry.text).join(','));
	// As for people, who are known by their programs.
	if (/^(curl|Wget|Mozilla)\//.test(req.headers['user-agent'] || '') || query.get('pretty') === 'true')
		text = JSON.stringify(JSON.parse(text), null, 2);
	replyWhole(body, 200, { ...server.resourceHeaders(resource), ...flowHeaders }, text);
}

module.exports = { list, filter, number, version, representation, metadataText };
