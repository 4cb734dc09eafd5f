// `node -r ./pin.js PROGRAM`: whatever address a server asks for, it gets a free port of 127.0.0.1, and the line
// "pinned ASKED ACTUAL" says on stdout which.  Emulators listen on every interface by default; tests must not.
'use strict';

const { Server } = require('net');

const original = Server.prototype.listen;

// listen(port, host, backlog, callback), listen({port, ...}, callback): only port and callback matter here.
function askedPort(first) {
    return Number(first !== null && typeof first === 'object' ? first.port : first);
}

Server.prototype.listen = function pinnedListen(...given) {
    const asked = askedPort(given[0]);
    const callback = given.find((argument) => typeof argument === 'function');

    if (!Number.isInteger(asked)) {
        throw new Error('pin.js: only TCP ports can be listened on here');
    }
    this.once('listening', () => process.stdout.write(`pinned ${asked} ${this.address().port}\n`));
    return original.call(this, { host: '127.0.0.1', port: 0 }, callback);
};
