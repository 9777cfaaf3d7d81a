import type { Delivery } from '@waybill/engine';
import { expect, test } from 'vitest';
import { type Sender, SendQueue } from './send-queue.ts';

/** Sends are written down as `<run><origin><n>`; room is what the test gives. */
function setUp() {
  const sent: string[] = [];
  const room = new Map<string, number>();
  const gate = { isOpen: true };
  const roomOf = (url: string) => room.get(new URL(url).hostname) ?? 0;
  const queue = new SendQueue({ isOpen: () => gate.isOpen, hasRoom: (url) => roomOf(url) > 0 });
  const run = (name: string, project = 'p'): Sender & { push(host: string, n: number): void } => {
    const names = new Map<Delivery, string>();
    const sender = {
      project: { uuid: project },
      send(delivery: Delivery) {
        const label = names.get(delivery)!;
        const host = label[1]!;
        room.set(host, room.get(host)! - 1);
        sent.push(label);
      },
      push(host: string, n: number) {
        const delivery = {} as Delivery;
        names.set(delivery, `${name}${host}${n}`);
        queue.push(sender, delivery, `http://${host}/${n}`);
      },
    };
    return sender;
  };
  const give = (host: string, count: number) => {
    room.set(host, count);
    queue.ended(`http://${host}/`);
  };
  return { queue, sent, gate, room, run, give };
}

test('within an origin runs take turns, each in its own order', () => {
  const { queue, sent, run, give } = setUp();
  const [a, b, c] = [run('A'), run('B'), run('C')];
  for (let n = 0; n < 4; n++) a.push('x', n);
  b.push('x', 0);
  c.push('x', 0);
  c.push('x', 1);
  expect(sent).toEqual([]);
  give('x', 5);
  expect(sent).toEqual(['Ax0', 'Bx0', 'Cx0', 'Ax1', 'Cx1']);
  give('x', 9);
  expect(sent.slice(5)).toEqual(['Ax2', 'Ax3']);
  expect(queue.size).toBe(0);
});

test('an origin without room does not hold up the others, also of the same run', () => {
  const { queue, sent, run, give } = setUp();
  const [a, b] = [run('A'), run('B')];
  for (let n = 0; n < 3; n++) a.push('x', n);
  give('y', 9);
  a.push('y', 0);
  b.push('y', 0);
  expect(sent).toEqual(['Ay0', 'By0']);
  give('x', 9);
  expect(sent.slice(2)).toEqual(['Ax0', 'Ax1', 'Ax2']);
  expect(queue.size).toBe(0);
});

test('projects take turns, whatever the number of their runs', () => {
  const { queue, sent, run, give } = setUp();
  for (const name of ['A', 'B', 'C', 'D']) run(name, 'flood').push('x', 0);
  const [late, later] = [run('X', 'other'), run('Y', 'third')];
  for (const each of [late, later]) for (let n = 0; n < 2; n++) each.push('x', n);
  give('x', 9);
  expect(sent).toEqual(['Ax0', 'Xx0', 'Yx0', 'Bx0', 'Xx1', 'Yx1', 'Cx0', 'Dx0']);
  expect(queue.size).toBe(0);
});

test('origins take turns', () => {
  const { sent, gate, run, give } = setUp();
  const a = run('A');
  gate.isOpen = false;
  give('x', 9);
  give('y', 9);
  for (let n = 0; n < 2; n++) a.push('x', n);
  for (let n = 0; n < 2; n++) a.push('y', n);
  expect(sent).toEqual([]);
  gate.isOpen = true;
  give('x', 9);
  expect(sent).toEqual(['Ax0', 'Ay0', 'Ax1', 'Ay1']);
});

test('origins set aside come back when one of their own exchanges ends, or many others have', () => {
  const { sent, queue, run, room } = setUp();
  run('A').push('x', 0);
  run('B').push('y', 0);
  room.set('x', 1).set('y', 1);
  queue.pump();
  expect(sent).toEqual([]);
  queue.ended('http://x/other');
  expect(sent).toEqual(['Ax0']);
  for (let n = 0; n < 70; n++) queue.ended('http://z/');
  expect(sent).toEqual(['Ax0', 'By0']);
});

test('a removed run sends nothing more; the others go on', () => {
  const { queue, sent, run, give } = setUp();
  const [a, b] = [run('A'), run('B')];
  a.push('x', 0);
  a.push('y', 0);
  b.push('x', 0);
  queue.remove(a);
  queue.remove(a);
  expect(queue.size).toBe(1);
  give('x', 9);
  give('y', 9);
  expect(sent).toEqual(['Bx0']);
});

test('a send that pushes, removes, or throws leaves the queue in order', () => {
  const sent: string[] = [];
  const queue = new SendQueue({ isOpen: () => isOpen, hasRoom: () => true });
  let isOpen = false;
  const project = { uuid: 'p' };
  const after: Sender = { project, send: () => void sent.push('after') };
  const pushing: Sender = {
    project,
    send: () => {
      sent.push('pushing');
      queue.push(after, {} as Delivery, 'http://x/');
      queue.remove(removed);
    },
  };
  const removed: Sender = { project, send: () => void sent.push('removed') };
  const throwing: Sender = {
    project,
    send: () => {
      sent.push('throwing');
      throw new Error('test');
    },
  };
  for (const sender of [pushing, removed]) queue.push(sender, {} as Delivery, 'http://x/');
  isOpen = true;
  queue.pump();
  expect(sent).toEqual(['pushing', 'after']);
  expect(() => queue.push(throwing, {} as Delivery, 'http://x/')).toThrow('test');
  queue.push(after, {} as Delivery, 'http://x/');
  expect(sent).toEqual(['pushing', 'after', 'throwing', 'after']);
  expect(queue.size).toBe(0);
});

test('sends that end at once and each bring the next one do not nest', () => {
  let left = 20_000;
  const sender: Sender = {
    project: { uuid: 'p' },
    send: () => {
      if (--left > 0) queue.push(sender, {} as Delivery, 'http://x/');
    },
  };
  const queue = new SendQueue({ isOpen: () => true, hasRoom: () => true });
  queue.push(sender, {} as Delivery, 'http://x/');
  expect([left, queue.size]).toEqual([0, 0]);
});
