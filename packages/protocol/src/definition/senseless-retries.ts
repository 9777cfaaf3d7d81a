import { type DefinitionFault, defaultRetryPolicy } from '@waybill/engine';
import { formula, mergedRetries } from './retries.ts';
import type { Retries } from './step-schema.ts';

type Field = keyof Retries;

/** Jitter makes a delay a fifth shorter at most. */
const jitterMin = 0.8;

/** What contradicts itself in `retries`, alone and over those of `defaults`. `at` is whose they are. */
export function retryFaults(own: Retries, inherited: Retries, at: string): DefinitionFault[] {
  const merged = mergedRetries(own, inherited);
  const once = merged.maxAttempts === 1;
  const faults = once
    ? onceFaults(own)
    : [...formulaFaults(own), ...cappedFaults(own), ...endFaults(own, merged)];
  return faults.map(({ path, message }) => ({ path: `${at}.retries.${path}`, message }));
}

function onceFaults(own: Retries): DefinitionFault[] {
  const between: readonly Field[] = [...formula, 'maxDelay', 'delays', 'jitter', 'retryOn'];
  const message = 'has no effect with maxAttempts 1: nothing is tried again; allow 2, or leave it out';
  return said(own, between).map((path) => ({ path, message }));
}

function formulaFaults(own: Retries): DefinitionFault[] {
  if (own.delays !== undefined) {
    const message =
      'has no effect beside delays, which are listed one by one: leave it out, or leave delays out';
    return said(own, formula).map((path) => ({ path, message }));
  }
  const { backoff = 'exponential', factor } = own;
  if (backoff === 'exponential' || factor === undefined) return [];
  const message = `has no effect with backoff "${backoff}": leave it out, or use "exponential"`;
  return [{ path: 'factor', message }];
}

function cappedFaults({ initialDelay, delays = [], maxDelay }: Retries): DefinitionFault[] {
  if (maxDelay === undefined) return [];
  const message = `is above maxDelay, ${maxDelay} s, and no delay is longer: raise that, or lower this`;
  const isAbove = (delay: number | undefined) => delay !== undefined && delay > maxDelay;
  return [
    ...(isAbove(initialDelay) ? [{ path: 'initialDelay', message }] : []),
    ...delays.flatMap((delay, place) => (isAbove(delay) ? [{ path: `delays[${place}]`, message }] : [])),
  ];
}

/** A second attempt that `giveUpAfter` rules out, however soon the first one fails. */
function endFaults(own: Retries, merged: Retries): DefinitionFault[] {
  const { initialDelay, maxDelay, jitter, delays, giveUpAfter } = { ...defaultRetryPolicy, ...merged };
  if (giveUpAfter === undefined) return [];
  const first = Math.min(delays?.[0] ?? initialDelay, maxDelay);
  const soonest = Math.round(first * (jitter ? jitterMin : 1) * 1000) / 1000;
  if (giveUpAfter >= soonest) return [];
  const path = said(own, ['giveUpAfter', 'delays', 'initialDelay', 'maxAttempts'])[0] ?? 'giveUpAfter';
  const message = `giveUpAfter, ${giveUpAfter} s, is over before a second attempt can start, after ${soonest} s at the soonest: raise it, shorten the delay, or set maxAttempts to 1`;
  return [{ path, message }];
}

function said(own: Retries, fields: readonly Field[]): Field[] {
  return fields.filter((field) => own[field] !== undefined);
}
