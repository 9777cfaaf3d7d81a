import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '@waybill/embedded';
import { createApiKey, generateSigningSecret } from '@waybill/signing';
import { type Command, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import { limitOptions } from '../limit-options.ts';
import { startNode } from '../node.ts';
import { runUntilSignal } from '../run-until-signal.ts';
import { commonOptions, httpOptions, type ServerSettings } from '../settings.ts';

interface DevSettings extends Omit<ServerSettings, 'databaseUrl' | 'masterKey'> {
  readonly dataDir: string;
}

interface Credentials {
  readonly apiKey: string;
  readonly signingSecret: string;
  readonly masterKey: string;
}

const loopback = ['127.0.0.0/8', '::1/128'];

export function devCommand(program: Command): void {
  const command = program
    .command('dev')
    .description('Everything in one process on an embedded PostgreSQL, for this machine alone')
    .addOption(
      new Option('--data-dir <path>', 'database and credentials').env('WAYBILL_DATA_DIR').default('.waybill'),
    );
  limitOptions(commonOptions(httpOptions(command, '127.0.0.1'), 'warn')).action(dev);
}

async function dev(settings: DevSettings): Promise<void> {
  const { dataDir } = settings;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const credentials = { ...readCredentials(dataDir), ...given(settings) };
  const postgres = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres') });
  try {
    const node = await startNode(
      {
        ...settings,
        ...credentials,
        databaseUrl: postgres.url,
        egressAllow: [...loopback, ...settings.egressAllow],
      },
      { api: true, dispatch: true },
    );
    // The ready line comes last: whoever waits for it finds all of this printed.
    console.log(`API key         ${credentials.apiKey}`);
    console.log(`signing secret  ${credentials.signingSecret}`);
    console.log(`data            ${dataDir}`);
    console.log(`waybill dev ready on ${node.url}`);
    await Promise.race([runUntilSignal(node), endOf(postgres)]);
  } finally {
    await postgres.stop();
  }
}

/** Without its database nothing here can go on; starting again recovers what was committed. */
async function endOf({ exited }: EmbeddedPostgres): Promise<never> {
  const { code, signal } = await exited;
  const how = signal === null ? `with code ${code}` : `by ${signal}`;
  throw new CliError(`the embedded PostgreSQL ended ${how}; start waybill dev again to recover`);
}

function given({ apiKey, signingSecret }: DevSettings): Partial<Credentials> {
  return { ...(apiKey ? { apiKey } : {}), ...(signingSecret ? { signingSecret } : {}) };
}

/** Made once and kept in the data dir, so that handlers keep working over restarts. */
function readCredentials(dataDir: string): Credentials {
  const file = join(dataDir, 'credentials.json');
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as Credentials;
  const credentials: Credentials = {
    apiKey: createApiKey().key,
    signingSecret: generateSigningSecret(),
    masterKey: randomBytes(32).toString('base64'),
  };
  writeFileSync(file, `${JSON.stringify(credentials, null, 2)}\n`, { mode: 0o600 });
  return credentials;
}
