// SPDX-License-Identifier: Apache-2.0
// The tests' hand on the server, on a port of its own:
//   GET    /state                counts, versions, open watches
//   GET    /log                  requests, a line of JSON each
//   POST   /log/clear
//   PUT    /objects              creates or replaces: an object, a List or an array
//   DELETE /objects/PLURAL/[NS/]NAME
//   POST   /load?PLURAL=FILE     objects as a recorded list has them
//   POST   /generate             { services, endpoints, each, pods }
//   POST   /churn                { perSecond, seconds }: slices change; replies when done
//   POST   /faults               a rule or several, see faults.js; DELETE clears them
//   POST   /watches              { resource, kind, ... }: open watches suffer it
//   POST   /set                  { bookmarkMs, hasStreamingLists, unknownFields, denied, absent, tokens }
//   POST   /restart              { isKill, downMs, startingMs, forgets }; replies when it is back
//   POST   /down, /up            no listener, and again
//   POST   /compact              history is gone
//   POST   /certificates         reads them again
'use strict';

const fs = require('fs');
const http = require('http');
const { byPlural } = require('./resources.js');
const { generate } = require('./generate.js');
const { Churn } = require('./churn.js');

function objectsOf(value) {
	if (Array.isArray(value))
		return value;
	return value.kind === 'List' ? value.items : [value];
}

const handlers = {
	'GET /state': (server) => ({
		version: server.store.version,
		objects: Object.fromEntries([...server.store.collections].map(([plural, collection]) =>
			[plural, collection.entries.size])),
		watches: Object.fromEntries([...server.store.collections].map(([plural, collection]) =>
			[plural, collection.watchers.size])),
		connections: server.connections.size,
		connectionCount: server.connectionCount,
		faultHits: server.faults.hits,
		faultsLeft: server.faults.rules.length,
	}),
	'GET /log': (server) => server.log.map((entry) => `${JSON.stringify(entry)}\n`).join(''),
	'POST /log/clear': (server) => { server.log = []; },
	'PUT /objects': (server, value) => {
		for (const object of objectsOf(value))
			server.store.put(object);
		return { version: server.store.version };
	},
	'POST /load': (server, value, query) => {
		for (const [plural, file] of query) {
			const whole = JSON.parse(fs.readFileSync(file, 'utf8'));
			for (const item of whole.items)
				server.store.load(byPlural.get(plural), item);
			server.store.version = Math.max(server.store.version, Number(whole.metadata.resourceVersion));
		}
	},
	'POST /generate': (server, value) => generate(server.store, value),
	'POST /churn': (server, value) => new Churn(server, value).run(),
	'POST /faults': (server, value) => {
		for (const rule of objectsOf(value))
			server.faults.add(rule);
	},
	'DELETE /faults': (server) => server.faults.clear(),
	'POST /watches': (server, value) => {
		const watchers = server.watchers(value.resource);
		for (const watcher of watchers)
			watcher.suffer(value);
		return { hit: watchers.length };
	},
	'POST /set': (server, value) => {
		for (const name of ['bookmarkMs', 'futureWaitMs', 'hasStreamingLists', 'unknownFields'])
			if (name in value)
				server[name] = value[name];
		if (value.denied)
			server.denied = new Set(value.denied);
		if (value.absent)
			server.absent = new Set(value.absent);
		if (value.tokens)
			server.tokens = new Map(Object.entries(value.tokens));
	},
	'POST /restart': (server, value) => server.restart(value),
	'POST /down': (server, value) => server.close(value.isKill !== false),
	'POST /up': async (server) => { await server.listen(); },
	'POST /compact': (server) => server.store.forget(),
	'POST /certificates': (server) => server.certificatesReload(),
};

function remove(server, pathname) {
	const parts = pathname.split('/').slice(2);
	const [plural, ns, name] = parts.length === 3 ? parts : [parts[0], '', parts[1]];
	return { removed: server.store.remove(plural, ns, name) !== null };
}

async function handle(server, req, text) {
	const url = new URL(req.url, 'http://control');
	const value = text ? JSON.parse(text) : {};
	if (req.method === 'DELETE' && url.pathname.startsWith('/objects/'))
		return remove(server, url.pathname);
	const handler = handlers[`${req.method} ${url.pathname}`];
	if (!handler)
		throw new Error(`no such control: ${req.method} ${url.pathname}`);
	return handler(server, value, url.searchParams);
}

function listener(server) {
	return http.createServer((req, res) => {
		const pieces = [];
		req.on('data', (piece) => pieces.push(piece));
		req.on('end', async () => {
			try {
				const result = await handle(server, req, Buffer.concat(pieces).toString());
				res.end(typeof result === 'string' ? result : `${JSON.stringify(result ?? {})}\n`);
			} catch (error) {
				res.statusCode = 400;
				res.end(`${error.stack}\n`);
			}
		});
	});
}

// Resolves with the port.
function controlListen(server, port) {
	return new Promise((resolve) => {
		const control = listener(server);
		control.listen(port, '127.0.0.1', () => resolve(control.address().port));
	});
}

module.exports = { controlListen };
