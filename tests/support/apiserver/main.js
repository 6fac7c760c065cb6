// SPDX-License-Identifier: Apache-2.0
// node main.js [--port N] [--control N] [--tls FOLDER] [--http1] [--token T] [--bookmark-ms N]
// Says "serving URL, control URL" when it listens. Ends with its standard input where
// --stdin is given, so that it does not outlive a test that was killed.
'use strict';

const { ApiServer } = require('./server.js');
const { controlListen } = require('./control.js');

function argumentsRead(list) {
	const options = { port: 0, control: 0 };
	for (let i = 0; i < list.length; i++) {
		switch (list[i]) {
		case '--port': options.port = Number(list[++i]); break;
		case '--control': options.control = Number(list[++i]); break;
		case '--tls': options.tls = list[++i]; break;
		case '--http1': options.hasHttp2 = false; break;
		case '--token': options.token = list[++i]; break;
		case '--bookmark-ms': options.bookmarkMs = Number(list[++i]); break;
		case '--stdin': options.endsWithInput = true; break;
		default:
			console.error(`unknown argument "${list[i]}"`);
			process.exit(2);
		}
	}
	return options;
}

async function main() {
	const options = argumentsRead(process.argv.slice(2));
	const server = new ApiServer(options);
	const port = await server.listen(options.port);
	const control = await controlListen(server, options.control);
	const scheme = options.tls ? 'https' : 'http';
	console.log(`serving ${scheme}://127.0.0.1:${port}, control http://127.0.0.1:${control}`);
	if (options.endsWithInput) {
		process.stdin.resume();
		process.stdin.on('end', () => process.exit(0));
	}
	process.on('SIGTERM', () => process.exit(0));
}

main().catch((error) => {
	console.error(error);
	process.exit(1);
});
