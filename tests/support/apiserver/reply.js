// SPDX-License-Identifier: Apache-2.0
// Replies as the server frames them: short ones with their length, others in chunks of
// 2,048 octets. Faults that break a body in the middle act here.
'use strict';

const crypto = require('crypto');
const zlib = require('zlib');

const CHUNK = 2048;
const GZIP_FROM = 128 * 1024;

const flowHeaders = {
	'X-Kubernetes-Pf-Flowschema-Uid': '4d5b7272-4d92-4a79-89f5-831b05fc98c9',
	'X-Kubernetes-Pf-Prioritylevel-Uid': '6f6e5c61-1391-4a0e-8125-5290e4fce36e',
};

const isHttp2 = (req) => req.httpVersionMajor >= 2;

// The clients' sockets, by the port that a request comes from: what breaks is broken there.
const clients = new Map();

function connectionNote(client, port) {
	clients.set(port, client);
	client.on('close', () => clients.delete(port));
}

// reset: the whole connection; over HTTP/2 every stream of it.
function connectionDestroy(req) {
	const socket = clients.get(req.socket.remotePort);
	if (!socket)
		return;
	if (socket.resetAndDestroy)
		socket.resetAndDestroy();
	else
		socket.destroy();
}

class Body {
	constructor(req, res, fault) {
		this.req = req;
		this.res = res;
		this.fault = fault && fault.bytes !== undefined ? fault : null;
		this.sent = 0;
		this.isOver = false;
		this.held = null; // while stalled
		res.on('error', () => { this.isOver = true; });
		res.on('close', () => { this.isOver = true; });
	}

	head(code, headers) {
		if (this.isOver)
			return;
		const all = { 'Audit-Id': crypto.randomUUID(), 'Cache-Control': 'no-cache, private', ...headers };
		for (const [name, value] of Object.entries(all))
			this.res.setHeader(name, value);
		if (!isHttp2(this.req)) {
			// Else Node tells of its keep-alive, which Go's server does not.
			this.res.removeHeader('Connection');
			if (/close/i.test(this.req.headers.connection || ''))
				this.res.setHeader('Connection', 'close');
		}
		this.res.writeHead(code);
	}

	// Whole events or pieces of a list. Small ones are a chunk each.
	write(data) {
		if (this.isOver)
			return true;
		const octets = Buffer.isBuffer(data) ? data : Buffer.from(data);
		if (this.held) {
			this.held.push(octets);
			return true;
		}
		if (!this.fault || this.sent + octets.length < this.fault.bytes)
			return this.send(octets);
		const before = this.fault.bytes - this.sent;
		const rest = octets.subarray(before);
		const fault = this.fault;
		this.fault = null;
		if (before > 0)
			this.send(octets.subarray(0, before));
		this.breakOff(fault, rest);
		return true;
	}

	send(octets) {
		this.sent += octets.length;
		if (isHttp2(this.req) || octets.length <= CHUNK)
			return this.res.write(octets);
		let isFree = true;
		this.res.cork();
		for (let at = 0; at < octets.length; at += CHUNK)
			isFree = this.res.write(octets.subarray(at, at + CHUNK));
		this.res.uncork();
		return isFree;
	}

	breakOff(fault, rest) {
		if (fault.kind === 'stall') {
			this.stall(fault.ms);
			this.held.push(rest);
		} else if (fault.kind === 'end') {
			this.end();
		} else {
			this.cut();
		}
	}

	stall(ms) {
		this.held = this.held || [];
		if (ms >= 0)
			setTimeout(() => this.release(), ms).unref();
	}

	release() {
		const held = this.held || [];
		this.held = null;
		for (const octets of held)
			this.write(octets);
		if (this.endsAfterStall)
			this.end();
	}

	end() {
		if (this.isOver)
			return;
		if (this.held) {
			this.endsAfterStall = true;
			return;
		}
		this.isOver = true;
		this.res.end();
	}

	// The connection breaks in the middle of a chunk; a stream of HTTP/2 is reset.
	cut() {
		if (this.isOver)
			return;
		this.isOver = true;
		if (isHttp2(this.req)) {
			setImmediate(() => {
				if (!this.req.stream.destroyed)
					this.req.stream.close(2);
			});
			return;
		}
		const socket = this.req.socket;
		socket.write('800\r\n{"type":"MODI', () => socket.destroy());
	}

	reset() {
		this.isOver = true;
		connectionDestroy(this.req);
	}
}

// A whole reply of one piece.
function replyWhole(body, code, headers, text) {
	let octets = Buffer.from(text);
	const all = { 'Content-Type': 'application/json', ...headers };
	const isGzipped = octets.length > GZIP_FROM &&
		/\bgzip\b/.test(body.req.headers['accept-encoding'] || '');
	if (isGzipped) {
		octets = zlib.gzipSync(octets, { level: 4 });
		all['Content-Encoding'] = 'gzip';
		all.Vary = 'Accept-Encoding';
	}
	if (octets.length <= CHUNK && !isHttp2(body.req) && !body.fault) {
		// Where Go's server writes it: last.
		all.Date = new Date().toUTCString();
		all['Content-Length'] = String(octets.length);
	}
	body.head(code, all);
	if (body.req.method !== 'HEAD')
		body.write(octets);
	body.end();
}

module.exports = { Body, replyWhole, flowHeaders, connectionDestroy, connectionNote, isHttp2 };
