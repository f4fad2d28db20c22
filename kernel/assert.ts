/** Assertions find programmer errors. They are never caught: an instance with a broken invariant stops. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
