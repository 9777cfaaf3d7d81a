import { randomBytes } from 'node:crypto';
import { startTemporaryPostgres } from '@waybill/embedded';
import { Handlers } from './handlers.ts';

/** What `waybill` processes stand on: a PostgreSQL, a mock handler server, and the settings that name them. */
export interface Ground {
  readonly handlers: Handlers;
  readonly apiKey: string;
  readonly env: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export async function startGround(): Promise<Ground> {
  const handlers = await Handlers.start();
  try {
    const postgres = await startTemporaryPostgres();
    const apiKey = `wb_${randomBytes(18).toString('hex')}`;
    const env = {
      DATABASE_URL: postgres.url,
      WAYBILL_MASTER_KEY: randomBytes(32).toString('base64'),
      WAYBILL_API_KEY: apiKey,
      WAYBILL_EGRESS_ALLOW: '127.0.0.0/8',
      WAYBILL_BASE_URL: handlers.url,
    };
    const stop = async () => {
      await Promise.all([handlers.stop(), postgres.stop()]);
    };
    return { handlers, apiKey, env, stop };
  } catch (error) {
    await handlers.stop();
    throw error;
  }
}
