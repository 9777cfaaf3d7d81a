import { defaultEngineLimits, type EngineLimits, type Limit } from '@waybill/engine';

/** Bounds of the platform, all settings of a server. Every refusal has the name and the value. Bytes are UTF-8. */
export interface Limits extends EngineLimits {
  readonly requestBodyBytesMax: number;
  readonly jsonDepthMax: number;
  readonly contextBytesMax: number;
  readonly resultBytesMax: number;
  readonly deliveryBytesMax: number;
  /** Context and results of one run, and what its steps take in memory. */
  readonly runStateBytesMax: number;
  readonly expressionCharsMax: number;
  readonly attemptsMax: number;
  /** Of anything that lasts: delays, sleeps, timeouts. */
  readonly delaySecondsMax: number;
}

/** Those that a definition is held to. */
export type DefinitionLimits = Pick<
  Limits,
  'stepsMax' | 'expressionCharsMax' | 'attemptsMax' | 'delaySecondsMax' | 'resultBytesMax'
>;

const kib = 1024;

export const defaultLimits: Limits = {
  ...defaultEngineLimits,
  requestBodyBytesMax: 1024 * kib,
  /** Below what the JSON readers of handlers take: 1,000 in Python and in Jackson. */
  jsonDepthMax: 500,
  contextBytesMax: 256 * kib,
  resultBytesMax: 1024 * kib,
  deliveryBytesMax: 4096 * kib,
  runStateBytesMax: 32 * 1024 * kib,
  expressionCharsMax: 1000,
  attemptsMax: 100,
  delaySecondsMax: 365 * 86_400,
};

/** A limit as refusals carry it. */
export function limitOf<Name extends string>(limits: Readonly<Record<Name, number>>, name: Name): Limit {
  return { name, value: limits[name] };
}
