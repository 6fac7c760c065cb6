// SPDX-License-Identifier: Apache-2.0
// node faultrun.js --waymark PROGRAM --work FOLDER [--tls FOLDER] [--faults N] [--seed N] [--http1]
//
// Faults by chance, one after the other, on an API server whose objects change all the
// time, while Waymark is asked all the time. Whatever it says must have been true at some
// time since it was last known to be right; what exists all the time must be there all
// the time; and when the faults pause it must soon be right in everything. Writes TAP.
'use strict';

const { spawn } = require('child_process');
const dgram = require('dgram');
const fs = require('fs');
const path = require('path');
const { ApiServer } = require('./server.js');
const { World, randomNew } = require('./world.js');
const { Dns } = require('./dns.js');

const EACH_ROUND = 50;
const CHANGE_MS = 15;
const ASK_MS = 3;
const PATIENCE_MS = 60000; // until all is right again; a hang, if it is longer
const RESOURCES = ['services', 'endpointslices', 'namespaces', 'pods'];

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

function optionsRead(list) {
	const options = { faults: 100, seed: 1 };
	for (let i = 0; i < list.length; i += 2) {
		if (list[i] === '--http1') {
			options.http1 = true;
			i--;
			continue;
		}
		const name = list[i].replace(/^--/, '');
		options[name] = ['faults', 'seed'].includes(name) ? Number(list[i + 1]) : list[i + 1];
	}
	return options;
}

function portFree() {
	return new Promise((resolve) => {
		const socket = dgram.createSocket('udp4');
		socket.bind(0, '127.0.0.1', () => {
			const { port } = socket.address();
			socket.close(() => resolve(port));
		});
	});
}

class FaultRun {
	constructor(options) {
		this.options = options;
		this.random = randomNew(options.seed);
		this.api = new ApiServer({ tls: options.tls, hasHttp2: !options.http1, bookmarkMs: 500, futureWaitMs: 50 });
		this.token = 0;
		this.world = new World(this.api.store, this.random);
		this.counts = {};
		this.asked = 0;
		this.wrong = [];
		this.slowest = 0;
	}

	below(limit) {
		return Math.floor(this.random() * limit);
	}

	between(low, high) {
		return low + this.below(high - low);
	}

	// --- the server under test ---

	tokenRotate() {
		if (!this.options.tls)
			return;
		this.token++;
		const token = `token-${this.options.seed}-${this.token}`;
		// As the kubelet does it: the old one is valid for a while, sometimes not.
		if (this.random() < 0.5)
			this.api.tokens.clear();
		this.api.tokens.set(token, 'system:serviceaccount:kube-system:dns');
		const file = path.join(this.options.work, 'token');
		fs.writeFileSync(`${file}.new`, token);
		fs.renameSync(`${file}.new`, file);
	}

	filesWrite() {
		const { work, tls } = this.options;
		const source = tls ? `kubeconfig ${work}/kubeconfig` : `endpoint http://127.0.0.1:${this.api.port}`;
		if (tls)
			fs.writeFileSync(path.join(work, 'kubeconfig'), JSON.stringify({
			apiVersion: 'v1', kind: 'Config', 'current-context': 'test',
			clusters: [{ name: 'fake', cluster: { server: `https://127.0.0.1:${this.api.port}`,
				'certificate-authority': path.join(tls, 'ca.crt') } }],
			users: [{ name: 'dns', user: { tokenFile: path.join(work, 'token') } }],
			contexts: [{ name: 'test', context: { cluster: 'fake', user: 'dns' } }],
		}));
		fs.writeFileSync(path.join(work, 'Corefile'), `cluster.local:${this.port} {
	bind 127.0.0.1
	errors
	kubernetes cluster.local {
		${source}
		pods verified
		apiserver_qps 1000
		apiserver_burst 1000
		apiserver_compare 2s
		apiserver_silence 1s
	}
}
`);
	}

	waymarkStart() {
		const log = path.join(this.options.work, 'log');
		const out = fs.openSync(log, 'w');
		this.waymark = spawn(this.options.waymark, ['serve', '-c', path.join(this.options.work, 'Corefile')],
			{ stdio: ['ignore', out, out] });
		this.waymark.on('exit', (code, signal) => { this.exit = `exit code ${code}, signal ${signal}`; });
		return log;
	}

	async start() {
		await this.api.listen();
		this.tokenRotate();
		this.port = await portFree();
		this.filesWrite();
		this.log = this.waymarkStart();
		for (let i = 0; !fs.readFileSync(this.log, 'utf8').includes(' ready\n'); i++) {
			if (this.exit || i > 600)
				throw new Error(`it is not ready: ${this.exit}`);
			await pause(50);
		}
		this.dns = new Dns(this.port);
		return this.converge();
	}

	// --- asking ---

	async ask(name) {
		const allowed = this.world.names.get(name);
		const reply = await this.dns.ask(name);
		this.asked++;
		let value = null;
		if (reply.rcode === 0)
			value = JSON.stringify(reply.answers);
		else if (reply.rcode === 3)
			value = 'null';
		// What became right while the question was on its way stands there, too.
		return { allowed, value, rcode: reply.rcode };
	}

	async judge(name) {
		try {
			const { allowed, value, rcode } = await this.ask(name);
			if (allowed.has(value))
				return;
			this.wrong.push(`${name}: ${value === null ? `rcode ${rcode}` : value} is none of ${[...allowed].join(' ')}`);
		} catch (error) {
			this.wrong.push(error.message);
		}
	}

	asker() {
		this.askTimer = setInterval(() => {
			if (this.wrong.length > 20)
				return;
			const names = this.random() < 0.3 ? this.world.stableNames() : [...this.world.names.keys()];
			this.judge(names[this.below(names.length)]);
		}, ASK_MS);
	}

	changer() {
		this.changeTimer = setInterval(() => this.world.change(), CHANGE_MS);
	}

	// Until everything is as it is now. Resolves with what is not after all patience.
	async converge() {
		const start = Date.now();
		let left = [];
		while (Date.now() - start < PATIENCE_MS && !this.exit) {
			// What a namespace that is gone hides may still be old where nobody watches yet.
			left = RESOURCES.filter((plural) => !this.api.watchers(plural).length)
				.map((plural) => `${plural} are not watched`);
			for (const [name, value] of this.world.values()) {
				const { value: found } = await this.ask(name);
				if (found !== JSON.stringify(value))
					left.push(`${name}: ${found}, not ${JSON.stringify(value)}`);
			}
			if (!left.length) {
				this.slowest = Math.max(this.slowest, Date.now() - start);
				this.world.settle();
				return [];
			}
			await pause(20);
		}
		return left;
	}

	// --- faults ---

	watchesSuffer(fault, plural) {
		for (const watcher of this.api.watchers(plural))
			watcher.suffer(fault);
	}

	// For the next requests, which come as what is open ends.
	order(rule, plural) {
		this.api.faults.add({ resource: plural, times: 1 + this.below(2), ...rule });
		this.watchesSuffer(this.random() < 0.5 ? { kind: 'end' } : { kind: 'error', code: 410 }, plural);
	}

	faults() {
		const list = { verb: '*' };
		return {
			end: (plural) => this.watchesSuffer({ kind: 'end' }, plural),
			cut: (plural) => this.watchesSuffer({ kind: 'cut' }, plural),
			reset: (plural) => this.watchesSuffer({ kind: 'reset' }, plural),
			half: (plural) => this.watchesSuffer({ kind: 'half' }, plural),
			gone: (plural) => this.watchesSuffer({ kind: 'error', code: 410 }, plural),
			error: (plural) => this.watchesSuffer({ kind: 'error', code: 500 }, plural),
			oddType: (plural) => this.watchesSuffer({ kind: 'garbage', text: '{"type":"ODD","object":{}}\n' }, plural),
			nameless: (plural) => this.watchesSuffer({ kind: 'garbage',
				text: '{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}\n' }, plural),
			noJson: (plural) => this.watchesSuffer({ kind: 'garbage', text: 'Bad Gateway\n' }, plural),
			stall: (plural) => this.watchesSuffer({ kind: 'stall', ms: this.between(50, 3000) }, plural),
			silent: (plural) => this.watchesSuffer({ kind: 'silent', events: this.between(1, 4) }, plural),
			compact: (plural) => {
				this.api.store.forget();
				this.watchesSuffer({ kind: 'end' }, plural);
			},
			unauthorized: (plural) => this.order({ ...list, kind: 'status', code: 401 }, plural),
			forbidden: (plural) => this.order({ ...list, kind: 'status', code: 403 }, plural),
			busy: (plural) => this.order({ ...list, kind: 'status', code: 429, retryAfter: 1 }, plural),
			broken: (plural) => this.order({ ...list, kind: 'status', code: 500 }, plural),
			away: (plural) => this.order({ ...list, kind: 'status', code: 503, retryAfter: 1 }, plural),
			timeout: (plural) => this.order({ ...list, kind: 'status', code: 504 }, plural),
			hang: (plural) => this.order({ ...list, kind: 'hang', ms: this.between(20, 400) }, plural),
			refuse: (plural) => this.order({ ...list, kind: 'reset' }, plural),
			late: (plural) => this.order({ ...list, kind: 'delay', ms: this.between(20, 400) }, plural),
			cutBody: (plural) => this.order({ ...list, kind: 'cut', bytes: this.between(1, 6000) }, plural),
			endBody: (plural) => this.order({ ...list, kind: 'end', bytes: this.between(1, 6000) }, plural),
			stallBody: (plural) => this.order({ ...list, kind: 'stall', bytes: this.between(1, 6000),
				ms: this.between(20, 800) }, plural),
			emptyStream: (plural) => this.order({ verb: 'watchlist', kind: 'empty', ms: this.below(100) }, plural),
			noStreams: () => {
				this.api.hasStreamingLists = !this.api.hasStreamingLists;
				this.watchesSuffer({ kind: 'error', code: 410 }, '*');
			},
			olderFields: () => {
				this.api.unknownFields = this.api.unknownFields.length ? [] : ['spec.hostNetwork'];
				this.watchesSuffer({ kind: 'end' }, 'pods');
			},
			rotate: (plural) => {
				this.tokenRotate();
				this.watchesSuffer({ kind: 'end' }, plural);
			},
			kill: () => this.restart(true),
			stop: () => this.restart(false),
		};
	}

	async restart(isKill) {
		await this.api.restart({ isKill, downMs: this.between(10, 300), startingMs: this.below(2) * this.between(50, 300),
			forgets: this.random() < 0.7 });
	}

	async round(count) {
		const faults = this.faults();
		const names = Object.keys(faults);
		for (let i = 0; i < count && !this.exit; i++) {
			const name = names[this.below(names.length)];
			const plural = this.random() < 0.25 ? '*' : RESOURCES[this.below(RESOURCES.length)];
			this.counts[name] = (this.counts[name] || 0) + 1;
			await faults[name](plural);
			await pause(this.between(5, 60));
		}
	}

	async run() {
		let left = await this.start();
		this.tell('it begins as the API server is', left);
		const rounds = Math.ceil(this.options.faults / EACH_ROUND);
		this.asker();
		for (let i = 0; i < rounds && !left.length && !this.exit; i++) {
			const count = Math.min(EACH_ROUND, this.options.faults - i * EACH_ROUND);
			this.changer();
			await this.round(count);
			clearInterval(this.changeTimer);
			this.api.faults.clear();
			left = await this.converge();
			this.tell(`after ${i * EACH_ROUND + count} faults it is as the API server is`,
				[...left, ...this.wrong, ...this.exit ? [this.exit] : []]);
			this.wrong = [];
		}
		clearInterval(this.askTimer);
	}

	tell(name, problems) {
		this.cases = (this.cases || 0) + 1;
		this.failed = this.failed || problems.length > 0;
		console.log(`${problems.length ? 'not ok' : 'ok'} ${this.cases} - ${name}`);
		for (const problem of problems.slice(0, 20))
			console.log(`# ${problem}`);
	}

	end() {
		if (this.dns)
			this.dns.close();
		console.log(`1..${this.cases}`);
		console.log(`# seed ${this.options.seed}, ${this.world.changes} changes, ${this.asked} questions, ` +
			`at most ${this.slowest} ms until all was right`);
		console.log(`# ${JSON.stringify(this.counts)}`);
		if (this.failed)
			console.log(fs.readFileSync(this.log, 'utf8').split('\n').slice(-60).join('\n').replace(/^/gm, '# '));
		const isOver = this.exit;
		if (this.waymark && !isOver)
			this.waymark.kill('SIGTERM');
		process.exitCode = this.failed ? 1 : 0;
		setTimeout(() => process.exit(), 500);
	}
}

const run = new FaultRun(optionsRead(process.argv.slice(2)));
process.on('exit', () => { if (run.waymark && !run.exit) run.waymark.kill('SIGKILL'); });
run.run().catch((error) => run.tell('it runs', [error.stack])).finally(() => run.end());
