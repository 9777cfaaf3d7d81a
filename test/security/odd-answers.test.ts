/** R16 through real runs: what JSON may be is stored as it came; the next step and the status get the same text. */
import { expect, test } from 'vitest';
import { usePlatform } from '../support/setup.ts';

const platform = usePlatform();
const digits = '7'.repeat(100_000);

test.each([
  ['U+0000 as an escape', String.raw`{"a":"\u0000"}`],
  ['a lone surrogate as an escape', String.raw`["\ud800","\udc00\ud800"]`],
  ['a name that is U+0000', String.raw`{"\u0000":1}`],
  ['an array', '[1, [2], {"three": 3}]'],
  ['null', 'null'],
  ['false', 'false'],
  ['an empty string', '""'],
  ['duplicate keys', '{"a":1,"a":2,"A":3}'],
  ['a number that no double holds', '1e400'],
  ['twenty digits', '12345678901234567890'],
  ['a hundred thousand digits', digits],
  ['a hundred thousand digits in an array', `[-${digits}.${digits}]`],
  ['names that objects have', '{"__proto__":{"x":1},"constructor":null,"toString":"y"}'],
])('%s is stored, shown and passed on as it came', async (_, result) => {
  const { client, handlers, url, apiKey } = platform.now;
  handlers.on('/odd', { body: `{"success":true,"result":${result}}` });
  const run = await client.run({
    id: 'odd',
    steps: [
      { id: 'a', url: '/odd' },
      { id: 'b', url: '/next', dependsOn: 'a' },
    ],
  });
  const status = async () => {
    const headers = { authorization: `Bearer ${apiKey}` };
    return (await fetch(`${url}/v1/runs/${run.id}?wait=30`, { headers })).text();
  };
  await expect.poll(status).toContain('"state":"completed"');
  const text = await status();
  expect(text.includes(`"results":{"a":${result},`)).toBe(true);
  const [next] = await handlers.waitFor('/next');
  // An object gets the envelope's `success` merged in; its members are as they came.
  const passed = result.startsWith('{') ? result.slice(1) : result;
  expect(next!.raw.includes(passed)).toBe(true);
});

test.each([
  ['a raw U+0000', 'a\u0000b'],
  ['what only looks like JSON', '{"result":'],
])('%s is text, and the run ends', async (_, body) => {
  const { handlers, client } = platform.now;
  handlers.on('/odd', { body });
  const run = await client.runToEnd({ id: 'odd-text', steps: [{ id: 'a', url: '/odd' }] });
  expect([run.state, typeof run.results.a]).toEqual(['completed', 'string']);
});
