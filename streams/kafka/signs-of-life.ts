/**
 * What a member's thread and its stand-in share: eight bytes of memory, since a busy thread receives
 * and sends no messages. Beats are counted rather than dated: no two threads need the same clock.
 */
const beatsCell = 0;
// The number of the membership that holds; 0: none.
const membershipCell = 1;

export class SignsOfLife {
  /** Handed to the other thread. */
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;
  #membershipCount = 0;

  constructor(memory = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  /** Changes with every beat; it may wrap. */
  get beats(): number {
    return Atomics.load(this.#cells, beatsCell);
  }

  beat(): void {
    Atomics.add(this.#cells, beatsCell, 1);
  }

  /** Begins a membership, which ends the one before; returns its number. */
  begin(): number {
    this.#membershipCount += 1;
    this.beat();
    Atomics.store(this.#cells, membershipCell, this.#membershipCount);
    return this.#membershipCount;
  }

  /** Seen at once by the other thread, whatever messages are still on their way. */
  end(): void {
    Atomics.store(this.#cells, membershipCell, 0);
  }

  isCurrent(membership: number): boolean {
    return Atomics.load(this.#cells, membershipCell) === membership;
  }
}
