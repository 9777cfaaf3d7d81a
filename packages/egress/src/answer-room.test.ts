import { afterEach, expect, test, vi } from 'vitest';
import { cleanUp, egressFor, request, serve } from '../test/harness.ts';
import { AnswerRoom, AnswerShare, type Receiver } from './answer-room.ts';

afterEach(async () => {
  vi.restoreAllMocks();
  await cleanUp();
});

/** Receivers of one origin, which write down what is asked of them. */
function originIn(room: AnswerRoom) {
  const share = room.share();
  const asked: string[] = [];
  const receiver = (name: string) => {
    let length = 0;
    const self: Receiver = {
      pause: () => void asked.push(`pause ${name}`),
      resume: () => void asked.push(`resume ${name}`),
    };
    return {
      grow(bytes: number) {
        length += bytes;
        share.grew(self, bytes, length);
      },
      leave() {
        share.left(self, length);
        length = 0;
      },
    };
  };
  return { asked, receiver };
}

const readBytes = 64 * 1024;
const smallBytes = 16 * 1024;

test('with half of the room taken whoever brings more is held, and goes on in order as others end', () => {
  const room = new AnswerRoom(8 * readBytes);
  const { asked, receiver } = originIn(room);
  const [a, b, c] = [receiver('a'), receiver('b'), receiver('c')];
  for (const each of [a, b]) each.grow(2 * readBytes);
  expect(asked).toEqual([]);
  c.grow(readBytes);
  b.grow(1);
  expect(asked.splice(0)).toEqual(['pause c', 'pause b']);
  // Alone it goes on, room or not; the others wait for it.
  a.grow(3 * readBytes);
  expect(asked).toEqual([]);
  a.leave();
  expect(asked.splice(0)).toEqual(['resume c']);
  c.leave();
  expect(asked).toEqual(['resume b']);
  b.leave();
  expect(room.bytes).toBe(0);
});

test('an answer that is small so far is never held', () => {
  const room = new AnswerRoom(readBytes);
  const { asked, receiver } = originIn(room);
  receiver('a').grow(3 * readBytes);
  const small = receiver('small');
  small.grow(smallBytes);
  expect(asked).toEqual([]);
  small.grow(1);
  expect(asked).toEqual(['pause small']);
});

test('one that is held and given up leaves its place in the line', () => {
  const { asked, receiver } = originIn(new AnswerRoom(10));
  const [a, b, c] = [receiver('a'), receiver('b'), receiver('c')];
  for (const each of [a, b, c]) each.grow(smallBytes + 1);
  expect(asked.splice(0)).toEqual(['pause b', 'pause c']);
  b.leave();
  a.leave();
  expect(asked).toEqual(['resume c']);
});

test('however many origins stop in the middle of their answers, the next one finds room', () => {
  const room = new AnswerRoom(256 * readBytes);
  for (let origin = 0; origin < 5; origin++) {
    const { asked, receiver } = originIn(room);
    for (let n = 0; asked.length === 0; n++) receiver(String(n)).grow(readBytes);
  }
  expect(room.bytes).toBeLessThan(255 * readBytes);
  const { asked, receiver } = originIn(room);
  for (const name of ['a', 'b']) receiver(name).grow(readBytes);
  expect(asked).toEqual([]);
});

test('sixty answers of a megabyte at once: all arrive whole, and a few are in memory at a time', async () => {
  const body = 'x'.repeat(1_000_000);
  const { url } = await serve((_, response) => {
    response.write(body);
    // Time for all the others to come as far, unless they are held.
    setTimeout(() => response.end('y'), 300);
  });
  const answerBytesMax = 4_000_000;
  const egress = egressFor({ answerBytesMax });
  let most = 0;
  const { grew } = AnswerShare.prototype;
  vi.spyOn(AnswerShare.prototype, 'grew').mockImplementation(function (this: AnswerShare, ...args) {
    grew.apply(this, args);
    most = Math.max(most, egress.answerBytes);
  });
  const answers = Array.from({ length: 60 }, async () => {
    const answer = await egress.post(request(url, { timeoutMs: 60_000 })).answer;
    return answer.kind === 'answer' && answer.body === `${body}y`;
  });
  expect(new Set(await Promise.all(answers))).toEqual(new Set([true]));
  expect(most).toBeLessThanOrEqual(answerBytesMax + body.length + 60 * readBytes);
  expect(egress.answerBytes).toBe(0);
});

test('handlers that stop in the middle of a large answer hold up nobody else', async () => {
  const stalling = await serve((_, response) => response.write('x'.repeat(1_000_000)));
  const { url } = await serve((message, response) => response.end(message.url === '/large' ? large : 'ok'));
  const large = 'y'.repeat(500_000);
  const egress = egressFor({ answerBytesMax: 2_500_000 });
  const stalled = Array.from({ length: 5 }, () => egress.post(request(stalling.url, { timeoutMs: 60_000 })));
  await expect.poll(() => egress.answerBytes, { interval: 5 }).toBeGreaterThan(1_000_000);
  const answers = ['', 'large', '', 'large'].map((path) => egress.post(request(url + path)).answer);
  const bodies = (await Promise.all(answers)).map((answer) => answer.kind === 'answer' && answer.body.length);
  expect(bodies).toEqual([2, 500_000, 2, 500_000]);
  for (const each of stalled) each.abort();
});
