import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../../packages/cli/bin/waybill.js', import.meta.url));
const outputLinesMax = 30;
const stopGraceMs = 20_000;

export interface DevServerOptions {
  readonly apiKey: string;
  readonly signingSecret: string;
  /** Where relative step URLs lead. */
  readonly baseUrl: string;
}

/** `waybill dev` in a process of its own, on a data dir that goes with it. */
export class DevServer {
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'waybill-demo-'));
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #output: string[] = [];

  constructor({ apiKey, signingSecret, baseUrl }: DevServerOptions) {
    const args = [program, 'dev', '--port', '0', '--data-dir', this.#dataDir];
    const settings = {
      WAYBILL_API_KEY: apiKey,
      WAYBILL_SIGNING_SECRET: signingSecret,
      WAYBILL_BASE_URL: baseUrl,
    };
    const env = { ...environmentWithoutSettings(), ...settings };
    this.#child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#child, 'exit');
  }

  /** The API's URL, once the server says that it is ready. */
  async ready(): Promise<string> {
    const url = await Promise.race([this.#readyUrl(), this.#exited.then(() => null)]);
    if (url === null) throw this.failure('waybill dev ended before it was ready');
    return url;
  }

  /** Rejects when the server ends although nobody asked it to. */
  async died(): Promise<never> {
    await this.#exited;
    throw this.failure('waybill dev ended by itself');
  }

  /** An error with the last lines of the server's log. */
  failure(message: string): Error {
    return new Error([message, ...this.#output].join('\n  '));
  }

  /** SIGTERM, wait, remove the data. Gives the exit code, null when the server had to be killed. */
  async stop(): Promise<number | null> {
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), stopGraceMs);
    this.#child.kill('SIGTERM');
    await this.#exited;
    clearTimeout(kill);
    rmSync(this.#dataDir, { recursive: true, force: true, maxRetries: 3 });
    return this.#child.exitCode;
  }

  #readyUrl(): Promise<string> {
    return new Promise((resolve) => {
      createInterface({ input: this.#child.stderr! }).on('line', (line) => this.#keep(line));
      // Not kept: the lines beside it hold the credentials.
      createInterface({ input: this.#child.stdout! }).on('line', (line) => {
        const url = /ready.*?(https?:\/\/[^\s"]+)/.exec(line)?.[1];
        if (url) resolve(url);
      });
    });
  }

  #keep(line: string): void {
    this.#output.push(line);
    if (this.#output.length > outputLinesMax) this.#output.shift();
  }
}

/** Settings of the user's own server must not reach the demo's. */
function environmentWithoutSettings(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WAYBILL_')));
}
