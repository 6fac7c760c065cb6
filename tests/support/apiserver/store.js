// SPDX-License-Identifier: Apache-2.0
// The server's objects: one version number for all of them, a history for watches, and
// snapshots for lists in pages. Objects are kept as the text that goes out.
'use strict';

const crypto = require('crypto');
const { table, byKind, byPlural, jsonWrite } = require('./resources.js');

const SNAPSHOTS_MAX = 64;
const HISTORY_MAX = 200000;

// One version of one object; never changed.
class Entry {
	constructor(ns, name, version, labels, text) {
		this.ns = ns;
		this.name = name;
		this.version = version;
		this.labels = labels;
		this.text = text; // without kind and apiVersion, as in lists
	}

	// As etcd's key, by which lists are sorted.
	get key() {
		return this.ns ? `${this.ns}/${this.name}` : this.name;
	}

	object() {
		return JSON.parse(this.text);
	}
}

function compare(a, b) {
	return a < b ? -1 : a > b ? 1 : 0;
}

class Collection {
	constructor(resource) {
		this.resource = resource;
		this.entries = new Map();
		this.sorted = null; // keys
		this.history = []; // { version, type, entry, before }
		this.oldest = 0; // watches from before this version get 410
		this.watchers = new Set();
	}

	keys() {
		if (!this.sorted)
			this.sorted = [...this.entries.keys()].sort(compare);
		return this.sorted;
	}

	list() {
		return this.keys().map((key) => this.entries.get(key));
	}

	// The entries as they were at `version`, newest change undone first.
	listAt(version) {
		const then = new Map(this.entries);
		for (let i = this.history.length - 1; i >= 0 && this.history[i].version > version; i--) {
			const { before, entry } = this.history[i];
			if (before)
				then.set(entry.key, before);
			else
				then.delete(entry.key);
		}
		return [...then.keys()].sort(compare).map((key) => then.get(key));
	}
}

class Store {
	constructor() {
		this.version = 1000;
		this.compacted = 0; // lists of exactly an older version get 410
		this.collections = new Map(table.map((resource) => [resource.plural, new Collection(resource)]));
		this.snapshots = new Map(); // "plural version" -> entries
		for (const collection of this.collections.values())
			collection.oldest = this.version;
	}

	collection(plural) {
		return this.collections.get(plural);
	}

	// The object as of now; null if there is none.
	get(plural, ns, name) {
		return this.collection(plural).entries.get(ns ? `${ns}/${name}` : name) || null;
	}

	// Creates or replaces. The server's own fields are filled in.
	put(object) {
		const resource = byKind.get(object.kind);
		if (!resource)
			throw new Error(`no resource of kind "${object.kind}"`);
		const { kind, apiVersion, metadata, ...rest } = object;
		const ns = resource.isNamespaced ? metadata.namespace || 'default' : '';
		const before = this.get(resource.plural, ns, metadata.name);
		const old = before ? before.object().metadata : null;
		const version = ++this.version;
		const { name, generateName, namespace, uid, resourceVersion, generation, creationTimestamp,
			deletionTimestamp, deletionGracePeriodSeconds, labels, ...others } = metadata;
		let allLabels = labels;
		if (kind === 'Namespace')
			allLabels = { ...labels, 'kubernetes.io/metadata.name': name };
		const text = jsonWrite({
			metadata: {
				name, generateName, namespace: ns || undefined,
				uid: uid || (old && old.uid) || crypto.randomUUID(),
				resourceVersion: String(version),
				generation,
				creationTimestamp: creationTimestamp || (old && old.creationTimestamp) ||
					new Date().toISOString().replace(/\.\d+/, ''),
				deletionTimestamp,
				deletionGracePeriodSeconds,
				labels: allLabels,
				...others,
			},
			...rest,
		});
		return this.change(resource, before ? 'MODIFIED' : 'ADDED',
			new Entry(ns, name, version, allLabels || {}, text), before);
	}

	// Loads an object as it was recorded, version and all; nobody watches yet.
	load(resource, item) {
		const { kind, apiVersion, ...object } = item;
		const { namespace, name, labels, resourceVersion } = object.metadata;
		const version = Number(resourceVersion);
		const entry = new Entry(namespace || '', name, version, labels || {}, jsonWrite(object));
		const collection = this.collection(resource.plural);
		collection.entries.set(entry.key, entry);
		collection.sorted = null;
	}

	// Returns what was there, null if nothing was.
	remove(plural, ns, name) {
		const before = this.get(plural, ns, name);
		if (!before)
			return null;
		const version = ++this.version;
		const text = before.text.replace(/"resourceVersion":"\d+"/, `"resourceVersion":"${version}"`);
		this.change(byPlural.get(plural), 'DELETED',
			new Entry(before.ns, before.name, version, before.labels, text), before);
		return before;
	}

	change(resource, type, entry, before) {
		const collection = this.collection(resource.plural);
		if (type === 'DELETED')
			collection.entries.delete(entry.key);
		else
			collection.entries.set(entry.key, entry);
		if (type !== 'MODIFIED')
			collection.sorted = null;
		const event = { version: entry.version, type, entry, before };
		collection.history.push(event);
		if (collection.history.length > HISTORY_MAX) {
			const gone = collection.history.splice(0, HISTORY_MAX / 2);
			collection.oldest = Math.max(collection.oldest, gone[gone.length - 1].version);
		}
		for (const watcher of collection.watchers)
			watcher.notice(event);
		return entry;
	}

	// For pages: what page one was made of stays as it is.
	snapshotKeep(plural, version, entries) {
		const key = `${plural} ${version}`;
		if (this.snapshots.has(key))
			return;
		this.snapshots.set(key, entries);
		if (this.snapshots.size > SNAPSHOTS_MAX)
			this.snapshots.delete(this.snapshots.keys().next().value);
	}

	// null: too old.
	snapshotGet(plural, version) {
		return this.snapshots.get(`${plural} ${version}`) || null;
	}

	// History up to now is gone, as after a compaction and a restart: watches from before
	// and pages begun before get 410.
	forget() {
		this.compacted = this.version;
		this.snapshots.clear();
		for (const collection of this.collections.values()) {
			collection.history = [];
			collection.oldest = this.version;
		}
	}
}

module.exports = { Store, Entry };
