/** Requests of a running platform, verified by libraries and code that know nothing of Waybill. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { beforeAll, describe, expect, test } from 'vitest';
import type { SeenRequest } from '../support/handlers.ts';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
const context = { name: 'Zoë 🚀', nul: 'a\u0000b', amount: 1.5, nested: [{ '"': '\\' }] };

type Verify = (request: Pick<SeenRequest, 'raw' | 'headers'>, secret: string) => boolean;

const accepts = (verify: () => unknown): boolean => {
  try {
    verify();
    return true;
  } catch {
    return false;
  }
};

/** Svix reads the same three headers under its own older names too; it is given the standard ones. */
const verifiers: Record<string, Verify> = {
  standardwebhooks: ({ raw, headers }, secret) =>
    accepts(() => new StandardWebhook(secret).verify(raw, headers as Record<string, string>)),
  svix: ({ raw, headers }, secret) =>
    accepts(() => new SvixWebhook(secret).verify(raw, headers as Record<string, string>)),
};

if (spawnSync('python3', ['--version']).status === 0) {
  const script = fileURLToPath(new URL('verify.py', import.meta.url));
  verifiers['the standard library of Python'] = ({ raw, headers }, secret) => {
    const input = JSON.stringify({ secret, headers, body: raw });
    const { status, stderr } = spawnSync('python3', [script], { input, encoding: 'utf8' });
    if (stderr !== '') throw new Error(stderr);
    return status === 0;
  };
} else {
  console.warn('python3 is not on this machine: its verifier is left out');
}

describe('step, compensation and hook requests', () => {
  const requests = new Map<string, SeenRequest>();

  beforeAll(async () => {
    const { client, handlers } = platform.now;
    handlers.on('/charge', { status: 503 }, { status: 400 });
    const run = await client.run({
      id: 'interop',
      saga: true,
      context,
      onError: '/failed',
      steps: [
        { id: 'reserve', url: '/reserve', compensation: '/release' },
        { id: 'charge', url: '/charge', dependsOn: 'reserve', retries: { initialDelay: '1ms' } },
      ],
    });
    await client.done(run.id);
    const [step, compensation, hook] = ['/reserve', '/release', '/failed'].map(
      (path) => handlers.requests(path)[0]!,
    );
    requests.set('step', step!).set('compensation', compensation!).set('hook', hook!);
    requests.set('second attempt', handlers.requests('/charge')[1]!);
  });

  const kinds = ['step', 'second attempt', 'compensation', 'hook'];
  const cases = Object.entries(verifiers).flatMap(([name, verify]) =>
    kinds.map((kind) => ({ name, kind, verify })),
  );

  test.each(cases)('$name accepts a $kind as it came', ({ kind, verify }) => {
    const request = requests.get(kind)!;
    expect(verify(request, platform.now.signingSecret)).toBe(true);
    expect(request.body.context).toEqual(context);
  });

  test.each(cases)('$name refuses a $kind that was changed', ({ kind, verify }) => {
    const { raw, headers } = requests.get(kind)!;
    const secret = platform.now.signingSecret;
    expect(verify({ raw: raw.replace('1.5', '1.6'), headers }, secret)).toBe(false);
    expect(verify({ raw, headers: { ...headers, 'webhook-id': 'msg_other' } }, secret)).toBe(false);
    const old = String(Number(headers['webhook-timestamp']) - 3600);
    expect(verify({ raw, headers: { ...headers, 'webhook-timestamp': old } }, secret)).toBe(false);
    expect(verify({ raw, headers }, `whsec_${Buffer.alloc(24, 7).toString('base64')}`)).toBe(false);
  });
});
