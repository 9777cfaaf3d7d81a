import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** What befalls the connections through a proxy. Draws come from the caller, so that they repeat. */
export interface ProxyFaults {
  /** Asked at each answer to a write, when the server has sent all of it: true loses it, with the connection. */
  readonly losesAnswer?: () => boolean;
}

interface Link {
  readonly client: Socket;
  readonly upstream: Socket;
  /** `application_name` and user, once its first bytes have come. */
  name: string;
  user: string;
  isFrozen: boolean;
  /** Since when the client waits for an answer, and for one that cannot come; null when it does not. */
  askedAt: number | null;
  /** A statement that writes has been parsed, and is not executed yet. */
  isPrepared: boolean;
  /** One is under way. */
  isWriting: boolean;
  /** Held back until the answer is whole. */
  held: Buffer[];
  /** Requests that do not get on. */
  stalled: Buffer[];
  /** Bytes of the server that still pass; null: all. */
  left: number | null;
}

/** A half-open connection: how long its client has waited for an answer; null when it asked nothing. */
export interface GivenUp {
  readonly name: string;
  readonly askedMs: number | null;
}

const keepAliveMs = 2000;
/** How the connections of a journal are named. */
const journal = 'waybill journal';
const writes = /\b(insert into|update|delete from)\s/i;
const simpleQuery = 0x51;
const terminate = 0x58;
const sync = Buffer.from([0x53, 0, 0, 0, 4]);
/** ReadyForQuery: the transaction before it is over, whichever way. */
const readyForQuery = Buffer.from([0x5a, 0, 0, 0, 5]);

/** In front of PostgreSQL, and able to do what networks do: cut, fall silent, be slow, lead elsewhere. */
export class TcpProxy {
  readonly #server: Server;
  readonly #links = new Set<Link>();
  readonly #faults: ProxyFaults;
  #target: URL;
  #delayMs = 0;
  #isRefusing = false;
  #isStalling = false;
  readonly #heldUsers = new Set<string>();
  readonly #givenUp: GivenUp[] = [];
  #losses = 0;
  #openingBytesMax: number | null = null;

  static async start(targetUrl: string, faults: ProxyFaults = {}): Promise<TcpProxy> {
    const server = createServer();
    await once(server.listen(0, '127.0.0.1'), 'listening');
    return new TcpProxy(server, targetUrl, faults);
  }

  private constructor(server: Server, targetUrl: string, faults: ProxyFaults) {
    this.#server = server;
    this.#target = new URL(targetUrl);
    this.#faults = faults;
    server.on('connection', (client) => this.#open(client));
  }

  /** The target's, by way of this proxy. */
  get url(): string {
    const url = new URL(this.#target);
    url.host = `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return url.href;
  }

  /** Answers lost so far. */
  get losses(): number {
    return this.#losses;
  }

  /** Connections that lead nowhere and that the client has not given up yet. */
  get frozen(): number {
    return [...this.#links].filter(({ isFrozen, client }) => isFrozen && !client.destroyed).length;
  }

  /** Cuts new connections once the server has said so many bytes: in the middle of their opening. */
  cutOpenings(afterBytes: number | null): void {
    this.#openingBytesMax = afterBytes;
  }

  /** Cuts all connections; new ones lead to the same place. */
  cut(): void {
    for (const link of this.#links) drop(link);
  }

  /** Cuts, and new connections lead there. */
  retarget(url: string): void {
    this.#target = new URL(url);
    this.cut();
  }

  /** Nothing passes any more on the connections there are, or those of that name, and nobody is told: half open. */
  freeze(name?: string): void {
    const now = performance.now();
    for (const link of this.#links) {
      if (name !== undefined && link.name !== name) continue;
      link.isFrozen = true;
      if (link.askedAt !== null) link.askedAt = now;
    }
  }

  /** Half-open connections that the client has closed. */
  get givenUp(): readonly GivenUp[] {
    return this.#givenUp;
  }

  /** For how long the client has waited on each half-open connection on which it asked something. */
  waits(): GivenUp[] {
    return [...this.#links].flatMap((link) => (link.isFrozen && link.askedAt !== null ? [waitOf(link)] : []));
  }

  /** Connections of that name on which something passes. */
  named(name: string): number {
    return [...this.#links].filter((link) => link.name === name && !link.isFrozen).length;
  }

  /** What writes does not get on, and whatever follows it on its connection; the rest does. */
  stallWrites(isStalling: boolean): void {
    this.#isStalling = isStalling;
    if (isStalling) return;
    for (const link of this.#links) {
      for (const bytes of link.stalled.splice(0)) link.upstream.write(bytes);
    }
  }

  /** What that user's journals write does not get on: held back, while all the rest passes. */
  hold(user: string): void {
    this.#heldUsers.add(user);
  }

  /** Journals of that user whose next message waits here. */
  held(user: string): number {
    return this.#waiting(user).length;
  }

  /** Lets go of what was held; the first that the database answers to each. */
  release(user: string): Promise<string[]> {
    this.#heldUsers.delete(user);
    const answers = this.#waiting(user).map((link) => {
      const answer = new Promise<string>((resolve) => {
        link.upstream.once('data', (bytes: Buffer) => resolve(bytes.toString('latin1')));
        link.upstream.once('close', () => resolve(''));
      });
      for (const bytes of link.stalled.splice(0)) link.upstream.write(bytes);
      return answer;
    });
    return Promise.all(answers);
  }

  /** New connections are closed before the server says a word. */
  refuse(isRefusing: boolean): void {
    this.#isRefusing = isRefusing;
  }

  /** Every answer takes so much longer. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #waiting(user: string): Link[] {
    return [...this.#links].filter((link) => link.user === user && link.stalled.length > 0);
  }

  #open(client: Socket): void {
    if (this.#isRefusing) return void client.destroy();
    const upstream = connect(Number(this.#target.port), this.#target.hostname);
    const link: Link = {
      client,
      upstream,
      name: '',
      user: '',
      isFrozen: false,
      askedAt: null,
      isPrepared: false,
      isWriting: false,
      held: [],
      stalled: [],
      left: this.#openingBytesMax,
    };
    this.#links.add(link);
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => {
        if (link.isFrozen && this.#links.has(link)) this.#givenUp.push(waitOf(link));
        this.#links.delete(link);
        // Half open: the other side learns of it by its keep-alive alone, here soon.
        if (link.isFrozen) setTimeout(drop, keepAliveMs, link).unref();
        else drop(link);
      });
    }
    client.on('data', (bytes) => this.#request(link, bytes));
    upstream.on('data', (bytes) => this.#answer(link, bytes));
  }

  #request(link: Link, bytes: Buffer): void {
    if (bytes[0] !== terminate) link.askedAt ??= performance.now();
    if (link.isFrozen) return;
    if (link.name === '') [link.name, link.user] = [wordOf(bytes, 'application_name'), wordOf(bytes, 'user')];
    const isStalling = this.#isStalling || (this.#heldUsers.has(link.user) && link.name.startsWith(journal));
    const isHeld = link.stalled.length > 0 || (isStalling && writes.test(bytes.toString('latin1')));
    if (isHeld) return void link.stalled.push(bytes);
    if (this.#faults.losesAnswer) watchWrites(link, bytes);
    link.upstream.write(bytes);
  }

  #answer(link: Link, bytes: Buffer): void {
    if (link.isFrozen) return;
    if (endsAnswer(bytes)) link.askedAt = null;
    if (link.left !== null) return this.#passSome(link, bytes);
    if (!link.isWriting) return this.#pass(link, bytes);
    link.held.push(bytes);
    const whole = Buffer.concat(link.held);
    if (!endsAnswer(whole)) return;
    link.isWriting = false;
    link.held = [];
    if (!this.#faults.losesAnswer!()) return this.#pass(link, whole);
    this.#losses++;
    drop(link);
  }

  #passSome(link: Link, bytes: Buffer): void {
    const passed = bytes.subarray(0, link.left!);
    link.left! -= passed.length;
    link.client.write(passed);
    if (link.left === 0) drop(link);
  }

  #pass({ client }: Link, bytes: Buffer): void {
    if (this.#delayMs === 0) client.write(bytes);
    else setTimeout(() => client.write(bytes), this.#delayMs);
  }
}

/** Of the start-up message: names and values, each with a zero behind it. */
function wordOf(bytes: Buffer, name: string): string {
  const words = bytes.toString('latin1').split('\0');
  return words[words.indexOf(name) + 1] ?? '';
}

/** A simple query writes at once; of an extended one the answer to its parsing comes first. */
function watchWrites(link: Link, bytes: Buffer): void {
  const isSimple = bytes[0] === simpleQuery;
  if (writes.test(bytes.toString('latin1'))) link.isPrepared = true;
  if (!link.isPrepared || !(isSimple || bytes.subarray(-5).equals(sync))) return;
  link.isPrepared = false;
  link.isWriting = true;
}

/** It comes last, with the state of the session behind it. */
function endsAnswer(bytes: Buffer): boolean {
  return bytes.subarray(-6, -1).equals(readyForQuery);
}

function waitOf({ name, askedAt }: Link): GivenUp {
  return { name, askedMs: askedAt === null ? null : performance.now() - askedAt };
}

function drop({ client, upstream }: Link): void {
  client.destroy();
  upstream.destroy();
}
