import {
  type DefinitionFault,
  defaultRetryPolicy,
  findGraphFaults,
  type StepDefinition,
  type WorkflowDefinition,
} from '@waybill/engine';
import { definitionSchema, type ParsedDefinition } from './definition-schema.ts';
import { zodFaults } from './faults.ts';

/** What the deployment allows. Each check answers null, or what is wrong with the value. */
export interface DefinitionChecks {
  /** Relative URLs resolve against it. */
  readonly baseUrl: string | null;
  url(url: string): string | null;
  header(name: string, value: string): string | null;
}

export type DefinitionResult =
  | { readonly definition: WorkflowDefinition }
  | { readonly faults: readonly DefinitionFault[] };

const defaultTimeoutSeconds = 86_400;
const defaultStepTimeoutSeconds = 300;

/** Validates a client's definition and applies defaults. Reports every fault at once, each with its path. */
export function parseDefinition(input: unknown, checks: DefinitionChecks): DefinitionResult {
  const parsed = definitionSchema.safeParse(input);
  const faults = parsed.success ? [] : zodFaults(parsed.error);
  faults.push(...findGraphFaults(graphOf(input)));
  if (!parsed.success) return { faults };
  const definition = normalise(parsed.data, checks, faults);
  return faults.length > 0 ? { faults } : { definition };
}

/** The graph of whatever was sent, so that its faults are named even beside faults of shape. */
function graphOf(input: unknown): { id: string; dependsOn: string[] }[] {
  const steps: unknown = isRecord(input) ? input.steps : undefined;
  if (!Array.isArray(steps)) return [];
  return steps.map((step: unknown, index) => {
    const { id, dependsOn } = isRecord(step) ? step : {};
    return { id: typeof id === 'string' ? id : `\u0000${index}`, dependsOn: listOf(dependsOn) };
  });
}

function listOf(dependsOn: unknown): string[] {
  const list: unknown[] = Array.isArray(dependsOn) ? dependsOn : [dependsOn];
  return list.filter((item) => typeof item === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function normalise(
  input: ParsedDefinition,
  checks: DefinitionChecks,
  faults: DefinitionFault[],
): WorkflowDefinition {
  const url = (text: string | undefined, path: string) => absolute(text, path, checks, faults);
  const defaults = input.defaults ?? {};
  checkHeaders(defaults.headers, 'defaults.headers', checks, faults);
  const steps = input.steps.map((step, index): StepDefinition => {
    const at = `steps[${index}]`;
    checkHeaders(step.headers, `${at}.headers`, checks, faults);
    const headers = { ...defaults.headers, ...step.headers };
    const metadata = { ...defaults.metadata, ...step.metadata };
    const payload = step.payload === undefined ? defaults.payload : step.payload;
    return {
      id: step.id,
      url: url(step.url, `${at}.url`) ?? '',
      dependsOn: listOf(step.dependsOn),
      parallel: step.parallel ?? defaults.parallel ?? false,
      retries: { ...defaultRetryPolicy, ...defaults.retries, ...step.retries },
      timeout: step.timeout ?? defaults.timeout ?? defaultStepTimeoutSeconds,
      compensation: url(step.compensation, `${at}.compensation`),
      ...(payload === undefined ? {} : { payload }),
      ...(Object.keys(headers).length > 0 ? { headers } : {}),
      ...(Object.keys(metadata).length > 0 ? { metadata } : {}),
    };
  });
  return {
    id: input.id,
    steps,
    onComplete: url(input.onComplete, 'onComplete'),
    onError: url(input.onError, 'onError'),
    timeout: input.timeout ?? defaultTimeoutSeconds,
    saga: input.saga ?? false,
    failurePolicy: input.failurePolicy ?? 'fail',
    tags: input.tags,
    metadata: input.metadata,
  };
}

function absolute(
  text: string | undefined,
  path: string,
  checks: DefinitionChecks,
  faults: DefinitionFault[],
): string | undefined {
  if (text === undefined) return undefined;
  const isRelative = text.startsWith('/');
  if (isRelative && checks.baseUrl === null) {
    const message = `relative URL "${text}" needs the project's base URL; set one or write the URL in full`;
    faults.push({ path, message });
    return undefined;
  }
  const joined = isRelative ? joinUrl(checks.baseUrl!, text) : text;
  const message = URL.canParse(joined) ? checks.url(joined) : `"${text}" is not a URL`;
  if (message !== null) faults.push({ path, message });
  return joined;
}

/** Base URL + path: a base with a path of its own keeps it. */
function joinUrl(baseUrl: string, path: string): string {
  return baseUrl.replace(/\/+$/, '') + path;
}

function checkHeaders(
  headers: Record<string, string> | undefined,
  path: string,
  checks: DefinitionChecks,
  faults: DefinitionFault[],
): void {
  for (const [name, value] of Object.entries(headers ?? {})) {
    const message = checks.header(name, value);
    if (message !== null) faults.push({ path: `${path}.${name}`, message });
  }
}
