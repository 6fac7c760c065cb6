// SPDX-License-Identifier: Apache-2.0
// A small cluster that changes at random, and what DNS should say of it: for each name
// every value that it has had since the last time that all was known to be right.
'use strict';

const ZONE = 'cluster.local';
const NAMESPACES = 5;
const SERVICES = 40; // the first of each namespace never changes
const PODS = 20;

// mulberry32 (Ettinger, 2017): the same sequence for the same seed.
function randomNew(seed) {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

class World {
	constructor(store, random) {
		this.store = store;
		this.random = random;
		this.addresses = 0;
		this.names = new Map(); // name -> Set of values
		this.changes = 0;
		for (let i = 0; i < NAMESPACES; i++)
			this.putNamespace(i);
		for (let i = 0; i < SERVICES; i++)
			this.createService(i);
		for (let i = 0; i < PODS; i++)
			this.createPod(i);
		this.settle();
	}

	below(limit) {
		return Math.floor(this.random() * limit);
	}

	address() {
		const n = this.addresses++;
		return `10.${1 + (n >> 16)}.${n >> 8 & 255}.${n & 255}`;
	}

	// --- objects ---

	ns(i) {
		return `ns-${i % NAMESPACES}`;
	}

	isHeadless(i) {
		return i % 2 === 1;
	}

	// Never touched by a random change, nor is its namespace, the first one.
	isStable(i) {
		return i % NAMESPACES === 0 && i % 10 < 6;
	}

	putNamespace(i) {
		this.store.put({ kind: 'Namespace', metadata: { name: `ns-${i}` }, spec: {}, status: { phase: 'Active' } });
	}

	createService(i) {
		const ip = this.isHeadless(i) ? 'None' : this.address();
		this.store.put({ kind: 'Service', metadata: { name: `svc-${i}`, namespace: this.ns(i) },
			spec: { type: 'ClusterIP', clusterIP: ip, clusterIPs: [ip], ports: [{ name: 'http', protocol: 'TCP',
				port: 80 }] } });
		this.putSlice(i);
	}

	putSlice(i) {
		const endpoints = [];
		for (let left = 1 + this.below(4); left > 0; left--)
			endpoints.push({ addresses: [this.address()], conditions: { ready: true } });
		this.store.put({ kind: 'EndpointSlice', addressType: 'IPv4', metadata: { name: `svc-${i}-x`,
			namespace: this.ns(i), labels: { 'kubernetes.io/service-name': `svc-${i}` } }, endpoints,
		ports: [{ name: 'http', protocol: 'TCP', port: 8080 }] });
	}

	removeService(i) {
		this.store.remove('endpointslices', this.ns(i), `svc-${i}-x`);
		this.store.remove('services', this.ns(i), `svc-${i}`);
	}

	createPod(i) {
		const ip = this.address();
		this.store.put({ kind: 'Pod', metadata: { name: `pod-${i}`, namespace: this.ns(i) }, spec: {},
			status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], podIP: ip,
				podIPs: [{ ip }] } });
	}

	hasService(i) {
		return this.store.get('services', this.ns(i), `svc-${i}`) !== null;
	}

	// --- changes ---

	change() {
		this.changes++;
		const i = this.below(SERVICES);
		const pick = this.random();
		if (pick < 0.1)
			this.changePod(this.below(PODS));
		else if (pick < 0.13)
			this.changeNamespace(1 + this.below(NAMESPACES - 1));
		else if (!this.isStable(i))
			this.changeService(i, pick);
		this.note();
	}

	changeService(i, pick) {
		const seen = this.names.get(`svc-${i}.${this.ns(i)}.svc.${ZONE}`);
		// On the way there is a service without its slice.
		if (this.isHeadless(i) && (!this.hasService(i) || pick < 0.3))
			seen.add('[]');
		if (!this.hasService(i))
			this.createService(i);
		else if (pick < 0.3)
			this.removeService(i);
		else
			this.putSlice(i);
	}

	changePod(i) {
		if (!this.store.remove('pods', this.ns(i), `pod-${i}`))
			this.createPod(i);
	}

	changeNamespace(i) {
		if (!this.store.remove('namespaces', '', `ns-${i}`))
			this.putNamespace(i);
	}

	// --- what DNS says ---

	// null: the name does not exist; else addresses, sorted.
	serviceValue(i) {
		const ns = this.ns(i);
		if (!this.hasService(i))
			return null;
		if (!this.isHeadless(i))
			return [this.store.get('services', ns, `svc-${i}`).object().spec.clusterIP];
		const slice = this.store.get('endpointslices', ns, `svc-${i}-x`);
		return slice ? slice.object().endpoints.map((endpoint) => endpoint.addresses[0]).sort() : [];
	}

	// All names with their present values; with `hides`, as namespaces hide them.
	values(hides = true) {
		const all = new Map();
		const isShown = (ns) => !hides || this.store.get('namespaces', '', ns) !== null;
		for (let i = 0; i < SERVICES; i++)
			all.set(`svc-${i}.${this.ns(i)}.svc.${ZONE}`, isShown(this.ns(i)) ? this.serviceValue(i) : null);
		for (const entry of this.store.collection('pods').list()) {
			const ip = entry.object().status.podIP;
			all.set(`${ip.replace(/\./g, '-')}.${entry.ns}.pod.${ZONE}`, isShown(entry.ns) ? [ip] : null);
		}
		for (const name of this.names.keys())
			if (!all.has(name))
				all.set(name, null);
		return all;
	}

	// Adds the present values to what was right since the last settle. A pod's name that is
	// new has not been there before. Namespaces come by a watch of their own: what one
	// hides now may be seen before that is known.
	note() {
		for (const hides of [true, false]) {
			for (const [name, value] of this.values(hides)) {
				if (!this.names.has(name))
					this.names.set(name, new Set(['null']));
				this.names.get(name).add(JSON.stringify(value));
			}
		}
	}

	// From here on only what is right now may be answered. Pods' names that are gone are
	// forgotten once they were seen to be gone.
	settle() {
		const present = this.values();
		this.names = new Map();
		for (const [name, value] of present)
			if (value !== null || name.startsWith('svc-'))
				this.names.set(name, new Set([JSON.stringify(value)]));
	}

	stableNames() {
		const found = [];
		for (let i = 0; i < SERVICES; i++)
			if (this.isStable(i))
				found.push(`svc-${i}.${this.ns(i)}.svc.${ZONE}`);
		return found;
	}
}

module.exports = { World, randomNew };
