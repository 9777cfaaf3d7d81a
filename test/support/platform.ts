import { randomBytes } from 'node:crypto';
import { ApiClient } from './client.ts';
import { startGround } from './ground.ts';
import type { Handlers } from './handlers.ts';
import { type ExitCode, type ServeProcess, startServe } from './serve.ts';

/** A PostgreSQL, a `waybill serve` on it, a mock handler server, and a client: all real, all on free ports. */
export interface Platform {
  readonly handlers: Handlers;
  readonly client: ApiClient;
  readonly apiKey: string;
  readonly signingSecret: string;
  /** Base URL of the API; another one after a restart. */
  readonly url: string;
  kill(): Promise<void>;
  /** Starts `serve` again on the same database after `kill` or `stopServing`. */
  restart(): Promise<void>;
  stopServing(): Promise<ExitCode>;
  stop(): Promise<void>;
  /** The last lines that `serve` wrote. */
  log(): string;
}

export interface PlatformOptions {
  /** Settings of `serve` that differ; an empty value takes a setting away. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function startPlatform({ env: changed = {} }: PlatformOptions = {}): Promise<Platform> {
  const ground = await startGround();
  const { handlers, apiKey } = ground;
  const signingSecret = `whsec_${randomBytes(24).toString('base64')}`;
  const env = { ...ground.env, WAYBILL_SIGNING_SECRET: signingSecret, ...changed };
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  let serve: ServeProcess;
  try {
    serve = await startServe(given);
  } catch (error) {
    await ground.stop();
    throw error;
  }
  return {
    handlers,
    client: new ApiClient(() => serve.url, apiKey),
    apiKey,
    signingSecret,
    get url() {
      return serve.url;
    },
    log: () => serve.log(),
    kill: () => serve.kill(),
    stopServing: () => serve.stop(),
    async restart() {
      serve = await startServe(given);
    },
    async stop() {
      await serve.stop();
      await ground.stop();
    },
  };
}
