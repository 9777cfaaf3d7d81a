import { ConfigError } from './errors.ts';
import { type Runtime, systemRuntime } from './runtime.ts';

export interface WaybillOptions {
  /** `wb_…`. Default: `WAYBILL_API_KEY`. Needed by `workflows` only. */
  readonly apiKey?: string;
  /** Base URL of the API. Default: `WAYBILL_URL`, else `http://localhost:4800`. */
  readonly url?: string;
  /**
   * `whsec_…` or `whpk_…`; several during rotation, any may match. Default: `WAYBILL_SIGNING_SECRET`, where
   * several are separated by spaces. Needed by `jobs` only.
   */
  readonly signingSecret?: string | readonly string[];
  /** Default: the global `fetch`. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Time and chance, for tests. */
  readonly runtime?: Runtime;
}

/**
 * Everything is read when it is first needed: a handler needs no API key, a client no signing secret, and
 * the environment is often filled after this module was imported.
 */
export interface Settings {
  readonly fetch: NonNullable<WaybillOptions['fetch']>;
  readonly runtime: Runtime;
  apiKey(): string;
  /** Without a slash at its end. */
  url(): string;
  signingSecrets(): readonly string[];
}

export function settingsOf(options: WaybillOptions): Settings {
  return {
    // Called through the global: workers refuse a fetch whose `this` is another object.
    fetch: options.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    runtime: options.runtime ?? systemRuntime,
    apiKey: () => checkedApiKey(options.apiKey ?? environment('WAYBILL_API_KEY')),
    url: () => checkedUrl(options.url ?? environment('WAYBILL_URL') ?? 'http://localhost:4800'),
    signingSecrets: () => checkedSecrets(options.signingSecret ?? environment('WAYBILL_SIGNING_SECRET')),
  };
}

/** Edge runtimes may have no `process`, or one without `env`. An empty variable counts as unset. */
function environment(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  return process?.env?.[name] || undefined;
}

function checkedApiKey(apiKey: string | undefined): string {
  const key = apiKey?.trim();
  if (!key) throw new ConfigError('missing_api_key', 'set WAYBILL_API_KEY or pass apiKey to new Waybill()');
  // `Headers` would refuse it too, but with the key in its message.
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new ConfigError('invalid_api_key', 'the API key has characters that no key has');
  }
  return key;
}

function checkedUrl(url: string): string {
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw new ConfigError('invalid_url', 'WAYBILL_URL (or url) must be an http or https URL');
  }
  return url.replace(/\/+$/, '');
}

function checkedSecrets(secret: string | readonly string[] | undefined): readonly string[] {
  const secrets = typeof secret === 'string' ? secret.split(/\s+/) : (secret ?? []);
  const given = secrets.filter((text) => text !== '');
  if (given.length === 0) {
    throw new ConfigError(
      'missing_signing_secret',
      'set WAYBILL_SIGNING_SECRET or pass signingSecret to new Waybill()',
    );
  }
  return given;
}
