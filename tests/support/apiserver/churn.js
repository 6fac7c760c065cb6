// SPDX-License-Identifier: Apache-2.0
// Changes at a rate: each replaces the endpoints of one slice of a generated cluster by
// others. When each event went out is kept, for who measures what comes of it.
'use strict';

const { Entry } = require('./store.js');

const TICK_MS = 5;

class Churn {
	constructor(server, { perSecond = 100, seconds = 1, plural = 'endpointslices' }) {
		this.server = server;
		this.collection = server.store.collection(plural);
		this.perSecond = perSecond;
		this.total = perSecond * seconds;
		this.done = 0;
		this.keys = [...this.collection.keys()];
		this.number = 0;
	}

	// One slice gets new addresses in place of the old ones.
	step() {
		const { store } = this.server;
		const before = this.collection.entries.get(this.keys[(this.done * 7919) % this.keys.length]);
		this.done++;
		if (!before)
			return;
		const version = ++store.version;
		const text = before.text
			.replace(/"resourceVersion":"\d+"/, `"resourceVersion":"${version}"`)
			.replace(/"addresses":\["[\d.]+"\]/g, () => `"addresses":["${this.address()}"]`);
		store.change(this.collection.resource, 'MODIFIED',
			new Entry(before.ns, before.name, version, before.labels, text), before);
	}

	address() {
		this.number = (this.number + 1) & 0xfffff;
		return `10.${208 + (this.number >> 16)}.${this.number >> 8 & 255}.${this.number & 255}`;
	}

	run() {
		const start = Date.now();
		return new Promise((resolve) => {
			const timer = setInterval(() => {
				const due = Math.min(this.total, (Date.now() - start) / 1000 * this.perSecond);
				while (this.done < due)
					this.step();
				if (this.done < this.total)
					return;
				clearInterval(timer);
				resolve({ done: this.done, ms: Date.now() - start });
			}, TICK_MS);
		});
	}
}

module.exports = { Churn };
