// SPDX-License-Identifier: Apache-2.0
// The resources that the server has, and how the paths of requests name them.
'use strict';

// `empty` is what an object without content has besides metadata, as bookmarks show it.
const table = [
	['', 'v1', 'namespaces', 'Namespace', false, '"spec":{},"status":{}'],
	['', 'v1', 'services', 'Service', true, '"spec":{},"status":{"loadBalancer":{}}'],
	['', 'v1', 'pods', 'Pod', true, '"spec":{"containers":null},"status":{}'],
	['', 'v1', 'endpoints', 'Endpoints', true, ''],
	['discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice', true,
		'"addressType":"","endpoints":null,"ports":null'],
	['multicluster.x-k8s.io', 'v1alpha1', 'serviceimports', 'ServiceImport', true, ''],
].map(([group, version, plural, kind, isNamespaced, empty]) => ({
	group, version, plural, kind, isNamespaced, empty,
	apiVersion: group ? `${group}/${version}` : version,
}));

// Other versions of custom resources, which the same objects are served as.
const otherVersions = new Map([['serviceimports', ['v1beta1']]]);

const byPlural = new Map(table.map((resource) => [resource.plural, resource]));
const byKind = new Map(table.map((resource) => [resource.kind, resource]));

// "/api/v1/namespaces/prod/services/web" -> group, version, namespace, plural, name;
// null: the path is not one of resources.
function parsePath(path) {
	const parts = path.split('/').filter((part) => part !== '').map(decodeURIComponent);
	let group = '';
	let at = 2;
	if (parts[0] === 'apis' && parts.length > 3) {
		group = parts[1];
		at = 3;
	} else if (parts[0] !== 'api' || parts.length < 3) {
		return null;
	}
	const found = { group, version: parts[at - 1], ns: '', plural: '', name: '', isOldWatch: false };
	if (parts[at] === 'watch' && parts.length > at + 1) {
		found.isOldWatch = true;
		at++;
	}
	if (parts[at] === 'namespaces' && parts.length > at + 2) {
		found.ns = parts[at + 1];
		at += 2;
	}
	found.plural = parts[at];
	found.name = parts[at + 1] || '';
	const resource = byPlural.get(found.plural);
	if (resource && resource.group === group &&
		[resource.version, ...(otherVersions.get(found.plural) || [])].includes(found.version))
		found.resource = resource;
	return found;
}

const escapes = { '<': '\\u003c', '>': '\\u003e', '&': '\\u0026', '\u2028': '\\u2028', '\u2029': '\\u2029' };

// As Go writes JSON.
function jsonWrite(value) {
	return JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, (character) => escapes[character]);
}

module.exports = { jsonWrite, table, byPlural, byKind, parsePath };
