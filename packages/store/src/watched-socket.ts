import { createConnection, type Socket } from 'node:net';
import { Duplex } from 'node:stream';

/** What postgres.js tells of where to connect; several hosts are tried in turn. */
interface Target {
  readonly host: readonly string[];
  readonly port: readonly number[];
  /** Of a unix socket. */
  readonly path?: string | false | undefined;
}

/** As `connect_timeout` of a connection that postgres.js opens itself. */
const connectMsMax = 5000;

/**
 * Sockets for postgres.js that break when something was sent and nothing came back for `silenceMsMax`: the peer
 * is gone without a word, and TCP alone would notice after a quarter of an hour. postgres.js then fails what
 * was asked on that connection and opens another. A peer that closes is an error as well: postgres.js 3.4.9 opens
 * a connection that was closed in order while it was opened again and again, without a pause, and fails nobody.
 * @param silenceMsMax null: whoever asks watches over the answer.
 */
export function watchedSockets(silenceMsMax: number | null): (target: Target) => Promise<Duplex> {
  let next = 0;
  return async ({ host, port, path }) => {
    const index = next++ % port.length;
    const socket = path ? createConnection(path) : createConnection(port[index]!, host[index]);
    const failure = await connected(socket);
    if (failure) return failed(failure);
    // For the server name of TLS.
    return Object.assign(new WatchedSocket(socket, silenceMsMax), { host: host[index] });
  };
}

/** Null, or why not. */
function connected(socket: Socket): Promise<Error | null> {
  return new Promise((resolve) => {
    const late = new Error(`no connection to the database within ${connectMsMax} ms`);
    const timer = setTimeout(() => settle(late), connectMsMax);
    const settle = (failure: Error | null) => {
      clearTimeout(timer);
      if (failure) socket.destroy();
      resolve(failure);
    };
    socket.once('connect', () => settle(null));
    socket.once('error', settle);
  });
}

/**
 * Fails at the first write: postgres.js 3.4.9 loses a connection for good when its socket is not made, and never
 * writes to it again when it closes before that.
 */
function failed(error: Error): Duplex {
  return new Duplex({ read() {}, write: (_bytes, _encoding, done) => done(error) });
}

/** Those of this process that are open. */
const watched = new Set<WatchedSocket>();

/** A stream of its own, not a patched socket: TLS would take the socket's handle and bypass what was patched. */
class WatchedSocket extends Duplex {
  readonly #socket: Socket;
  readonly #silenceMsMax: number | null;
  readonly #peer: string;
  #silence: NodeJS.Timeout | null = null;
  #heardAt = performance.now();

  constructor(socket: Socket, silenceMsMax: number | null) {
    super({ allowHalfOpen: true });
    this.#socket = socket;
    this.#silenceMsMax = silenceMsMax;
    this.#peer = `${socket.remoteAddress}:${socket.remotePort}`;
    watched.add(this);
    socket.on('data', (bytes) => {
      this.#heardAt = performance.now();
      this.#hear();
      if (!this.push(bytes)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy(this.writableEnded ? undefined : closedByPeer()));
  }

  get readyState(): Socket['readyState'] {
    return this.#socket.readyState;
  }

  setKeepAlive(isOn: boolean, delayMs: number): void {
    this.#socket.setKeepAlive(isOn, delayMs);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    if (this.#silenceMsMax !== null) this.#silence ??= setTimeout(() => this.#break(), this.#silenceMsMax);
    this.#socket.write(bytes, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#hear();
    watched.delete(this);
    this.#socket.destroy();
    done(error);
  }

  #hear(): void {
    if (this.#silence) clearTimeout(this.#silence);
    this.#silence = null;
  }

  /**
   * Whatever has said nothing since this one was asked most likely leads nowhere either: its next user must not
   * wait as long again. One that was only idle is opened anew.
   */
  #break(): void {
    const ms = this.#silenceMsMax!;
    const askedAt = performance.now() - ms;
    for (const other of watched) {
      if (other === this || (other.#peer === this.#peer && other.#heardAt < askedAt)) other.#fail(ms);
    }
  }

  #fail(ms: number): void {
    this.destroy(new Error(`no answer from the database for ${ms} ms`));
  }
}

function closedByPeer(): Error {
  return new Error('the database, or something on the way to it, has closed the connection');
}
