// SPDX-License-Identifier: Apache-2.0
// Watches: from a version on, from now on, and streaming lists.
'use strict';

const { jsonWrite } = require('./resources.js');
const status = require('./status.js');
const { filter, number, version, representation, metadataText } = require('./list.js');
const { flowHeaders } = require('./reply.js');

// A watcher that does not read has so much waiting when it is dropped.
const BEHIND_MAX = 4 * 1024 * 1024;
const INITIAL_PIECE = 64 * 1024;

function checkOptions(server, query) {
	const isInitial = query.get('sendInitialEvents');
	if (isInitial && !server.hasStreamingLists)
		throw status.invalidOptions([['sendInitialEvents', 'sendInitialEvents is forbidden for watch ' +
			'unless the WatchList feature gate is enabled']]);
	if (isInitial && query.get('resourceVersionMatch') !== 'NotOlderThan')
		throw status.invalidOptions([['resourceVersionMatch',
			'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan']]);
	if (!isInitial && query.get('resourceVersionMatch'))
		throw status.invalidOptions([['resourceVersionMatch',
			'resourceVersionMatch is forbidden for watch']]);
}

class Watcher {
	constructor(server, request) {
		const { path, query, body, req } = request;
		this.server = server;
		this.resource = path.resource;
		this.collection = server.store.collection(path.resource.plural);
		this.body = body;
		this.fault = request.fault;
		this.query = query;
		this.path = path;
		this.isMetadata = representation(req, 'PartialObjectMetadata') !== null;
		this.isStreamingList = query.get('sendInitialEvents') === 'true';
		this.hasBookmarks = query.get('allowWatchBookmarks') === 'true' ||
			query.get('allowWatchBookmarks') === '1';
		this.swallows = 0; // events not to be told, -1: all
		this.timers = [];
		this.isFree = true;
	}

	get isOver() {
		return this.body.isOver;
	}

	objectText(entry) {
		if (this.isMetadata)
			return metadataText(entry);
		const { kind, apiVersion } = this.resource;
		return `{"kind":"${kind}","apiVersion":"${apiVersion}",${entry.text.slice(1)}`;
	}

	eventText(type, entry) {
		return `{"type":"${type}","object":${this.objectText(entry)}}\n`;
	}

	bookmarkText(isInitialEnd) {
		const { kind, apiVersion, empty } = this.resource;
		const note = isInitialEnd ? ',"annotations":{"k8s.io/initial-events-end":"true"}' : '';
		const metadata = `"metadata":{"resourceVersion":"${this.server.store.version}"${note}}`;
		if (this.isMetadata)
			return '{"type":"BOOKMARK","object":{"kind":"PartialObjectMetadata","apiVersion":' +
				`"meta.k8s.io/v1",${metadata}}}\n`;
		return `{"type":"BOOKMARK","object":{"kind":"${kind}","apiVersion":"${apiVersion}",${metadata}` +
			`${empty ? `,${empty}` : ''}}}\n`;
	}

	errorText(refusal) {
		return `{"type":"ERROR","object":${jsonWrite(refusal.status)}}\n`;
	}

	error(refusal) {
		this.body.write(this.errorText(refusal));
		this.end();
	}

	async begin() {
		const { server } = this;
		checkOptions(server, this.query);
		this.matches = filter(server, this.path, this.query);
		const wanted = version(this.query, true);
		const seconds = number(this.query.get('timeoutSeconds'), true);
		this.body.head(200, { 'Content-Type': 'application/json',
			...server.resourceHeaders(this.resource), ...flowHeaders });
		this.body.res.flushHeaders?.();
		this.body.res.on('close', () => this.end());
		this.body.res.on('drain', () => { this.isFree = true; });
		this.startTimers(seconds === null ? 1800 + Math.random() * 1800 : seconds);
		if (this.beginFault())
			return;
		const store = server.store;
		if (this.isStreamingList && wanted !== null && wanted > store.version) {
			await server.pause(server.futureWaitMs);
			if (wanted > store.version) {
				this.error(status.versionTooLarge(wanted, store.version));
				return;
			}
		}
		if (this.isStreamingList || !wanted)
			this.writeInitial();
		else if (!this.writeMissed(wanted))
			return;
		this.from = this.isStreamingList || !wanted ? 0 : wanted;
		this.collection.watchers.add(this);
	}

	// Faults of streams that come before any event. Returns whether it is over with that.
	beginFault() {
		const { fault } = this;
		switch (fault && fault.kind) {
		case 'empty':
			this.isSilent = true;
			setTimeout(() => this.end(), fault.ms || 0);
			return true;
		case 'error':
			this.error(faultRefusal(fault));
			return true;
		case 'garbage':
			this.body.write(fault.text);
			return false;
		default:
			return false;
		}
	}

	startTimers(seconds) {
		const ms = seconds * 1000;
		this.timers.push(setTimeout(() => this.end(), Math.min(ms, 0x7fffffff)));
		if (!this.hasBookmarks)
			return;
		this.timers.push(setInterval(() => this.bookmark(), this.server.bookmarkMs));
		if (ms > 10000)
			this.timers.push(setTimeout(() => this.bookmark(), ms - 2000));
	}

	bookmark() {
		if (this.collection.watchers.has(this) && this.swallows === 0)
			this.body.write(this.bookmarkText(false));
	}

	writeInitial() {
		let piece = [];
		let size = 0;
		const flush = () => {
			this.isFree = this.body.write(Buffer.from(piece.join('')));
			piece = [];
			size = 0;
		};
		for (const entry of this.collection.list()) {
			if (!this.matches(entry))
				continue;
			const text = this.eventText('ADDED', entry);
			piece.push(text);
			size += text.length;
			if (size > INITIAL_PIECE)
				flush();
		}
		if (this.isStreamingList && this.hasBookmarks)
			piece.push(this.bookmarkText(true));
		if (piece.length)
			flush();
	}

	writeMissed(wanted) {
		if (wanted < this.collection.oldest) {
			this.error(status.watchTooOld(wanted, this.collection.oldest));
			return false;
		}
		for (const event of this.collection.history)
			if (event.version > wanted)
				this.tell(event);
		return true;
	}

	// A live change.
	notice(event) {
		if (event.version <= this.from)
			return;
		if (this.swallows !== 0) {
			this.swallows -= this.swallows > 0 ? 1 : 0;
			return;
		}
		if (!this.isFree && this.body.res.writableLength > BEHIND_MAX) {
			this.end();
			return;
		}
		this.tell(event);
		this.server.wrote(this, event);
	}

	// With a selector objects come and go that way too.
	tell({ type, entry, before }) {
		const isNow = type !== 'DELETED' && this.matches(entry);
		const was = before !== null && this.matches(before);
		if (!isNow && !was)
			return;
		if (isNow)
			this.body.write(this.eventText(was ? 'MODIFIED' : 'ADDED', entry));
		else
			this.body.write(this.eventText('DELETED', entry));
	}

	end() {
		this.collection.watchers.delete(this);
		for (const timer of this.timers)
			clearTimeout(timer);
		this.timers = [];
		this.body.end();
	}

	// What happens to a watch that is open: see control.js.
	suffer(fault) {
		switch (fault.kind) {
		case 'end': this.end(); break;
		case 'cut': this.body.cut(); this.end(); break;
		case 'reset': this.body.reset(); this.end(); break;
		case 'error': this.error(faultRefusal(fault)); break;
		case 'garbage': this.body.write(fault.text); break;
		case 'half':
			this.body.write('{"type":"MODIFIED","object":{"kind":"Serv');
			this.end();
			break;
		case 'stall': this.body.stall(fault.ms); break;
		case 'silent': this.swallows = fault.events; break;
		case 'bookmark': this.bookmark(); break;
		default: throw new Error(`a watch does not know the fault "${fault.kind}"`);
		}
	}
}

function faultRefusal(fault) {
	if (fault.code === 410)
		return status.watchTooOld(1, 2);
	return status.internal('context deadline exceeded');
}

module.exports = { Watcher };
