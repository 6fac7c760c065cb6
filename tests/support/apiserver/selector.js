// SPDX-License-Identifier: Apache-2.0
// labelSelector and fieldSelector: text -> a function of an entry of the store.
'use strict';

const { badRequest } = require('./status.js');

const always = () => true;

function splitOutside(text) {
	return text.match(/(?:[^,(]|\([^)]*\))+/g) || [];
}

function labelRequirement(text) {
	let found = /^\s*!\s*([\w./-]+)\s*$/.exec(text);
	if (found)
		return (labels) => !(found[1] in labels);
	found = /^\s*([\w./-]+)\s*$/.exec(text);
	if (found)
		return (labels) => found[1] in labels;
	found = /^\s*([\w./-]+)\s+(in|notin)\s*\(([^)]*)\)\s*$/.exec(text);
	if (found) {
		const values = new Set(found[3].split(',').map((value) => value.trim()));
		const isIn = found[2] === 'in';
		return (labels) => (found[1] in labels && values.has(labels[found[1]])) === isIn;
	}
	found = /^\s*([\w./-]+)\s*(==|=|!=)\s*([\w.-]*)\s*$/.exec(text);
	if (!found)
		throw badRequest("unable to parse requirement: found '=', expected: identifier");
	const isEqual = found[2] !== '!=';
	return (labels) => (labels[found[1]] === found[3]) === isEqual;
}

function labelSelector(text) {
	if (!text)
		return always;
	const all = splitOutside(text).map(labelRequirement);
	return (entry) => all.every((matches) => matches(entry.labels));
}

// The fields that the server can select by, besides metadata.name and .namespace.
const fields = {
	pods: {
		'status.phase': (object) => object.status?.phase ?? '',
		'status.podIP': (object) => object.status?.podIP ?? '',
		'spec.nodeName': (object) => object.spec?.nodeName ?? '',
		'spec.hostNetwork': (object) => String(object.spec?.hostNetwork === true),
		'spec.restartPolicy': (object) => object.spec?.restartPolicy ?? '',
	},
	services: {
		'spec.clusterIP': (object) => object.spec?.clusterIP ?? '',
		'spec.type': (object) => object.spec?.type ?? '',
	},
	namespaces: { 'status.phase': (object) => object.status?.phase ?? '' },
};

function fieldSelector(text, resource, unknownFields) {
	if (!text)
		return always;
	const all = text.split(',').map((requirement) => {
		const found = /^([\w.]+)(==|=|!=)(.*)$/.exec(requirement);
		if (!found)
			throw badRequest(`invalid selector: '${text}'; can't understand '${requirement}'`);
		const [, name, operator, value] = found;
		const isEqual = operator !== '!=';
		if (name === 'metadata.name')
			return (entry) => (entry.name === value) === isEqual;
		if (name === 'metadata.namespace')
			return (entry) => (entry.ns === value) === isEqual;
		const read = fields[resource.plural]?.[name];
		if (!read || unknownFields.includes(name))
			throw badRequest(`field label not supported: ${name}`);
		return (entry) => (read(entry.object()) === value) === isEqual;
	});
	return (entry) => all.every((matches) => matches(entry));
}

module.exports = { labelSelector, fieldSelector, always };
