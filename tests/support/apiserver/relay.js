// SPDX-License-Identifier: Apache-2.0
// The port of an API server with TLS, from which each connection is passed on to the one
// that the server itself has. A connection that is to break breaks here: Node ends itself,
// with an assertion or a segmentation fault, where a socket is taken away below TLS and
// HTTP/2.
'use strict';

const net = require('net');

function join(client, inner) {
	const pair = [client, inner];
	for (const [from, to] of [pair, [inner, client]]) {
		from.setNoDelay(true);
		from.on('error', () => to.destroy());
		from.on('close', () => to.end());
		from.pipe(to);
	}
}

// A server whose connections go on to `listener`; onClient(client, port): the client of
// the connection that the listener sees from this port.
function relayNew(listener, onClient) {
	return net.createServer((client) => {
		const inner = net.connect(listener.address().port, '127.0.0.1', () => {
			onClient(client, inner.localPort);
			join(client, inner);
		});
		inner.on('error', () => client.destroy());
		client.on('error', () => inner.destroy());
	});
}

module.exports = { relayNew };
