/**
 * The body of an answer as it comes in. Not a list of chunks: a server that sends a megabyte in one-byte chunks
 * would cost a Buffer object (100 bytes and more) for each of them.
 */
export class GrowingBuffer {
  private buffer: Buffer = Buffer.alloc(0);
  private used = 0;

  get length(): number {
    return this.used;
  }

  /** The first chunk is kept as it is, not copied: most answers are one chunk. */
  append(chunk: Buffer): void {
    const needed = this.used + chunk.length;
    if (this.used === 0) {
      this.buffer = chunk;
    } else {
      if (needed > this.buffer.length) this.grow(Math.max(needed, this.buffer.length * 2));
      chunk.copy(this.buffer, this.used);
    }
    this.used = needed;
  }

  toString(): string {
    return this.buffer.toString('utf8', 0, this.used);
  }

  private grow(capacity: number): void {
    const larger = Buffer.allocUnsafe(capacity);
    this.buffer.copy(larger, 0, 0, this.used);
    this.buffer = larger;
  }
}
