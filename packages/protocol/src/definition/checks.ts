import type { DefinitionFault } from '@waybill/engine';
import type { DefinitionLimits } from '../limits.ts';

/** What the deployment allows. Each check answers null, or what is wrong with the value. */
export interface DefinitionChecks {
  /** Relative URLs resolve against it. */
  readonly baseUrl: string | null;
  readonly limits: DefinitionLimits;
  /** Epoch ms. */
  now(): number;
  url(url: string): string | null;
  header(name: string, value: string): string | null;
}

/** Faults of URLs and headers in whatever was sent, its steps apart, so that they are named even beside faults of shape. */
export function findTargetFaults(input: unknown, checks: DefinitionChecks): DefinitionFault[] {
  if (!isRecord(input)) return [];
  return [
    ...urlFaults(input, ['onComplete', 'onError'], '', checks),
    ...(isRecord(input.defaults) ? settingFaults(input.defaults, 'defaults.', checks) : []),
  ];
}

export function findStepTargetFaults(steps: readonly unknown[], checks: DefinitionChecks): DefinitionFault[] {
  return steps.flatMap((step, index) => {
    if (!isRecord(step)) return [];
    return [
      ...urlFaults(step, ['url'], `steps[${index}].`, checks),
      ...settingFaults(step, `steps[${index}].`, checks),
    ];
  });
}

function settingFaults(step: Record<string, unknown>, prefix: string, checks: DefinitionChecks) {
  return [
    ...urlFaults(step, ['compensation'], prefix, checks),
    ...headerFaults(step.headers, `${prefix}headers`, checks),
  ];
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** Base URL + path: a base with a path of its own keeps it. Absolute URLs stay as they are. */
export function absoluteUrl(text: string, baseUrl: string | null): string {
  return isRelative(text) && baseUrl !== null ? baseUrl.replace(/\/+$/, '') + text : text;
}

const isRelative = (text: string) => text.startsWith('/') && !text.startsWith('//');

function urlFaults(
  record: Record<string, unknown>,
  fields: readonly string[],
  prefix: string,
  checks: DefinitionChecks,
): DefinitionFault[] {
  return fields.flatMap((field) => {
    const text = record[field];
    const message = typeof text === 'string' && text !== '' ? urlFault(text, checks) : null;
    return message === null ? [] : [{ path: prefix + field, message }];
  });
}

function urlFault(text: string, checks: DefinitionChecks): string | null {
  if (isRelative(text) && checks.baseUrl === null) {
    return `relative URL "${text}" needs the project's base URL; set one or write the URL in full`;
  }
  const url = absoluteUrl(text, checks.baseUrl);
  return URL.canParse(url) ? checks.url(url) : `"${text}" is not a URL`;
}

function headerFaults(headers: unknown, path: string, checks: DefinitionChecks): DefinitionFault[] {
  if (!isRecord(headers)) return [];
  return Object.entries(headers).flatMap(([name, value]) => {
    const message = typeof value === 'string' ? checks.header(name, value) : null;
    return message === null ? [] : [{ path: `${path}.${name}`, message }];
  });
}
