import { limits } from './limits.ts';
import { Failure } from './value.ts';

/** What one evaluation may still do. */
export class Budget {
  #work = limits.workMax;
  #parsed = limits.parsedCharsMax;
  #scanned = limits.scannedCharsMax;
  /** Set once something ran out. Final: no `||` makes up for it. */
  exhausted: Failure | null = null;

  /** Takes units of work; false once there are none left. */
  spend(units: number): boolean {
    this.#work -= units;
    if (this.#work >= 0) return true;
    this.exhausted ??= new Failure(
      `takes more than ${count(limits.workMax)} operations: shorten the list or the expression`,
    );
    return false;
  }

  fitsParsing(chars: number): boolean {
    return chars <= this.#parsed;
  }

  parse(chars: number): boolean {
    if (!this.fitsParsing(chars)) return this.#refuse('reads', chars, this.#parsed, limits.parsedCharsMax);
    this.#parsed -= chars;
    return true;
  }

  scan(chars: number): boolean {
    if (chars > this.#scanned)
      return this.#refuse('looks through', chars, this.#scanned, limits.scannedCharsMax);
    this.#scanned -= chars;
    return true;
  }

  #refuse(verb: string, chars: number, left: number, max: number): false {
    const total = count(max - left + chars);
    this.exhausted ??= new Failure(
      `${verb} ${total} characters of JSON, above ${count(max)}: name a smaller part of it`,
    );
    return false;
  }
}

/** With thousands apart: these numbers are read by people. */
export function count(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}
