import type { DefinitionChecks } from '../src/definition/checks.ts';
import { defaultLimits } from '../src/limits.ts';

/** A deployment that lets everything through, on a day in 2030. */
export const checks: DefinitionChecks = {
  baseUrl: 'https://handlers.test',
  limits: defaultLimits,
  now: () => Date.parse('2030-01-01T00:00:00Z'),
  url: () => null,
  header: () => null,
};
