import fc from 'fast-check';
import type { ApiDocument, Operation } from './answer-schemas.ts';

export interface FuzzRequest {
  readonly line: string;
  readonly headers: Record<string, string>;
  readonly body?: unknown;
}

type Schema = Readonly<Record<string, unknown>>;

const nasty = ['', '\u0000', '\ud800', '__proto__', "' or 1=1 --", '%', '%00', '../..', '😀', '-1', '1e400'];
const anything = fc.oneof(
  fc.constantFrom(...nasty),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.jsonValue({ maxDepth: 3 }),
);
const texts = fc.oneof(fc.constantFrom(...nasty), fc.string({ unit: 'binary', maxLength: 140 }), fc.string());

/**
 * Requests generated from the document: mostly what the schemas ask for, so that handlers are reached, with
 * something else in every few places. `known` names things that are there, by parameter.
 */
export function fuzzRequests(
  document: ApiDocument,
  known: Record<string, string[]>,
): fc.Arbitrary<FuzzRequest> {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  return fc.constantFrom(...operations).chain(({ path, method, operation }) => {
    const parameters = (operation.parameters ?? []).filter((parameter) => parameter.in !== 'header');
    return fc
      .record({
        values: fc.tuple(
          ...parameters.map(({ name, schema }) => parameterValue(document, name, schema, known)),
        ),
        isQueried: fc.tuple(...parameters.map(() => fc.boolean())),
        extra: fc.option(fc.tuple(texts, texts), { nil: undefined, freq: 6 }),
        key: fc.option(fc.stringMatching(/^[\x21-\x7e]{1,40}$/), { nil: undefined, freq: 4 }),
        body: bodyOf(document, operation),
      })
      .map(({ values, isQueried, extra, key, body }) => {
        const named = parameters.map((parameter, at) => ({
          ...parameter,
          value: values[at]!,
          isUsed: isQueried[at]!,
        }));
        const filled = path.replace(/\{(\w+)\}/g, (_, name: string) => {
          const value =
            named.find((parameter) => parameter.in === 'path' && parameter.name === name)?.value ?? 'x';
          return encode(value) || 'x';
        });
        const query = named
          .filter((parameter) => parameter.in === 'query' && parameter.isUsed)
          .map(({ name, value }) => [name, value] as const);
        const pairs = extra ? [...query, [`metadata.${extra[0]}`, extra[1]] as const] : query;
        const search = pairs.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
        return {
          line: `${method.toUpperCase()} ${filled}${search && `?${search}`}`,
          headers: (key === undefined ? {} : { 'idempotency-key': key }) as Record<string, string>,
          ...(body === undefined ? {} : { body }),
        };
      });
  });
}

/** A lone surrogate cannot be percent-encoded. A single dot is a segment that URLs drop. */
function encode(text: string): string {
  return encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, '\ufffd')).replace(/^\.{1,2}$/, 'dot');
}

function parameterValue(
  document: ApiDocument,
  name: string,
  schema: object,
  known: Record<string, string[]>,
) {
  const right = known[name]
    ? fc.constantFrom(...known[name])
    : fromSchema(document, schema as Schema).map(String);
  return fc.oneof({ arbitrary: right, weight: 4 }, { arbitrary: texts, weight: 1 });
}

function bodyOf(document: ApiDocument, { requestBody }: Operation): fc.Arbitrary<unknown> {
  const schema = requestBody?.content['application/json']?.schema;
  if (!schema) return fc.constant(undefined);
  const json = fc.oneof({ arbitrary: fromSchema(document, schema as Schema), weight: 8 }, anything);
  const raw = fc.constantFrom('{', '[[', '', '\u0000', '{"context":{"a":1,"a":2},"context":{}}');
  return fc.oneof(
    { arbitrary: json.map((value) => JSON.stringify(value) ?? 'null'), weight: 12 },
    { arbitrary: raw, weight: 1 },
  );
}

/** Values of a JSON schema as zod writes them; in one of ten places something else. */
function fromSchema(document: ApiDocument, schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ arbitrary: right(document, schema), weight: 9 }, { arbitrary: anything, weight: 1 });
}

function right(document: ApiDocument, schema: Schema): fc.Arbitrary<unknown> {
  const {
    $ref,
    anyOf,
    enum: values,
    type,
    minimum = -10,
    maximum = 2 ** 31,
    pattern,
  } = schema as {
    $ref?: string;
    anyOf?: Schema[];
    enum?: unknown[];
    type?: string;
    minimum?: number;
    maximum?: number;
    pattern?: string;
  };
  if ($ref) return fromSchema(document, document.components.schemas[$ref.split('/').at(-1)!] as Schema);
  if (anyOf) return fc.oneof(...anyOf.map((option) => fromSchema(document, option)));
  if (values) return fc.constantFrom(...values);
  if (type === 'boolean') return fc.boolean();
  if (type === 'integer') return fc.integer({ min: minimum, max: Math.min(maximum, 2 ** 31) });
  if (type === 'number') return fc.double({ min: minimum, max: maximum, noNaN: true });
  if (type === 'array') return fc.array(fromSchema(document, schema.items as Schema), { maxLength: 4 });
  if (type === 'object') return objectOf(document, schema);
  if (type === 'string' && pattern) return fc.constantFrom('a', 'b', 'order', 'x'.repeat(128));
  if (type === 'string') return fc.oneof(fc.constantFrom('/a', 'http://h.test/b', '5m', '1s'), fc.string());
  return anything;
}

function objectOf(document: ApiDocument, schema: Schema): fc.Arbitrary<unknown> {
  const properties = (schema.properties ?? {}) as Record<string, Schema>;
  const required = (schema.required ?? []) as string[];
  const declared = fc.record(
    Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, fromSchema(document, value)])),
    { requiredKeys: required },
  );
  const { additionalProperties } = schema;
  if (typeof additionalProperties !== 'object' || additionalProperties === null) return declared;
  const more = fc.dictionary(texts, fromSchema(document, additionalProperties as Schema), { maxKeys: 3 });
  return fc.tuple(declared, more).map(([own, other]) => ({ ...other, ...own }));
}
