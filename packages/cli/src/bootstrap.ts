import { randomUUID } from 'node:crypto';
import {
  apiKeyPrefix,
  createApiKey,
  generateSigningSecret,
  hashApiKey,
  isBootstrapApiKey,
  type Keyring,
} from '@waybill/signing';
import { addKey, addSecret, type Database, hasLiveKey, liveSecrets, upsertProject } from '@waybill/store';
import { CliError } from './cli-error.ts';

export interface BootstrapOptions {
  readonly apiKey?: string | undefined;
  readonly signingSecret?: string | undefined;
  readonly baseUrl?: string | undefined;
}

/** What was generated here and will never be shown again. */
export interface Generated {
  readonly apiKey?: string;
  readonly signingSecret?: string;
}

/** Makes sure that the project `default` has a key and a signing secret. Repeatable, also at the same time. */
export async function bootstrap(
  database: Database,
  keyring: Keyring,
  options: BootstrapOptions,
): Promise<Generated> {
  const project = await upsertProject(database, {
    uuid: randomUUID(),
    name: 'default',
    baseUrl: options.baseUrl ?? null,
  });
  const apiKey = await ensureKey(database, project.uuid, options.apiKey);
  const signingSecret = await ensureSecret(database, keyring, project.uuid, options.signingSecret);
  return { ...(apiKey ? { apiKey } : {}), ...(signingSecret ? { signingSecret } : {}) };
}

async function ensureKey(database: Database, projectUuid: string, given?: string): Promise<string | null> {
  if (given !== undefined && !isBootstrapApiKey(given)) {
    throw new CliError('WAYBILL_API_KEY must start with "wb_" and have 12 to 256 printable characters.');
  }
  if (given === undefined && (await hasLiveKey(database, projectUuid))) return null;
  const key = given ?? createApiKey().key;
  await addKey(database, {
    uuid: randomUUID(),
    projectUuid,
    name: 'bootstrap',
    prefix: apiKeyPrefix(key),
    hash: hashApiKey(key),
    scopes: ['admin'],
  });
  return given === undefined ? key : null;
}

async function ensureSecret(
  database: Database,
  keyring: Keyring,
  projectUuid: string,
  given?: string,
): Promise<string | null> {
  const aad = `project:${projectUuid}`;
  const stored = (await liveSecrets(database, projectUuid)).map((sealed) => keyring.open(sealed, aad));
  if (given === undefined ? stored.length > 0 : stored.includes(given)) return null;
  const secret = given ?? generateSigningSecret();
  await addSecret(database, { uuid: randomUUID(), projectUuid, sealed: keyring.seal(secret, aad) });
  return given === undefined ? secret : null;
}
