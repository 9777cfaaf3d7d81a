import { afterEach, describe, expect, test, vi } from 'vitest';
import { fakeApi } from '../testing/fake-api.ts';
import { signedRequest, signingSecret } from '../testing/signed-request.ts';
import { Waybill } from './index.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.unstubAllGlobals();
});

describe('the environment', () => {
  test('is the default, also when it is filled after construction', async () => {
    const platform = new Waybill();
    const { url, seen } = await fakeApi({ json: { id: 'run_1' } });
    vi.stubEnv('WAYBILL_API_KEY', 'wb_from_env');
    vi.stubEnv('WAYBILL_URL', `${url}/`);
    vi.stubEnv('WAYBILL_SIGNING_SECRET', signingSecret);
    await platform.workflows.getStatus('run_1');
    expect(seen[0]).toMatchObject({
      url: '/v1/runs/run_1',
      headers: { authorization: 'Bearer wb_from_env' },
    });
    expect(await platform.jobs.verifyRequest(signedRequest())).toBe(true);
  });

  test('may hold several signing secrets', async () => {
    vi.stubEnv('WAYBILL_SIGNING_SECRET', `whsec_${'A'.repeat(32)} ${signingSecret}`);
    expect(await new Waybill().jobs.verifyRequest(signedRequest())).toBe(true);
  });

  test('gives way to options', async () => {
    vi.stubEnv('WAYBILL_SIGNING_SECRET', `whsec_${'A'.repeat(32)}`);
    expect(await new Waybill({ signingSecret }).jobs.verifyRequest(signedRequest())).toBe(true);
  });

  test('need not exist', async () => {
    vi.stubGlobal('process', undefined);
    const urls: string[] = [];
    const fetch = async (url: string) => {
      urls.push(url);
      return Response.json({});
    };
    await new Waybill({ apiKey: 'wb_x', fetch }).workflows.getStatus('run_1');
    expect(urls).toEqual(['http://localhost:4800/v1/runs/run_1']);
  });
});

describe('a setting that is missing or wrong is named, and not repeated', () => {
  const status = (options: ConstructorParameters<typeof Waybill>[0]) =>
    new Waybill(options).workflows.getStatus('run_1');
  const verify = (signing?: string | string[]) =>
    new Waybill(signing === undefined ? {} : { signingSecret: signing }).jobs.verifyRequest(signedRequest());

  test.each([
    ['missing_api_key', () => status({})],
    ['invalid_api_key', () => status({ apiKey: 'wb_hidden\nvalue' })],
    ['invalid_url', () => status({ apiKey: 'wb_x', url: 'hidden.example:4800' })],
    ['missing_signing_secret', () => verify()],
    ['missing_signing_secret', () => verify([])],
    ['invalid_signing_secret', () => verify('hidden')],
    ['invalid_signing_secret', () => verify('whsec_hidden!')],
  ])('%s', async (code, call) => {
    vi.stubEnv('WAYBILL_API_KEY', '');
    vi.stubEnv('WAYBILL_SIGNING_SECRET', '');
    const error = await call().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'ConfigError', code });
    expect((error as Error).message).not.toContain('hidden');
  });
});
