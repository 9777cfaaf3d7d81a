import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

export interface Operation {
  readonly security?: unknown[];
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly required?: boolean;
    readonly schema: object;
  }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
  readonly responses: Record<string, { readonly content?: Record<string, { readonly schema: object }> }>;
}

export interface ApiDocument {
  readonly openapi: string;
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: Record<string, object> };
}

export interface SeenAnswer {
  readonly status: number;
  readonly type: string | null;
  readonly body: unknown;
}

const problem = { $ref: 'api#/components/schemas/Problem' };

/** Holds answers to the document: `check(method, path, answer)` throws when it declares no such answer. */
export function answerSchemas(document: () => ApiDocument) {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  // The package is CommonJS: its default export is the namespace to some loaders.
  (formats as unknown as { default?: typeof formats.default }).default?.(ajv);
  const compiled = new Map<string, ValidateFunction>();

  const validator = (name: string, schema: object) => {
    if (!ajv.getSchema('api')) ajv.addSchema({ $id: 'api', ...document() });
    const known = compiled.get(name) ?? ajv.compile(schema);
    compiled.set(name, known);
    return known;
  };

  return (method: string, path: string, { status, type, body }: SeenAnswer): void => {
    const template = templateOf(document(), path);
    const operation = template && document().paths[template]?.[method.toLowerCase()];
    const name = `${method} ${template} ${status} ${type}`;
    if (!operation) {
      // Outside the document: pages and health for everybody, a problem for all that does not exist.
      if (status >= 400 && path.startsWith('/v1')) validate(validator('problem', problem), body, name);
      return;
    }
    const answer = operation.responses[status] ?? operation.responses.default;
    if (type === null && answer !== undefined && answer.content === undefined) return;
    const media = answer?.content?.[type?.split(';')[0] ?? ''];
    if (!media) throw new Error(`the document declares no answer ${name}`);
    const place = `/paths/${template.replaceAll('~', '~0').replaceAll('/', '~1')}/${method.toLowerCase()}`;
    const declared = operation.responses[status] ? String(status) : 'default';
    const pointer = `${place}/responses/${declared}/content/${type!.split(';')[0]!.replace('/', '~1')}/schema`;
    validate(validator(name, { $ref: `api#${encodeURI(pointer)}` }), body, name);
  };
}

function validate(check: ValidateFunction, body: unknown, name: string): void {
  if (check(body)) return;
  throw new Error(`${name} is outside its schema: ${JSON.stringify(check.errors)}\n${JSON.stringify(body)}`);
}

/** The documented path that a request path falls under; literal segments win over parameters. */
export function templateOf(document: ApiDocument, path: string): string | undefined {
  const segments = path.split('?')[0]!.split('/');
  const fits = Object.keys(document.paths).filter((template) => {
    const parts = template.split('/');
    return (
      parts.length === segments.length &&
      parts.every((part, at) => part.startsWith('{') || part === segments[at])
    );
  });
  return fits.sort((a, b) => a.split('{').length - b.split('{').length)[0];
}
