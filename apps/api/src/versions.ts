import { createHash } from 'node:crypto';
import { compilePlan, type Plan, type WorkflowDefinition } from '@waybill/engine';
import { type DefinitionChecks, Problem, type ProblemError, parseDefinition } from '@waybill/protocol';
import { findVersion, type StoredVersion, storeVersion } from '@waybill/store';
import { LRUCache } from 'lru-cache';
import type { ApiDeps, Principal } from './deps.ts';
import { refuseFaults } from './faults.ts';
import type { Writes } from './writes.ts';

export interface ResolvedVersion {
  readonly plan: Plan;
  readonly version: number;
}

/** How long this process may start runs of a version that another process's PUT has just replaced. */
const latestLifetimeMs = 1000;

/** Definitions: checked, stored, found. */
export class Versions {
  readonly #deps: ApiDeps;
  readonly #writes: Writes;
  /** By project, key and content: stored versions never change. Plans are in their own cache, bounded in bytes. */
  readonly #stored = new LRUCache<string, number>({ max: 10_000 });
  readonly #latest = new LRUCache<string, Promise<number | null>>({
    max: 10_000,
    ttl: latestLifetimeMs,
  });

  constructor(deps: ApiDeps, writes: Writes) {
    this.#deps = deps;
    this.#writes = writes;
  }

  /** @throws Problem `invalid_definition` with the path of every fault; `others` are of what came with it. */
  check(input: unknown, principal: Principal, others: readonly ProblemError[] = []): WorkflowDefinition {
    const result = parseDefinition(input, this.checksFor(principal));
    const faults = 'faults' in result ? result.faults : [];
    const isSound = faults.length === 0 && others.every(({ path }) => path === 'context');
    refuseFaults([...faults, ...others], isSound ? 'invalid_request' : 'invalid_definition');
    return (result as { definition: WorkflowDefinition }).definition;
  }

  checksFor({ baseUrl }: Pick<Principal, 'baseUrl'>): DefinitionChecks {
    const { checkUrl, checkHeader, limits, now } = this.#deps;
    return { baseUrl, limits, now, url: checkUrl, header: checkHeader };
  }

  /** Stores the definition if its content is new. */
  async store(
    definition: WorkflowDefinition,
    principal: Principal,
    makeLatest: boolean,
  ): Promise<ResolvedVersion & StoredVersion> {
    const text = JSON.stringify(definition);
    const { projectUuid } = principal;
    const hash = createHash('sha256').update(text).digest('base64');
    const name = `${projectUuid}/${definition.id}/${hash}`;
    const known = makeLatest ? undefined : this.#stored.get(name);
    const stored = known === undefined ? null : await this.#planOf(projectUuid, definition.id, known);
    if (stored) return { ...stored, isNew: false };
    const input = { projectUuid, key: definition.id, definition: text, makeLatest };
    const { version, isNew } = await this.#writes.run((database) => storeVersion(database, input));
    const plan = compilePlan(definition);
    this.#deps.plans.put(projectUuid, plan, version, text.length);
    this.#stored.set(name, version);
    this.#latest.delete(`${projectUuid}/${definition.id}`);
    return { plan, version, isNew };
  }

  /** @throws Problem `not_found`. */
  async resolve(principal: Principal, key: string, version?: number): Promise<ResolvedVersion> {
    const found =
      version === undefined
        ? await this.#resolveLatest(principal.projectUuid, key)
        : await this.#planOf(principal.projectUuid, key, version);
    if (found) return found;
    const what = version === undefined ? `workflow "${key}"` : `version ${version} of workflow "${key}"`;
    throw new Problem('not_found', `no ${what}`);
  }

  async #resolveLatest(projectUuid: string, key: string): Promise<ResolvedVersion | null> {
    const version = await this.#latestOf(projectUuid, key);
    return version === null ? null : this.#planOf(projectUuid, key, version);
  }

  #latestOf(projectUuid: string, key: string): Promise<number | null> {
    const name = `${projectUuid}/${key}`;
    const cached = this.#latest.get(name);
    if (cached) return cached;
    const found = findVersion(this.#deps.database, projectUuid, key).then((row) => row?.version ?? null);
    this.#latest.set(name, found);
    const forget = () => this.#latest.delete(name);
    // Neither a failure nor a missing workflow is remembered: it may be stored the next moment.
    found.then((version) => version ?? forget()).catch(forget);
    return found;
  }

  async #planOf(projectUuid: string, key: string, version: number): Promise<ResolvedVersion | null> {
    const { database, plans } = this.#deps;
    const plan = await plans.get(database, projectUuid, key, version);
    return plan && { plan, version };
  }
}
