// SPDX-License-Identifier: Apache-2.0
// node recordings.js CASES TLS: holds the server against what a real one was recorded to
// say. CASES/index has a line for each exchange: name, protocol, method, target, token,
// header, whose body, how it compares. Writes TAP.
'use strict';

const fs = require('fs');
const http2 = require('http2');
const net = require('net');
const path = require('path');
const { ApiServer } = require('./server.js');
const { byKind, jsonWrite, table } = require('./resources.js');

const [cases, tls] = process.argv.slice(2);
const read = (name) => fs.readFileSync(path.join(cases, name), 'utf8');

const tokens = {
	dns: 'system:serviceaccount:kube-system:dns',
	norights: 'system:serviceaccount:kube-system:norights',
	admin: 'admin',
};

// What has happened to the server before it is asked.
const circumstances = {
	'busy/429': (server) => server.faults.add({ kind: 'status', code: 429 }),
	'etcddown/list': (server) => server.faults.add({ kind: 'status', code: 504 }),
	'etcdstall/watchlist': (server) => server.faults.add({ kind: 'empty', ms: 100 }),
	'etcdstall/watchlist-v03': (server) => server.faults.add({ kind: 'error', code: 500 }),
	'restart/list-continue-expired': (server) => server.store.forget(),
	'restart/list-continue-inconsistent': (server) => { server.store.version = 1205; },
};

async function serverStart(row) {
	const server = new ApiServer({ tls: row.protocol === 'HTTP/2' ? tls : undefined, futureWaitMs: 50 });
	for (const [token, user] of Object.entries(tokens))
		server.tokens.set(token, user);
	// The one that was recorded had no custom resources.
	for (const resource of table.filter(({ plural }) => plural !== 'serviceimports')) {
		const list = JSON.parse(read(`lists/${resource.plural}.body`));
		for (const item of list.items)
			server.store.load(resource, item);
		server.store.version = Number(list.metadata.resourceVersion);
	}
	for (const collection of server.store.collections.values()) {
		collection.oldest = server.store.version - 10;
		// Of the time when the recorded pages were begun.
		if (row.name.startsWith('pages/'))
			server.store.snapshotKeep(collection.resource.plural, 1041, collection.list());
	}
	server.store.compacted = server.store.version - 10;
	const wanted = Number(/resourceVersion=(\d+)/.exec(row.target)?.[1] ?? 0);
	if (wanted > server.store.version && wanted < 2000)
		server.store.version = wanted;
	server.absent.add('multicluster.x-k8s.io/v1alpha1');
	circumstances[row.name]?.(server);
	await server.listen();
	return server;
}

// --- asking ---

function headersOf(row, recorded) {
	const headers = { Host: '127.0.0.1', 'User-Agent': 'dns-recorder/1', Accept: 'application/json' };
	if (row.token !== 'none')
		headers.Authorization = `Bearer ${row.token === 'bad' ? 'not-a-token' : row.token}`;
	if (recorded.headers.get('connection') === 'close')
		headers.Connection = 'close';
	const [name, ...value] = row.header.split(': ');
	if (row.header !== '-')
		headers[name] = value.join(': ');
	return headers;
}

// The timeouts of the recordings are long.
const targetOf = (row) => row.target.replace(/timeoutSeconds=\d+/, 'timeoutSeconds=1');

function headParse(text) {
	const [first, ...lines] = text.split('\r\n').filter((line) => line !== '');
	const headers = new Map();
	for (const line of lines) {
		const at = line.indexOf(': ');
		headers.set(line.slice(0, at).toLowerCase(), line.slice(at + 2));
	}
	return { status: Number(first.split(' ')[1]), headers };
}

// The body of chunks, null: it is not complete yet.
function unchunk(octets) {
	const pieces = [];
	for (let at = 0; ;) {
		const end = octets.indexOf('\r\n', at);
		if (end < 0)
			return null;
		const size = parseInt(octets.toString('latin1', at, end), 16);
		if (octets.length < end + 2 + size + 2)
			return null;
		if (size === 0)
			return { body: Buffer.concat(pieces).toString(), chunks: pieces.map((piece) => piece.length) };
		pieces.push(octets.subarray(end + 2, end + 2 + size));
		at = end + 2 + size + 2;
	}
}

function replyParse(octets, method) {
	const end = octets.indexOf('\r\n\r\n');
	if (end < 0)
		return null;
	const reply = headParse(octets.toString('latin1', 0, end));
	const rest = octets.subarray(end + 4);
	if (method === 'HEAD')
		return { ...reply, body: '', chunks: [] };
	if (reply.headers.get('transfer-encoding') === 'chunked') {
		const whole = unchunk(rest);
		return whole && { ...reply, ...whole };
	}
	const length = Number(reply.headers.get('content-length'));
	return rest.length < length ? null : { ...reply, body: rest.toString(), chunks: [] };
}

function askHttp1(port, row, headers, onHead) {
	return new Promise((resolve, reject) => {
		const socket = net.connect(port, '127.0.0.1');
		let octets = Buffer.alloc(0);
		let hasHead = false;
		socket.write(`${row.method} ${targetOf(row)} HTTP/1.1\r\n` +
			Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('') + '\r\n');
		socket.on('data', (data) => {
			octets = Buffer.concat([octets, data]);
			if (!hasHead && octets.includes('\r\n\r\n')) {
				hasHead = true;
				onHead();
			}
			const reply = replyParse(octets, row.method);
			if (!reply)
				return;
			socket.destroy();
			resolve(reply);
		});
		socket.on('end', () => reject(new Error(`the connection ended: ${octets}`)));
		socket.on('error', reject);
	});
}

function askHttp2(port, row, headers) {
	return new Promise((resolve, reject) => {
		const session = http2.connect(`https://127.0.0.1:${port}`,
			{ ca: fs.readFileSync(path.join(tls, 'ca.crt')) });
		const stream = session.request({ ':path': targetOf(row), 'user-agent': headers['User-Agent'],
			accept: headers.Accept, authorization: headers.Authorization });
		const reply = { headers: new Map(), body: '', chunks: [] };
		stream.setEncoding('utf8');
		stream.on('response', (given) => {
			reply.status = given[':status'];
			for (const [name, value] of Object.entries(given))
				if (!name.startsWith(':'))
					reply.headers.set(name, value);
		});
		stream.on('data', (text) => { reply.body += text; });
		stream.on('end', () => {
			session.close();
			resolve(reply);
		});
		stream.on('error', reject);
		session.on('error', reject);
	});
}

// --- comparing ---

// Each has its own value in each run.
const varying = new Set(['audit-id', 'date', 'x-kubernetes-pf-flowschema-uid',
	'x-kubernetes-pf-prioritylevel-uid', 'content-length']);

function headersCompare(found, recorded) {
	const wrong = [];
	for (const name of new Set([...found.keys(), ...recorded.keys()])) {
		const [a, b] = [found.get(name), recorded.get(name)];
		if (a === undefined || b === undefined || (a !== b && !varying.has(name)))
			wrong.push(`header ${name}: "${a}", recorded "${b}"`);
	}
	return wrong;
}

// Versions of the whole, bookmarks as time passes, and the numbers in messages.
function normalise(text, mode) {
	let lines = text.split('\n');
	if (text.startsWith('{"type"'))
		lines = lines.filter((line) => !line.startsWith('{"type":"BOOKMARK"') ||
			(mode !== 'events' && line.includes('initial-events-end')));
	return lines.join('\n')
		.replace(/("(?:type":"BOOKMARK","object|kind":"\w+List)".*?"resourceVersion":")\d+"/g, '$1"')
		.replace(/(too old resource version: \d+ \()\d+/, '$1')
		.replace(/(current: )\d+/, '$1');
}

function difference(found, recorded) {
	const [a, b] = [found.split('\n'), recorded.split('\n')];
	const at = a.findIndex((line, i) => line !== b[i]);
	const i = at < 0 ? a.length : at;
	const [x, y] = [a[i] ?? '', b[i] ?? ''];
	let column = 0;
	while (column < x.length && x[column] === y[column])
		column++;
	const from = Math.max(0, column - 60);
	return `line ${i + 1}: ...${x.slice(from, column + 80)}\nrecorded: ...${y.slice(from, column + 80)}`;
}

function bodyCompare(row, reply) {
	let { body } = reply;
	if (row.mode === 'pretty') {
		if (!/^\{\n {2}"kind"/.test(body))
			return ['it is not written for people'];
		body = `${jsonWrite(JSON.parse(body))}\n`;
	}
	const found = normalise(body, row.mode);
	const recorded = normalise(read(`${row.body}.body`), row.mode);
	return found === recorded ? [] : [difference(found, recorded)];
}

// Long bodies come in chunks of 2,048 octets, in which nothing begins or ends.
function chunksCompare(row, reply) {
	const isList = row.target.indexOf('watch') < 0;
	const wrong = reply.chunks.slice(0, -1).filter((size) => size !== 2048);
	return isList && wrong.length ? [`chunks of ${wrong.slice(0, 5)} octets`] : [];
}

// --- changes ---

// Does to the store what was done while the watch was recorded.
function replay(server, row) {
	for (const line of read(`${row.body}.body`).split('\n').filter((text) => text !== '')) {
		const { type, object } = JSON.parse(line);
		if (type === 'BOOKMARK')
			continue;
		const { plural } = byKind.get(object.kind);
		server.store.version = Number(object.metadata.resourceVersion) - 1;
		if (type === 'DELETED')
			server.store.remove(plural, object.metadata.namespace || '', object.metadata.name);
		else
			server.store.put(object);
	}
}

async function run(row) {
	const recorded = headParse(read(`${row.name}.headers`));
	const server = await serverStart(row);
	try {
		const headers = headersOf(row, recorded);
		const onHead = () => { if (row.mode === 'replay') replay(server, row); };
		const reply = row.protocol === 'HTTP/2' ? await askHttp2(server.port, row, headers) :
			await askHttp1(server.port, row, headers, onHead);
		const wrong = reply.status === recorded.status ? [] :
			[`status ${reply.status}, recorded ${recorded.status}`];
		return [...wrong, ...headersCompare(reply.headers, recorded.headers),
			...bodyCompare(row, reply), ...chunksCompare(row, reply)];
	} catch (error) {
		return [error.stack];
	} finally {
		server.close(true);
	}
}

async function main() {
	const rows = read('index').split('\n').filter((line) => line !== '').map((line) => {
		const [name, protocol, method, target, token, header, body, mode] = line.split('\t');
		return { name, protocol, method, target, token, header, body, mode };
	});
	const results = await Promise.all(rows.map(run));
	results.forEach((wrong, i) => {
		console.log(`${wrong.length ? 'not ok' : 'ok'} ${i + 1} - ${rows[i].name} is as recorded`);
		for (const text of wrong)
			console.log(text.replace(/^/gm, '# '));
	});
	console.log(`1..${rows.length}`);
	process.exit(results.some((wrong) => wrong.length) ? 1 : 0);
}

main();
