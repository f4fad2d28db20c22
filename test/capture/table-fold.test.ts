/** What a new reading of a table found changed, new and gone; and the deletions that are written for it. */
import { describe, expect, test } from '@jest/globals';
import { deleteLostRows } from '../../capture/delete-lost-rows.ts';
import { TableFold } from '../../capture/table-fold.ts';
import { avroWriter, type AvroSchema } from '../../schemas/avro-codec.ts';
import { captureEpochHeader } from '../../schemas/capture-epoch.ts';
import { DebeziumDecoder } from '../../schemas/debezium-envelope.ts';
import { DebeziumEditor } from '../../schemas/debezium-editor.ts';
import type { SchemaRegistryPort } from '../../schemas/registry.ts';
import { readRanges, wholeTopics } from '../../streams/kafka/read-ranges.ts';
import { compareVersions, rowVersionOf } from '../../topology/captured/row-version.ts';
import { withEpoch } from '../../topology/captured/row-change.ts';
import { InProcessKafka } from '../../testing/in-process-kafka.ts';
import { ManualClock } from '../../testing/manual-clock.ts';
import { errorCodeOf } from '../support/error-code.ts';

const topic = 'platform.public.t';
const row = {
  type: 'record',
  name: 'Value',
  fields: [
    { name: 'id', type: 'string' },
    { name: 'rate', type: ['null', 'string'] },
  ],
};
const source = {
  type: 'record',
  name: 'Source',
  fields: [
    { name: 'snapshot', type: ['null', 'string'] },
    { name: 'sequence', type: ['null', 'string'] },
    { name: 'lsn', type: ['null', 'long'] },
    { name: 'txId', type: ['null', 'long'] },
    { name: 'ts_ms', type: 'long' },
  ],
};
const envelope = {
  type: 'record',
  name: 'Envelope',
  fields: [
    { name: 'before', type: ['null', row] },
    { name: 'after', type: ['null', 'Value'] },
    { name: 'source', type: source },
    { name: 'op', type: 'string' },
  ],
} as AvroSchema;
const write = avroWriter(envelope, 7);
const registry: SchemaRegistryPort = {
  schemaById: () => Promise.resolve(JSON.stringify(envelope)),
  register: () => Promise.reject(new Error('nothing is registered')),
};

class Table {
  readonly kafka = new InProcessKafka(new ManualClock());
  readonly port = this.kafka.client();
  #lsn = 1_000;

  constructor() {
    this.kafka.createTopic({ name: topic, partitionCount: 2, configs: {} });
  }

  /** @param rate null: the row is deleted. */
  write(
    id: string,
    rate: string | null,
    change: { op?: string; epoch?: number; lsn?: number } = {},
  ) {
    const { op = 'c', epoch = 0, lsn = (this.#lsn += 1) } = change;
    const image = { id, rate };
    const sequence = `["${lsn}","${lsn}"]`;
    const snapshot = op === 'r' ? 'true' : 'false';
    const value = write({
      before: rate === null ? image : null,
      after: rate === null ? null : image,
      source: { snapshot, sequence, lsn, txId: 5, ts_ms: 1 },
      op: rate === null ? 'd' : op,
    });
    const headers = epoch === 0 ? [] : [epochHeader(epoch)];
    const key = Buffer.from(`\0\0\0\0\u0009${id}`);
    const records = rate === null ? [value, null] : [value];
    for (const each of records) {
      const partition = id.charCodeAt(0) % 2;
      this.kafka.append(topic, { key, value: each, timestampMs: 1, headers }, partition);
    }
  }

  async fold(epoch: number, epochBefore = 0): Promise<TableFold> {
    const fold = new TableFold({ topic, epoch, epochBefore });
    const ranges = await wholeTopics(this.port, [topic]);
    await fold.readAll(this.port, new DebeziumEditor(registry), ranges);
    return fold;
  }

  async deleteLost(fold: TableFold, epoch: number): Promise<void> {
    const producer = await this.port.openPlainProducer();
    await deleteLostRows({
      ...{ port: this.port, producer, topic, epoch, rows: fold.lostRows() },
      ...{ editor: new DebeziumEditor(registry), seen: { lsn: 10n, atMs: 9 } },
    });
    await producer.close();
  }

  /** The newest version of each row, as a reader of the topic finds it. */
  async newest(): Promise<Readonly<Record<string, string | null>>> {
    const decoder = new DebeziumDecoder({ registry, columns: { t: ['id', 'rate'] } });
    const known = new Map<string, { version: string; rate: string | null }>();
    const waiting: Promise<void>[] = [];
    await readRanges(this.port, await wholeTopics(this.port, [topic]), (record) => {
      if (record.value === null) return true;
      const decoded = Promise.resolve(
        decoder.decode<{ id: string; rate: string }>('t', record.value),
      );
      waiting.push(
        decoded.then((change) => {
          const version = rowVersionOf('t', withEpoch(change, record).source).value ?? '';
          const id = (change.after ?? change.before)?.id ?? '';
          const before = known.get(id);
          if (before !== undefined && compareVersions(before.version, version) > 0) return;
          known.set(id, { version, rate: change.after?.rate ?? null });
        }),
      );
      return true;
    });
    await Promise.all(waiting);
    return Object.fromEntries([...known].map(([id, { rate }]) => [id, rate]));
  }
}

function epochHeader(epoch: number): { key: string; value: Buffer } {
  return { key: captureEpochHeader, value: Buffer.from(String(epoch)) };
}

/** Five rows before the gap; the reading of epoch 1, whose LSNs are lower, finds three of them. */
function afterGap(): Table {
  const table = new Table();
  for (const id of ['a', 'b', 'c', 'd']) table.write(id, '1');
  table.write('e', '1');
  table.write('e', null);
  table.write('a', '1', { op: 'r', epoch: 1, lsn: 10 });
  table.write('b', '2', { op: 'r', epoch: 1, lsn: 10 });
  table.write('f', '1', { op: 'r', epoch: 1, lsn: 10 });
  return table;
}

describe('a table that was read anew', () => {
  test('tells what was missed: rows that are new, changed and gone', async () => {
    const fold = await afterGap().fold(1);

    expect(fold.difference()).toEqual({ rows: 3, inserted: 1, changed: 1, deleted: 2 });
    expect([...fold.readingLsns]).toEqual([10n]);
  });

  test('leaves a row alone that was streamed since, though the reading did not find it', async () => {
    const table = afterGap();
    table.write('c', '3', { op: 'c', epoch: 1, lsn: 20 });
    table.write('d', null, { epoch: 1, lsn: 21 });

    expect((await table.fold(1)).lostRows()).toEqual([]);
  });

  test('with its deletions written says of every row what the database says; written twice, too', async () => {
    const table = afterGap();
    const fold = await table.fold(1);
    await table.deleteLost(fold, 1);
    const once = await table.newest();
    await table.deleteLost(fold, 1);

    expect(once).toEqual({ a: '1', b: '2', c: null, d: null, e: null, f: '1' });
    expect(await table.newest()).toEqual(once);
    expect((await table.fold(1)).lostRows()).toEqual([]);
  });

  test('a row that comes back under its key is newer than its deletion', async () => {
    const table = afterGap();
    await table.deleteLost(await table.fold(1), 1);
    table.write('c', '9', { epoch: 1, lsn: 11 });

    expect((await table.newest())['c']).toBe('9');
  });

  test('after a reading that was cut off tells all that was missed since the one before', async () => {
    const table = afterGap();
    await table.deleteLost(await table.fold(1), 1);
    for (const [id, rate] of [
      ['a', '1'],
      ['b', '2'],
      ['f', '1'],
    ] as const) {
      table.write(id, rate, { op: 'r', epoch: 2, lsn: 30 });
    }

    expect((await table.fold(2)).difference()).toEqual({
      ...{ rows: 3, inserted: 1, changed: 1, deleted: 2 },
    });
  });

  test('that was begun twice shows two beginnings', async () => {
    const table = afterGap();
    table.write('a', '1', { op: 'r', epoch: 1, lsn: 12 });

    expect((await table.fold(1)).readingLsns.size).toBe(2);
  });

  test('is left to a newer reading', async () => {
    expect(await errorCodeOf(afterGap().fold(0))).toBe('ILLEGAL_STATE');
  });
});
