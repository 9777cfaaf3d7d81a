import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface DatabaseProxy {
  readonly url: string;
  /** Cuts every connection at the next bytes of this direction, which are not passed on. Resolves when done. */
  cutAt(direction: 'request' | 'answer'): Promise<void>;
  /** From now on nothing passes on the connections there are, and nobody is told. */
  goSilent(): void;
  close(): Promise<void>;
}

/** In front of PostgreSQL. An answer leaves the server when its transaction has committed. */
export async function startProxy(databaseUrl: string): Promise<DatabaseProxy> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  const silent = new WeakSet<Socket>();
  let armed: { direction: string; done: () => void } | null = null;

  function relay(direction: 'request' | 'answer', from: Socket, to: Socket): void {
    sockets.add(from);
    from.on('data', (bytes) => {
      if (silent.has(from)) return;
      if (armed?.direction !== direction) return void to.write(bytes);
      armed.done();
      armed = null;
      for (const socket of sockets) socket.destroy();
    });
    from.on('error', () => {});
    from.on('close', () => {
      sockets.delete(from);
      to.destroy();
    });
  }

  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname);
    relay('request', client, upstream);
    relay('answer', upstream, client);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(databaseUrl);
  url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url: url.href,
    cutAt: (direction) =>
      new Promise((done) => {
        armed = { direction, done };
      }),
    goSilent() {
      for (const socket of sockets) silent.add(socket);
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
