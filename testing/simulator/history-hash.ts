/** A hash of what happened, cheap enough to be taken of every request: FNV-1a over numbers and bytes. */
export class HistoryHash {
  #state = 0x811c9dc5;

  add(number: number): void {
    let left = number;
    do {
      this.#state = Math.imul(this.#state ^ (left & 0xff), 0x01000193);
      left = Math.floor(left / 256);
    } while (left > 0);
  }

  addBytes(bytes: Buffer | null): void {
    if (bytes === null) return;
    let state = this.#state;
    for (let at = 0; at < bytes.length; at += 1) {
      state = Math.imul(state ^ (bytes[at] ?? 0), 0x01000193);
    }
    this.#state = state;
  }

  text(): string {
    return (this.#state >>> 0).toString(16).padStart(8, '0');
  }
}
