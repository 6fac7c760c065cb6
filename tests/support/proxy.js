// SPDX-License-Identifier: Apache-2.0
// node proxy.js: an HTTP proxy to loopback. Says "proxy URL" when it listens, then "CONNECT
// HOST:PORT" for each tunnel.
'use strict';

const http = require('http');
const net = require('net');

const proxy = http.createServer((req, res) => {
	res.statusCode = 405;
	res.end();
});

proxy.on('connect', (req, client, head) => {
	const [host, port] = req.url.split(':');
	console.log(`CONNECT ${req.url}`);
	client.on('error', () => {});
	if (host !== '127.0.0.1') {
		client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
		return;
	}
	const server = net.connect(Number(port), host, () => {
		client.write('HTTP/1.1 200 Connection established\r\n\r\n');
		server.write(head);
		server.pipe(client);
		client.pipe(server);
	});
	server.on('error', () => client.destroy());
});

proxy.listen(0, '127.0.0.1', () => {
	console.log(`proxy http://127.0.0.1:${proxy.address().port}`);
});
process.on('SIGTERM', () => process.exit(0));
