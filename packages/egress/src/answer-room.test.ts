import { afterEach, expect, test, vi } from 'vitest';
import { cleanUp, egressFor, request, serve } from '../test/harness.ts';
import { AnswerRoom, type Receiver } from './answer-room.ts';

afterEach(async () => {
  vi.restoreAllMocks();
  await cleanUp();
});

/** Receivers that write down what is asked of them. */
function setUp(bytesMax: number) {
  const asked: string[] = [];
  const receiver = (name: string): Receiver => ({
    pause: () => void asked.push(`pause ${name}`),
    resume: () => void asked.push(`resume ${name}`),
  });
  return { room: new AnswerRoom(bytesMax), asked, receiver };
}

const readBytes = 64 * 1024;

test('above the bound whoever brings more is held, and goes on in order as others end', () => {
  const { room, asked, receiver } = setUp(2 * readBytes);
  const [a, b, c] = [receiver('a'), receiver('b'), receiver('c')];
  room.grew(a, readBytes);
  room.grew(b, readBytes);
  expect(asked).toEqual([]);
  room.grew(c, 1);
  room.grew(b, 1);
  expect(asked.splice(0)).toEqual(['pause c', 'pause b']);
  room.left(a, readBytes);
  // Alone it goes on, room or not; the other waits for it.
  expect(asked.splice(0)).toEqual(['resume c']);
  room.grew(c, readBytes);
  expect(asked).toEqual([]);
  room.left(c, readBytes + 1);
  expect(asked).toEqual(['resume b']);
  room.left(b, readBytes + 1);
  expect(room.bytes).toBe(0);
});

test('one that is held and given up leaves its place in the line', () => {
  const { room, asked, receiver } = setUp(10);
  const [a, b, c] = [receiver('a'), receiver('b'), receiver('c')];
  for (const each of [a, b, c]) room.grew(each, 10);
  expect(asked.splice(0)).toEqual(['pause b', 'pause c']);
  room.left(b, 10);
  room.left(a, 10);
  expect(asked).toEqual(['resume c']);
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
  const { grew } = AnswerRoom.prototype;
  vi.spyOn(AnswerRoom.prototype, 'grew').mockImplementation(function (this: AnswerRoom, ...args) {
    grew.apply(this, args);
    most = Math.max(most, this.bytes);
  });
  const answers = Array.from({ length: 60 }, async () => {
    const answer = await egress.post(request(url, { timeoutMs: 60_000 })).answer;
    return answer.kind === 'answer' && answer.body === `${body}y`;
  });
  expect(new Set(await Promise.all(answers))).toEqual(new Set([true]));
  expect(most).toBeLessThanOrEqual(answerBytesMax + body.length + 60 * readBytes);
  expect(egress.answerBytes).toBe(0);
});
