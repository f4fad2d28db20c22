import { expect, test } from '@jest/globals';
import { InProcessKafka } from '../../../testing/in-process-kafka.ts';
import { ManualClock } from '../../../testing/manual-clock.ts';
import { copyPartition } from '../../../tools/guard/copy-partition.ts';
import { PositionMap } from '../../../tools/guard/position-map.ts';

test('a long partition is copied in several transactions, each record with its headers and time', async () => {
  const kafka = new InProcessKafka(new ManualClock());
  for (const name of ['old', 'new']) kafka.createTopic({ name, partitionCount: 1, configs: {} });
  const count = 25_000;
  const records = Array.from({ length: count }, (_, n) => ({
    key: n % 2 === 0 ? null : Buffer.from(String(n)),
    value: n % 3 === 0 ? null : Buffer.from(`value ${n}`),
    timestampMs: n,
    headers: [{ key: 'n', value: Buffer.from(String(n)) }],
  }));
  kafka.log({ topic: 'old', partition: 0 }).append(records);
  const port = kafka.client();
  const producer = await port.openProducer({ transactionalId: 'c', transactionTimeoutMs: 1_000 });
  const positions = new PositionMap();
  const { signal } = new AbortController();
  const copied = await copyPartition({
    ...{ port, producer, positions, signal, to: 'new', rewrite: (value) => value },
    range: { topic: 'old', partition: 0, from: 0, to: count },
  });
  const copies = [...kafka.log({ topic: 'new', partition: 0 }).readCommitted(0, Infinity).records];

  expect(copied.records).toBe(count);
  expect(
    copies.map(({ key, value, timestampMs, headers }) => ({ key, value, timestampMs, headers })),
  ).toEqual(records);
  // Two markers lie between the three transactions.
  expect(copied.end).toBe(count + 2);
  expect(positions.at(count - 1)).toBe(copies.at(-1)?.offset);
});
