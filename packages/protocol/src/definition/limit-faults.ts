import type { DefinitionFault } from '@waybill/engine';
import { parseDuration } from '../duration.ts';
import { type DefinitionLimits, limitOf } from '../limits.ts';
import { isRecord } from './checks.ts';

/** Durations by the path from what has them. */
const runDurations = ['timeout'];
const stepDurations = [
  ...['timeout', 'sleep', 'delay', 'slowAfter', 'waitFor.timeout'],
  ...['retries.initialDelay', 'retries.maxDelay', 'retries.giveUpAfter'],
];

/** What is above a limit of this platform, in whatever was sent; each fault has the limit's name and value. */
export function findLimitFaults(input: unknown, limits: DefinitionLimits, nowMs: number): DefinitionFault[] {
  if (!isRecord(input)) return [];
  const { defaults } = input;
  return [
    ...durationFaults(input, runDurations, '', limits),
    ...(isRecord(defaults) ? settingFaults(defaults, 'defaults.', limits, nowMs) : []),
  ];
}

export function findStepLimitFaults(
  steps: readonly unknown[],
  limits: DefinitionLimits,
  nowMs: number,
): DefinitionFault[] {
  return steps.flatMap((step, index) =>
    isRecord(step) ? settingFaults(step, `steps[${index}].`, limits, nowMs) : [],
  );
}

function settingFaults(
  step: Record<string, unknown>,
  prefix: string,
  limits: DefinitionLimits,
  nowMs: number,
): DefinitionFault[] {
  return [
    ...durationFaults(step, stepDurations, prefix, limits),
    ...delaysFaults(step, prefix, limits),
    ...attemptFaults(step, prefix, limits),
    ...runAtFaults(step, prefix, limits, nowMs),
    ...waitDefaultFaults(step, prefix, limits),
    ...['when', 'forEach'].flatMap((field) => expressionFaults(step[field], prefix + field, limits)),
  ];
}

function durationFaults(
  from: Record<string, unknown>,
  fields: readonly string[],
  prefix: string,
  limits: DefinitionLimits,
): DefinitionFault[] {
  return fields.flatMap((field) => durationFault(memberAt(from, field), prefix + field, limits));
}

function delaysFaults(step: Record<string, unknown>, prefix: string, limits: DefinitionLimits) {
  const delays = memberAt(step, 'retries.delays');
  if (!Array.isArray(delays)) return [];
  return delays.flatMap((delay: unknown, at) =>
    durationFault(delay, `${prefix}retries.delays[${at}]`, limits),
  );
}

function durationFault(value: unknown, path: string, limits: DefinitionLimits): DefinitionFault[] {
  const seconds = typeof value === 'string' ? parseDuration(value) : value;
  if (typeof seconds !== 'number' || seconds <= limits.delaySecondsMax) return [];
  return [over(path, `${seconds} s`, limits, 'delaySecondsMax')];
}

function attemptFaults(step: Record<string, unknown>, prefix: string, limits: DefinitionLimits) {
  const attempts = memberAt(step, 'retries.maxAttempts');
  if (typeof attempts !== 'number' || attempts <= limits.attemptsMax) return [];
  return [over(`${prefix}retries.maxAttempts`, String(attempts), limits, 'attemptsMax')];
}

function runAtFaults(
  { runAt }: Record<string, unknown>,
  prefix: string,
  limits: DefinitionLimits,
  nowMs: number,
) {
  const seconds = typeof runAt === 'string' ? (Date.parse(runAt) - nowMs) / 1000 : Number.NaN;
  if (!(seconds > limits.delaySecondsMax)) return [];
  return [over(`${prefix}runAt`, `${Math.ceil(seconds)} s from now`, limits, 'delaySecondsMax')];
}

/** It is a result, if nobody else gives one. */
function waitDefaultFaults(step: Record<string, unknown>, prefix: string, limits: DefinitionLimits) {
  const bytes = Buffer.byteLength(JSON.stringify(memberAt(step, 'waitFor.default')) ?? '');
  if (bytes <= limits.resultBytesMax) return [];
  return [over(`${prefix}waitFor.default`, `${bytes} bytes`, limits, 'resultBytesMax')];
}

function expressionFaults(text: unknown, path: string, limits: DefinitionLimits): DefinitionFault[] {
  if (typeof text !== 'string' || text.length <= limits.expressionCharsMax) return [];
  return [over(path, `${text.length} characters`, limits, 'expressionCharsMax')];
}

function over(
  path: string,
  size: string,
  limits: DefinitionLimits,
  name: keyof DefinitionLimits,
): DefinitionFault {
  return { path, message: `is ${size}, above ${name} ${limits[name]}`, limit: limitOf(limits, name) };
}

function memberAt(from: Record<string, unknown>, path: string): unknown {
  return path.split('.').reduce<unknown>((value, key) => (isRecord(value) ? value[key] : undefined), from);
}
