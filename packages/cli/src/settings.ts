import type { Limits } from '@waybill/protocol';
import { type Command, InvalidArgumentError, Option } from 'commander';

/** What a server process is told. Flags win over `WAYBILL_*` variables; both are listed by `--help`. */
export interface ServerSettings extends Limits {
  readonly port: number;
  readonly host: string;
  readonly databaseUrl: string;
  readonly masterKey: string;
  readonly apiKey?: string;
  readonly signingSecret?: string;
  readonly baseUrl?: string;
  /** Where handlers reach the API. */
  readonly publicUrl?: string;
  readonly egressAllow: readonly string[];
  readonly connectionsPerOrigin: number;
  readonly inFlightMax: number;
  readonly runsMax: number;
  readonly eventStreamsMax?: number;
  readonly startsMax?: number;
  readonly backlogMax?: number;
  readonly waitsMax?: number;
  /** Where a process without the API serves its metrics; not at all when absent. */
  readonly metricsPort?: number;
  readonly retentionDays: number;
  /** Seconds. */
  readonly grace: number;
  readonly logLevel: string;
}

export function httpOptions(command: Command, defaultHost: string): Command {
  return command
    .addOption(
      option('--port <number>', 'port of the API; 0 picks a free one', 'PORT', integer(0, 65535), 4800),
    )
    .addOption(
      new Option('--host <address>', 'address to listen on').env('WAYBILL_HOST').default(defaultHost),
    )
    .addOption(
      new Option('--api-key <key>', 'bootstrap key of the project "default"; else one is generated').env(
        'WAYBILL_API_KEY',
      ),
    )
    .addOption(
      new Option('--signing-secret <secret>', 'signs requests (whsec_…); else one is generated').env(
        'WAYBILL_SIGNING_SECRET',
      ),
    )
    .addOption(
      new Option('--base-url <url>', 'relative step URLs resolve against it')
        .env('WAYBILL_BASE_URL')
        .argParser(httpUrl),
    )
    .addOption(
      option(
        '--event-streams-max <n>',
        'runs followed live at once',
        'EVENT_STREAMS_MAX',
        integer(1, 100_000),
        1000,
      ),
    )
    .addOption(
      option('--starts-max <n>', 'runs being started at once', 'STARTS_MAX', integer(1, 100_000), 4000),
    )
    .addOption(
      option(
        '--backlog-max <n>',
        'runs of one project that wait for a dispatcher',
        'BACKLOG_MAX',
        integer(1, 10_000_000),
        5000,
      ),
    )
    .addOption(
      option(
        '--waits-max <n>',
        'requests that wait for a run at once',
        'WAITS_MAX',
        integer(1, 100_000),
        10_000,
      ),
    );
}

/** For a process without the API, which has a port already. */
export function metricsOptions(command: Command): Command {
  return command.addOption(
    new Option('--metrics-port <number>', 'serves /metrics on this port; 0 picks a free one')
      .env('WAYBILL_METRICS_PORT')
      .argParser(integer(0, 65535)),
  );
}

export function databaseOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--database-url <url>', 'PostgreSQL 15 or newer').env('DATABASE_URL').makeOptionMandatory(),
    )
    .addOption(
      new Option('--master-key <key>', 'encrypts secrets at rest; at least 32 characters')
        .env('WAYBILL_MASTER_KEY')
        .makeOptionMandatory(),
    );
}

export function commonOptions(command: Command, defaultLogLevel = 'info'): Command {
  return command
    .addOption(
      new Option('--public-url <url>', 'where handlers reach the API, for callbacks; else its own address')
        .env('WAYBILL_PUBLIC_URL')
        .argParser(httpUrl),
    )
    .addOption(
      new Option('--egress-allow <cidrs>', 'special address ranges that steps may call, comma separated')
        .env('WAYBILL_EGRESS_ALLOW')
        .argParser(list)
        .default([], 'none'),
    )
    .addOption(
      option(
        '--connections-per-origin <n>',
        'requests in flight to one origin',
        'CONNECTIONS_PER_ORIGIN',
        integer(1, 10_000),
        128,
      ),
    )
    .addOption(
      option(
        '--in-flight-max <n>',
        'requests in flight of one dispatcher',
        'IN_FLIGHT_MAX',
        integer(1, 100_000),
        4096,
      ),
    )
    .addOption(
      option('--runs-max <n>', 'runs in memory of one dispatcher', 'RUNS_MAX', integer(1, 1_000_000), 10_000),
    )
    .addOption(
      option(
        '--retention-days <n>',
        'how long finished runs are kept',
        'RETENTION_DAYS',
        integer(1, 3650),
        30,
      ),
    )
    .addOption(option('--grace <seconds>', 'for what is in flight at SIGTERM', 'GRACE', integer(0, 3600), 30))
    .addOption(
      new Option('--log-level <level>', 'to stderr, as JSON lines')
        .env('WAYBILL_LOG_LEVEL')
        .choices(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default(defaultLogLevel),
    );
}

function option(flags: string, text: string, name: string, parse: (text: string) => unknown, value: number) {
  return new Option(flags, text).env(`WAYBILL_${name}`).argParser(parse).default(value);
}

export function integer(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

function list(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function httpUrl(text: string): string {
  if (URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)) return text;
  throw new InvalidArgumentError('It must be an http or https URL.');
}
