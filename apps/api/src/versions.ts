import { createHash } from 'node:crypto';
import { compilePlan, type Plan, type WorkflowDefinition } from '@waybill/engine';
import { type DefinitionChecks, Problem, parseDefinition } from '@waybill/protocol';
import { findVersion, type StoredVersion, storeVersion } from '@waybill/store';
import { LRUCache } from 'lru-cache';
import type { ApiDeps, Principal } from './deps.ts';

export interface ResolvedVersion {
  readonly plan: Plan;
  readonly version: number;
}

/** How long this process may start runs of a version that another process's PUT has just replaced. */
const latestLifetimeMs = 1000;

/** Definitions: checked, stored, found. */
export class Versions {
  readonly #deps: ApiDeps;
  /** By project, key and content: stored versions never change. */
  readonly #stored = new LRUCache<string, ResolvedVersion>({ max: 1000 });
  readonly #latest = new LRUCache<string, Promise<ResolvedVersion | null>>({
    max: 10_000,
    ttl: latestLifetimeMs,
  });

  constructor(deps: ApiDeps) {
    this.#deps = deps;
  }

  /** @throws Problem `invalid_definition` with the path of every fault. */
  check(input: unknown, principal: Principal): WorkflowDefinition {
    const result = parseDefinition(input, this.checksFor(principal));
    if ('definition' in result) return result.definition;
    const errors = result.faults;
    throw new Problem('invalid_definition', `the definition has ${errors.length} fault(s)`, { errors });
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
    const known = this.#stored.get(name);
    if (known && !makeLatest) return { ...known, isNew: false };
    const input = { projectUuid, key: definition.id, definition: text, makeLatest };
    const { version, isNew } = await storeVersion(this.#deps.database, input);
    const plan = compilePlan(definition);
    this.#deps.plans.put(projectUuid, plan, version);
    this.#stored.set(name, { plan, version });
    this.#latest.delete(`${projectUuid}/${definition.id}`);
    return { plan, version, isNew };
  }

  /** @throws Problem `not_found`. */
  async resolve(principal: Principal, key: string, version?: number): Promise<ResolvedVersion> {
    const found =
      version === undefined
        ? await this.#resolveLatest(principal.projectUuid, key)
        : await this.#find(principal.projectUuid, key, version);
    if (found) return found;
    const what = version === undefined ? `workflow "${key}"` : `version ${version} of workflow "${key}"`;
    throw new Problem('not_found', `no ${what}`);
  }

  #resolveLatest(projectUuid: string, key: string): Promise<ResolvedVersion | null> {
    const name = `${projectUuid}/${key}`;
    const cached = this.#latest.get(name);
    if (cached) return cached;
    const found = this.#find(projectUuid, key);
    this.#latest.set(name, found);
    const forget = () => this.#latest.delete(name);
    // Neither a failure nor a missing workflow is remembered: it may be stored the next moment.
    found.then((resolved) => resolved ?? forget()).catch(forget);
    return found;
  }

  async #find(projectUuid: string, key: string, version?: number): Promise<ResolvedVersion | null> {
    const { database, plans } = this.#deps;
    const row = await findVersion(database, projectUuid, key, version);
    const plan = row && (await plans.get(database, projectUuid, key, row.version));
    return plan && row ? { plan, version: row.version } : null;
  }
}
