/**
 * The handler server of the benchmarks, in its own process: answers every POST at once with a small JSON,
 * and tells the parent, a batch per turn of the event loop, which runs got their last step, and when a hook came.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const body = Buffer.from(JSON.stringify({ success: true, result: { ok: 1, data: 'x'.repeat(64) } }));
const head = { 'content-type': 'application/json', 'content-length': body.length };
let ended: string[] = [];

function report(run: string): void {
  if (ended.push(run) > 1) return;
  setImmediate(() => {
    process.send?.({ ended });
    ended = [];
  });
}

const server = createServer((request, response) => {
  request.resume();
  request.on('end', () => {
    response.writeHead(200, head);
    response.end(body);
    if (request.url === '/last') report(String(request.headers['waybill-run']));
    if (request.url === '/hook') process.send?.({ hookAt: performance.timeOrigin + performance.now() });
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }));
process.on('disconnect', () => process.exit());
