/** Remembers up to `entriesMax` results of a pure function of a string, then starts over. */
export function memoized<Result>(
  entriesMax: number,
  compute: (key: string) => Result,
): (key: string) => Result {
  const results = new Map<string, Result>();
  return (key) => {
    const known = results.get(key);
    if (known !== undefined) return known;
    const result = compute(key);
    if (results.size >= entriesMax) results.clear();
    results.set(key, result);
    return result;
  };
}
