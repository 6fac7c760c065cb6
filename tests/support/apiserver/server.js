// SPDX-License-Identifier: Apache-2.0
// An API server for tests: lists and watches of a store, over HTTP/1.1 or, with TLS,
// HTTP/2 too. It behaves as a kube-apiserver 1.36 was recorded to (tests/cases/apiserver).
'use strict';

const fs = require('fs');
const http = require('http');
const http2 = require('http2');
const https = require('https');
const path = require('path');
const { Store } = require('./store.js');
const { Faults, sufferFirst } = require('./faults.js');
const { parsePath, table } = require('./resources.js');
const { list } = require('./list.js');
const { Watcher } = require('./watch.js');
const { Body, connectionNote, flowHeaders, replyWhole } = require('./reply.js');
const { relayNew } = require('./relay.js');
const status = require('./status.js');

const LOG_MAX = 20000;

const knownGroups = new Set(table.map((resource) => resource.group));

const versionText = JSON.stringify({ major: '1', minor: '36', gitVersion: 'v1.36.2', compiler: 'gc',
	platform: 'linux/amd64' }, null, 2);

// Resolves to the port.
function listenAt(server, port) {
	return new Promise((resolve, reject) => {
		server.on('error', reject);
		server.listen(port, '127.0.0.1', () => resolve(server.address().port));
	});
}

class ApiServer {
	// options: tls (folder of certificates), hasHttp2, token, bookmarkMs, futureWaitMs
	constructor(options = {}) {
		this.options = options;
		this.store = new Store();
		this.faults = new Faults();
		this.bookmarkMs = options.bookmarkMs ?? 60000;
		this.futureWaitMs = options.futureWaitMs ?? 3000;
		this.hasStreamingLists = true;
		this.unknownFields = []; // of field selectors, as an older server has them
		this.tokens = new Map(); // token -> user
		if (options.token)
			this.tokens.set(options.token, 'system:serviceaccount:kube-system:dns');
		this.denied = new Set(); // "list pods": what the role lacks
		this.absent = new Set(); // "GROUP/VERSION": of these it serves nothing
		this.log = []; // requests
		this.connections = new Set();
		this.connectionCount = 0;
		this.isStarting = false;
		this.onEvent = null; // (event, hrtime): an event was written to a watcher
		this.listener = null; // the server
		this.front = null; // what its clients connect to
		this.port = 0;
	}

	pause(ms) {
		return new Promise((resolve) => { setTimeout(resolve, ms); });
	}

	wrote(watcher, event) {
		if (this.onEvent)
			this.onEvent(event, process.hrtime.bigint());
	}

	resourceHeaders(resource) {
		const headers = { 'Content-Type': 'application/json' };
		if (resource.plural === 'endpoints')
			headers.Warning = '299 - "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 ' +
				'EndpointSlice"';
		return headers;
	}

	// --- connections ---

	tlsOptions() {
		const file = (name) => fs.readFileSync(path.join(this.options.tls, name));
		return { key: file('server.key'), cert: file('server.crt'), ca: file('ca.crt'),
			requestCert: true, rejectUnauthorized: false };
	}

	listenerNew() {
		const handler = (req, res) => this.answer(req, res);
		if (!this.options.tls)
			return http.createServer({ keepAliveTimeout: 0 }, handler);
		if (this.options.hasHttp2 === false)
			return https.createServer({ ...this.tlsOptions(), keepAliveTimeout: 0 }, handler);
		return http2.createSecureServer({ ...this.tlsOptions(), allowHTTP1: true }, handler);
	}

	// New certificates for connections that come from now on.
	certificatesReload() {
		this.listener.setSecureContext(this.tlsOptions());
	}

	listen(port = this.port) {
		const listener = this.listenerNew();
		this.listener = listener;
		listener.on('clientError', (error, socket) => socket.destroy());
		if (!this.options.tls) {
			listener.on('connection', (socket) => this.connected(socket, socket.remotePort));
			this.front = listener;
			return listenAt(listener, port).then((found) => (this.port = found));
		}
		listener.on('connection', (socket) => socket.on('error', () => {}));
		listener.on('secureConnection', (socket) => socket.on('error', () => {}));
		listener.on('sessionError', () => {});
		this.front = relayNew(listener, (client, from) => this.connected(client, from));
		return listenAt(listener, 0).then(() => listenAt(this.front, port))
			.then((found) => (this.port = found));
	}

	// `port`: from which its requests come.
	connected(client, port) {
		this.connectionCount++;
		this.connections.add(client);
		connectionNote(client, port);
		client.setNoDelay(true);
		client.on('error', () => {});
		client.on('close', () => this.connections.delete(client));
	}

	// No new connections; with `isKill` those that are open break too.
	close(isKill) {
		const { listener, front } = this;
		this.listener = null;
		this.front = null;
		if (front)
			front.close();
		if (listener && listener !== front)
			listener.close();
		if (isKill)
			for (const socket of this.connections)
				socket.destroy();
	}

	// As a server that gets SIGKILL or SIGTERM and is started again: away for `downMs`, then
	// it forbids everything for `startingMs`; what was before is forgotten.
	async restart({ isKill = true, downMs = 0, startingMs = 0, forgets = true } = {}) {
		this.close(isKill);
		if (!isKill)
			for (const watcher of this.watchers())
				setTimeout(() => watcher.end(), downMs);
		await this.pause(downMs);
		if (forgets)
			this.store.forget();
		this.isStarting = startingMs > 0;
		if (this.isStarting)
			setTimeout(() => { this.isStarting = false; }, startingMs);
		await this.listen();
	}

	watchers(plural = '*') {
		const found = [];
		for (const collection of this.store.collections.values())
			if (plural === '*' || plural === collection.resource.plural)
				found.push(...collection.watchers);
		return found;
	}

	// --- requests ---

	// Throws 401. "": anonymous.
	user(req) {
		const header = req.headers.authorization || '';
		const found = /^Bearer (.*)$/.exec(header);
		if (found) {
			const user = this.tokens.get(found[1]);
			if (!user)
				throw status.unauthorized();
			return user;
		}
		const socket = req.stream ? req.stream.session.socket : req.socket;
		if (socket.authorized) {
			const { subject } = socket.getPeerCertificate();
			return (subject && subject.CN) || 'nobody';
		}
		return this.tokens.size ? 'system:anonymous' : 'admin';
	}

	// An admin may everything; others list and watch what there is, but for what is denied.
	isAllowed(user, verb, path) {
		if (user === 'system:anonymous' || this.isStarting)
			return false;
		if (user === 'admin')
			return true;
		return path.resource && verb !== 'get' && !user.endsWith(':norights') &&
			!this.denied.has(`${verb} ${path.plural}`) && !this.denied.has(`${verb} *`);
	}

	async answer(req, res) {
		const url = new URL(req.url, 'http://server');
		const request = { req, res, query: url.searchParams, path: parsePath(url.pathname), fault: null,
			body: null, verb: '', user: '' };
		res.on('error', () => {});
		req.on('error', () => {});
		req.resume();
		const entry = this.logAdd(req, request);
		try {
			await this.serve(url.pathname, request);
		} catch (error) {
			if (!(error instanceof status.Refusal)) {
				console.error(error);
				res.destroy?.();
				return;
			}
			entry.status = error.code;
			this.refuse(request, error);
		}
	}

	logAdd(req, request) {
		const entry = { at: Date.now(), method: req.method, url: req.url, status: 200,
			protocol: req.httpVersion, agent: req.headers['user-agent'] || '',
			authorization: req.headers.authorization || '',
			encoding: req.headers['accept-encoding'] || '', accept: req.headers.accept || '' };
		request.entry = entry;
		this.log.push(entry);
		if (this.log.length > LOG_MAX)
			this.log.splice(0, LOG_MAX / 2);
		return entry;
	}

	refuse(request, refusal) {
		const body = request.body || new Body(request.req, request.res, null);
		const isText = refusal.text !== undefined;
		const headers = { 'Content-Type': isText ? 'text/plain; charset=utf-8' : 'application/json',
			...refusal.headers };
		if (refusal.hasFlow)
			Object.assign(headers, flowHeaders);
		replyWhole(body, refusal.code, headers, refusal.body());
	}

	async serve(pathname, request) {
		const { req, query } = request;
		request.user = this.user(req);
		request.entry.user = request.user;
		if (this.serveOther(pathname, request))
			return;
		const found = request.path;
		if (!found)
			throw status.forbiddenPath(request.user, req.method.toLowerCase(), pathname);
		const isWatch = found.isOldWatch || ['1', 'true'].includes(query.get('watch'));
		request.verb = verbOf(request, isWatch);
		request.entry.verb = request.verb;
		request.entry.resource = found.plural;
		const rule = this.faults.take(found.plural, request.verb);
		if (rule && await sufferFirst(this, rule, request))
			return;
		const verb = isWatch ? 'watch' : found.name ? 'get' : 'list';
		if (!this.isAllowed(request.user, verb, found))
			throw status.forbidden(request.user, verb, found);
		if (this.absent.has(`${found.group}/${found.version}`))
			throw status.pageNotFound();
		if (!found.resource)
			throw knownGroups.has(found.group) ? status.notFound() : status.pageNotFound();
		if (req.method !== 'GET' || verb === 'get')
			throw status.notAllowed();
		request.fault = rule;
		request.body = new Body(req, request.res, rule);
		if (isWatch)
			await new Watcher(this, request).begin();
		else
			await list(this, request);
	}

	serveOther(pathname, request) {
		const { req, res } = request;
		const texts = { '/version': versionText, '/readyz': 'ok', '/livez': 'ok', '/healthz': 'ok' };
		if (!(pathname in texts) || req.method !== 'GET')
			return false;
		const type = pathname === '/version' ? 'application/json' : 'text/plain; charset=utf-8';
		replyWhole(new Body(req, res, null), 200, { 'Content-Type': type,
			...(pathname === '/version' ? {} : status.nosniff), ...flowHeaders }, texts[pathname]);
		return true;
	}
}

function verbOf(request, isWatch) {
	if (isWatch)
		return request.query.get('sendInitialEvents') ? 'watchlist' : 'watch';
	if (/as=PartialObjectMetadataList/.test(request.req.headers.accept || ''))
		return 'metadata';
	return request.query.get('continue') ? 'page' : 'list';
}

module.exports = { ApiServer };
