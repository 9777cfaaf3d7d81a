import type { Random } from '../../support/random.ts';
import type { FaultRow, RowReport } from '../row.ts';
import { chain, Stage } from '../traffic/stage.ts';

const digits = '7'.repeat(100_000);
/** JSON texts that are hard to keep; bytes where no text says it. */
const odd: readonly (string | Buffer)[] = [
  ...[String.raw`"\u0000"`, String.raw`"a\u0000\u0001b"`, String.raw`"\ud800"`, String.raw`"\udc00\ud800"`],
  // A lone surrogate, and the half of a character, as bytes: no UTF-8, read as U+FFFD.
  ...[Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), Buffer.from([0x22, 0xe2, 0x82, 0x22])],
  ...['null', 'true', '[]', '{}', '""', '1e400', '-1e-400', '-0', '12345678901234567890', '0.1e1', digits],
  ...[`-${digits}.${digits}`, '"\u{1f600}"', String.raw`"\/\"\\"`, String.raw`{"\u0000":1,"\ud800":2}`],
  ...['{"a":1,"a":2,"A":3}', '{"__proto__":{"x":1},"constructor":null}', '[ 1 , [2] ]'],
];

/** `--runs`: each of them is given an answer of its own, put together by the seed. */
export const r16: FaultRow = {
  id: 'R16',
  title: 'answers of odd bytes, numbers and shapes',
  short: { seconds: 0, runs: 200 },
  run: (context) => Stage.play(context, { roles: ['serve'] }, (stage) => play(stage)),
};

async function play(stage: Stage): Promise<RowReport> {
  const { client, handlers, fleet, context } = stage;
  const { runs, random } = context;
  const values = Array.from({ length: runs }, () => drawValue(random, 3));
  const given = new Map<string, Buffer>();
  handlers.on('/odd', ({ runId }) => {
    const value = given.get(runId) ?? values[given.size]!;
    given.set(runId, value);
    return { body: Buffer.concat([Buffer.from('{"success":true,"result":'), value, Buffer.from('}')]) };
  });
  await client.put('odd', chain('odd', ['/odd', '/next']));
  for (let started = 0; started < runs; started += 20)
    await Promise.all(Array.from({ length: Math.min(20, runs - started) }, () => client.start('odd')));
  stage.calm();
  const seconds = await stage.drained(60);
  const violations = await stage.violations(60_000);
  let [kept, refused] = [0, 0];
  for (const [runId, value] of given) {
    const headers = { authorization: `Bearer ${fleet.apiKey}` };
    const text = await (await fetch(`${fleet.urls()[0]}/v1/runs/${runId}`, { headers })).text();
    if (text.includes(`"results":{"s1":${value.toString()},`)) kept++;
    else if (text.includes('"state":"failed"') && /"error":\{"code":"\w+"/.test(text)) refused++;
    else violations.push(`${runId} was given ${start(value.toString())} and shows ${start(text)}`);
  }
  if (kept + refused !== runs) violations.push(`${kept + refused} of ${runs} answers were kept or refused`);
  // Above the bounds of a result nothing is kept; hardly any of these is.
  if (refused > runs / 4) violations.push(`${refused} of ${runs} answers were refused`);
  return {
    figures: { 'answers kept as they came': kept, refused, 'all over after': `${seconds.toFixed(1)} s` },
    violations,
  };
}

const start = (text: string) => (text.length > 300 ? `${text.slice(0, 300)}…` : text);

/** One of them, or several in an array or an object. */
function drawValue(random: Random, depth: number): Buffer {
  if (depth === 0 || random.chance(0.3)) return Buffer.from(random.pick(odd));
  const parts = Array.from({ length: random.between(1, 4) }, () => drawValue(random, depth - 1));
  const isArray = random.chance(0.5);
  const members = parts.flatMap((part, n) => [
    Buffer.from(`${n > 0 ? ',' : ''}${isArray ? '' : `"k${n % 2}":`}`),
    part,
  ]);
  return Buffer.concat([Buffer.from(isArray ? '[' : '{'), ...members, Buffer.from(isArray ? ']' : '}')]);
}
