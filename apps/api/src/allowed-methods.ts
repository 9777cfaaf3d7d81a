import { Problem } from '@waybill/protocol';
import type { Router } from './services.ts';

/** The methods of the routes at a path, for those who ask with another. */
export class AllowedMethods {
  readonly #app: Router;
  #routes: readonly { readonly method: string; readonly pattern: RegExp }[] | null = null;

  constructor(app: Router) {
    this.#app = app;
  }

  /** What a request that no route takes is answered: 405 where others are taken, else 404. */
  problem(method: string, path: string): Problem {
    const allow = this.#at(path);
    if (allow.length === 0) return new Problem('not_found', `no route ${method} ${path}`);
    const detail = `${method} is not for this path: use ${allow.join(' or ')}`;
    return new Problem('method_not_allowed', detail, { allow });
  }

  #at(path: string): string[] {
    // Once all routes are there.
    this.#routes ??= this.#app.routes
      .filter(({ method }) => method !== 'ALL')
      .map(({ method, path }) => ({ method, pattern: patternOf(path) }));
    const methods = this.#routes.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method);
    return [...new Set(methods.flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method])))];
  }
}

function patternOf(path: string): RegExp {
  const parts = path.split('/').map((part) => (part.startsWith(':') ? '[^/]+' : escaped(part)));
  return new RegExp(`^${parts.join('/')}$`);
}

const escaped = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
