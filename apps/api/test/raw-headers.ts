/** Of names and values in turns. */
export function headersOf(raw: readonly string[]): Headers {
  const pairs = raw.flatMap((name, index): [string, string][] =>
    index % 2 === 0 ? [[name, raw[index + 1]!]] : [],
  );
  return new Headers(pairs);
}
