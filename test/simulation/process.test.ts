import { expect, test } from 'vitest';
import { SimProcess } from './process.ts';
import { Random } from './random.ts';
import { World } from './world.ts';

function setUp(rate = 1) {
  const world = new World(1_000_000);
  const process = new SimProcess({ world, name: 'n1', random: new Random(1), skewMs: 500, rate });
  const seen: string[] = [];
  const see = (name: string) => () => void seen.push(`${name} ${Math.round(world.nowMs - 1_000_000)}`);
  return { world, process, seen, see };
}

test('things happen in the order of their times, of two at once first what was asked for first', async () => {
  const { world, seen, see } = setUp();
  world.after(20, see('c'));
  world.after(10, see('a'));
  world.after(10, see('b'));
  world.after(15, see('never')).cancel();
  world.after(99, see('later'));
  await world.run(1_000_050);
  expect(seen).toEqual(['a 10', 'b 10', 'c 20']);
  expect(world.nowMs).toBe(1_000_050);
});

test('what one thing makes happen happens behind its promises', async () => {
  const { world, seen, see } = setUp();
  world.after(1, () => void Promise.resolve().then(() => world.after(1, see('then'))));
  world.after(3, see('next'));
  await world.run(1_000_010);
  expect(seen).toEqual(['then 2', 'next 3']);
});

test('a process that is stopped sees what was due when it goes on; one that is dead nothing', async () => {
  const { world, process, seen, see } = setUp();
  process.runtime.after(10, see('timer'));
  process.runtime.after(12, see('cancelled')).cancel();
  process.stop();
  process.run(see('answer'));
  world.after(100, () => process.continue());
  await world.run(1_000_200);
  expect(seen.sort()).toEqual(['answer 100', 'timer 100']);
  process.runtime.after(10, see('never'));
  process.kill();
  process.run(see('never'));
  await world.run(1_000_400);
  expect(seen).toHaveLength(2);
});

test('its clocks may be off and fast', async () => {
  const { world, process, seen, see } = setUp(2);
  process.runtime.after(100, see('timer'));
  await world.run(1_000_100);
  expect(seen).toEqual(['timer 50']);
  expect(process.runtime.monotonic()).toBe(200);
  expect(process.epochMs()).toBe(1_000_700);
});

test('what nobody catches is a crash, and the others go on', async () => {
  const { world, seen, see } = setUp();
  world.after(1, () => {
    throw new Error('boom');
  });
  world.after(2, see('next'));
  await world.run(1_000_010);
  expect(world.crashes).toEqual(['crash: boom']);
  expect(seen).toEqual(['next 2']);
});
