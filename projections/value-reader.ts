/** Reads a record's value, then makes an item of it: a promise only while its schema is fetched. */
import type { FetchedRecord, MaybePromise } from '../streams/index.ts';

/** A record without a value says nothing. */
export function valueReader<Decoded, Item>(
  decode: (value: Buffer) => MaybePromise<Decoded>,
  itemOf: (decoded: Decoded, record: FetchedRecord) => Item | undefined,
): (record: FetchedRecord) => MaybePromise<Item | undefined> {
  return (record) => {
    if (record.value === null) return undefined;
    const decoded = decode(record.value);
    return decoded instanceof Promise
      ? decoded.then((each) => itemOf(each, record))
      : itemOf(decoded, record);
  };
}
