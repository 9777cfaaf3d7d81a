/**
 * Cuts members out of JSON text without re-serialising them, so that the digits of a long integer, key
 * order and duplicate keys survive. Every function expects text that JSON.parse has accepted.
 */

export interface Member {
  readonly key: string;
  /** Offsets of the value's text; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
}

/** Top-level members of an object's text, in order, duplicates included; empty for any other value. */
export function membersOf(text: string): Member[] {
  const members: Member[] = [];
  let at = skipSpace(text, 0);
  if (text[at] !== '{') return members;
  at = skipSpace(text, at + 1);
  while (text[at] === '"') {
    const keyEnd = skipString(text, at);
    const key = JSON.parse(text.slice(at, keyEnd)) as string;
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = skipValue(text, start);
    members.push({ key, start, end });
    at = skipSpace(text, end);
    if (text[at] !== ',') break;
    at = skipSpace(text, at + 1);
  }
  return members;
}

/** The text of one top-level member; of duplicates the last, as JSON.parse has it. */
export function memberText(text: string, key: string): string | undefined {
  const member = membersOf(text).findLast((candidate) => candidate.key === key);
  return member && text.slice(member.start, member.end);
}

/** Whether arrays and objects are nested in each other more than `depthMax` times. */
export function isNestedDeeperThan(text: string, depthMax: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 34) at = skipString(text, at) - 1;
    else if (code === 123 || code === 91) depth++;
    else if (code === 125 || code === 93) depth--;
    if (depth > depthMax) return true;
  }
  return false;
}

const isSpace = (code: number) => code === 32 || code === 10 || code === 13 || code === 9;

function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text.charCodeAt(at))) at++;
  return at;
}

/** From the opening quote to just past the closing one. */
function skipString(text: string, from: number): number {
  let at = from + 1;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code === 34) return at + 1;
    at += code === 92 ? 2 : 1;
  }
}

function skipValue(text: string, from: number): number {
  const first = text.charCodeAt(from);
  if (first === 34) return skipString(text, from);
  if (first === 123 || first === 91) return skipNested(text, from);
  let at = from;
  // A number or a word ends at a comma, a closing bracket, space, or the end.
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 44 || code === 125 || code === 93 || isSpace(code)) break;
  }
  return at;
}

function skipNested(text: string, from: number): number {
  let depth = 0;
  let at = from;
  do {
    const code = text.charCodeAt(at);
    if (code === 34) {
      at = skipString(text, at);
      continue;
    }
    if (code === 123 || code === 91) depth++;
    else if (code === 125 || code === 93) depth--;
    at++;
  } while (depth > 0);
  return at;
}
