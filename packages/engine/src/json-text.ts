export function elementsOf(text: string): string[] {
  return (JSON.parse(text) as unknown[]).map((x) => JSON.stringify(x));
}
