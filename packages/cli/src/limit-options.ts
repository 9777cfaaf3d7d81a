import { defaultLimits, type Limits } from '@waybill/protocol';
import { type Command, Option } from 'commander';
import { integer } from './settings.ts';

const mib = 1024 * 1024;

/** What each limit bounds, and the most that it may be set to. */
const known: { readonly [Name in keyof Limits]: readonly [text: string, most: number, least?: number] } = {
  requestBodyBytesMax: ['bytes of a request to the API', 256 * mib],
  jsonDepthMax: ['arrays and objects in each other in a request', 2000],
  contextBytesMax: ['bytes of the context of a run', 64 * mib],
  resultBytesMax: ['bytes of the result of a step', 64 * mib],
  deliveryBytesMax: ['bytes of a request to a handler', 256 * mib],
  runStateBytesMax: ['bytes of context, steps and results of a run', 1024 * mib],
  stepsMax: ['steps of a run, instances of a forEach included', 100_000],
  subWorkflowDepthMax: ['runs in each other, by sub-workflows', 100],
  expressionCharsMax: ['characters of an expression', 4000],
  // Not below what a definition means that does not say.
  attemptsMax: ['attempts that a step may ask for', 10_000, 3],
  delaySecondsMax: ['seconds of any delay, sleep or timeout', 10 * 365 * 86_400, 86_400],
};
const names = Object.keys(known) as (keyof Limits)[];

/** One flag and one variable a limit: `stepsMax` is `--steps-max` and `WAYBILL_STEPS_MAX`. */
export function limitOptions(command: Command): Command {
  for (const name of names) {
    const [text, most, least = 1] = known[name];
    const words = name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const option = new Option(`--${words} <n>`, `limit: ${text}`)
      .env(`WAYBILL_${words.replaceAll('-', '_').toUpperCase()}`)
      .argParser(integer(least, most))
      .default(defaultLimits[name]);
    command.addOption(option);
  }
  return command;
}

export function limitsOf(settings: Limits): Limits {
  return Object.fromEntries(names.map((name) => [name, settings[name]])) as unknown as Limits;
}
