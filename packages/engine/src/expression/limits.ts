/**
 * What keeps an evaluation under 10 ms, whatever the expression and its data (S14). The first three hold at
 * definition, the others while it runs: every refusal names the limit and its value.
 */
export const limits = {
  /** UTF-16 units of the expression; a platform allows less. */
  charsMax: 4000,
  /** Brackets in each other: the parser's time for what it refuses grows with the cube of it. */
  bracketDepthMax: 32,
  /** Operators, members and calls in each other. */
  depthMax: 100,
  /** Items that one comprehension walks over, and items that a `forEach` may have. */
  itemsMax: 10_000,
  /** UTF-16 units of JSON that one evaluation parses. Texts above it are cut by path first. */
  parsedCharsMax: 131_072,
  /** UTF-16 units of JSON that one evaluation looks through to cut values out. */
  scannedCharsMax: 1_310_720,
  /** Visits of a node of the tree, or as much as one of them costs: about 50 ns. */
  workMax: 100_000,
} as const;
