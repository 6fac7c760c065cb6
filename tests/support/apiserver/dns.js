// SPDX-License-Identifier: Apache-2.0
// Asks a DNS server over UDP, many questions at a time. Reads rcodes and addresses alone.
'use strict';

const dgram = require('dgram');

const TYPES = { A: 1, PTR: 12, AAAA: 28 };
const PATIENCE_MS = 5000;
const TRIES = 4;

function queryWrite(id, name, type) {
	const labels = name.split('.').filter((label) => label !== '');
	const octets = [id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
	for (const label of labels)
		octets.push(label.length, ...Buffer.from(label, 'latin1'));
	octets.push(0, TYPES[type] >> 8, TYPES[type] & 255, 0, 1);
	return Buffer.from(octets);
}

function nameSkip(message, at) {
	while (message[at] !== 0) {
		if (message[at] >= 192)
			return at + 2;
		at += message[at] + 1;
	}
	return at + 1;
}

function nameRead(message, at) {
	const labels = [];
	while (message[at] !== 0) {
		if (message[at] >= 192) {
			at = (message[at] & 63) << 8 | message[at + 1];
			continue;
		}
		labels.push(message.toString('latin1', at + 1, at + 1 + message[at]));
		at += message[at] + 1;
	}
	return labels.join('.');
}

function replyRead(message) {
	const reply = { rcode: message[3] & 15, isTruncated: (message[2] & 2) !== 0, answers: [] };
	let at = nameSkip(message, 12) + 4;
	for (let i = message.readUInt16BE(6); i > 0; i--) {
		at = nameSkip(message, at);
		const type = message.readUInt16BE(at);
		const length = message.readUInt16BE(at + 8);
		at += 10;
		if (type === TYPES.A)
			reply.answers.push([...message.subarray(at, at + 4)].join('.'));
		else if (type === TYPES.PTR)
			reply.answers.push(nameRead(message, at));
		at += length;
	}
	reply.answers.sort();
	return reply;
}

class Dns {
	constructor(port) {
		this.socket = dgram.createSocket('udp4');
		this.port = port;
		this.socket.on('error', () => {});
		this.socket.on('message', (message) => this.take(message));
		this.waiting = new Map();
		this.nextId = 1;
	}

	take(message) {
		const id = message.readUInt16BE(0);
		const waiting = this.waiting.get(id);
		if (!waiting)
			return;
		this.waiting.delete(id);
		clearTimeout(waiting.timer);
		waiting.resolve(replyRead(message));
	}

	// Rejects after several tries without an answer.
	ask(name, type = 'A', tries = TRIES) {
		const id = this.nextId = this.nextId % 65535 + 1;
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => {
				this.waiting.delete(id);
				if (tries > 1)
					this.ask(name, type, tries - 1).then(resolve, reject);
				else
					reject(new Error(`no answer for ${name}`));
			}, PATIENCE_MS);
			this.waiting.set(id, { resolve, timer });
			this.socket.send(queryWrite(id, name, type), this.port, '127.0.0.1', () => {});
		});
	}

	close() {
		for (const { timer } of this.waiting.values())
			clearTimeout(timer);
		this.socket.close();
	}
}

module.exports = { Dns };
