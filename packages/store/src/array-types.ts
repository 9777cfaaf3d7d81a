/**
 * The array types of the schema, by their fixed OIDs. postgres.js 3.4.9 would look all of them up on each new
 * connection, in a promise that nobody holds: a connection that broke meanwhile ended the whole process.
 */
export const arrayTypes = {
  textArray: arrayType(1009, (text) => text),
  uuidArray: arrayType(2951, (text) => text),
  intArray: arrayType(1007, Number),
};

function arrayType(oid: number, parseItem: (text: string) => unknown) {
  return {
    to: oid,
    from: [oid],
    serialize: (items: readonly unknown[]) => `{${items.map(quoted).join(',')}}`,
    parse: (text: string) => itemsOf(text).map(parseItem),
  };
}

function quoted(item: unknown): string {
  return `"${String(item).replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Of an array of one dimension without nulls: `{a,"b,c","d\"e"}`. */
function itemsOf(text: string): string[] {
  const inner = text.slice(1, -1);
  return [...inner.matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gs)].map(([, escaped, plain]) =>
    escaped === undefined ? plain! : escaped.replaceAll(/\\(.)/gs, '$1'),
  );
}
