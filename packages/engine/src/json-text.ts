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
  eachMember(text, (keyStart, keyEnd, start, end) => {
    members.push({ key: JSON.parse(text.slice(keyStart, keyEnd)) as string, start, end });
  });
  return members;
}

/** The text of one top-level member; of duplicates the last, as JSON.parse has it. */
export function memberText(text: string, key: string): string | undefined {
  const plain = JSON.stringify(key);
  let foundStart = -1;
  let foundEnd = -1;
  let nextEscape = text.indexOf('\\');
  eachMember(text, (keyStart, keyEnd, start, end) => {
    if (nextEscape !== -1 && nextEscape < keyStart) nextEscape = text.indexOf('\\', keyStart);
    // Keys without an escape are not parsed: there may be tens of thousands.
    const isPlain = nextEscape === -1 || nextEscape >= keyEnd;
    const isSame = keyEnd - keyStart === plain.length && text.startsWith(plain, keyStart);
    if (!isSame && (isPlain || JSON.parse(text.slice(keyStart, keyEnd)) !== key)) return;
    foundStart = start;
    foundEnd = end;
  });
  return foundStart === -1 ? undefined : text.slice(foundStart, foundEnd);
}

/** Texts of an array's elements, in order: the first `keepMax` of them, and how many there are. Null for any other value. */
export function elementTexts(text: string, keepMax: number): { texts: string[]; count: number } | null {
  let at = skipSpace(text, 0);
  if (text[at] !== '[') return null;
  const texts: string[] = [];
  let count = 0;
  at = skipSpace(text, at + 1);
  while (at < text.length && text[at] !== ']') {
    const end = skipValue(text, at);
    if (count++ < keepMax) texts.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text[at] !== ',') break;
    at = skipSpace(text, at + 1);
  }
  return { texts, count };
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

function eachMember(
  text: string,
  visit: (keyStart: number, keyEnd: number, start: number, end: number) => void,
): void {
  let at = skipSpace(text, 0);
  if (text[at] !== '{') return;
  at = skipSpace(text, at + 1);
  while (text[at] === '"') {
    const keyEnd = skipString(text, at);
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = skipValue(text, start);
    visit(at, keyEnd, start, end);
    at = skipSpace(text, end);
    if (text[at] !== ',') break;
    at = skipSpace(text, at + 1);
  }
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
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 34) return at + 1;
    at += code === 92 ? 2 : 1;
  }
  return at;
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
  } while (depth > 0 && at < text.length);
  return at;
}
