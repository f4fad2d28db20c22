/** The events of ledgers as `state verify` adds them up. */
import { beforeEach, describe, expect, test } from '@jest/globals';
import { avroWriter } from '../../../schemas/avro-codec.ts';
import { contractSchema } from '../../../schemas/contracts.ts';
import type { RecordHeader } from '../../../streams/index.ts';
import { ledgerEntry } from '../../../topology/roll/ledger-entry.ts';
import { replayHeaders } from '../../../topology/roll/replay-header.ts';
import { rollEventOf } from '../../../topology/roll/roll-event-codec.ts';
import { EventLog } from '../../../tools/verify/event-log.ts';

const [tenantId, reservationId] = [
  '7e000000-0000-4000-8000-000000000001',
  '7e000000-0000-4000-8000-000000000002',
];
const encode = avroWriter(contractSchema('roll.events'), 1);
let log: EventLog;
let offset: number;

beforeEach(() => {
  log = new EventLog();
  offset = 0;
});

function entry(amountMinor: number) {
  return ledgerEntry(
    { tenantId, reservationId, propertyId: reservationId, currency: 'EUR' },
    {
      ...{ lifecycleEventId: reservationId, rollType: 'EOD', rollDate: '2026-05-10' },
      ...{ occurredMicros: 0, sourceEventType: 'business_date', payload: {}, amountMinor },
    },
  );
}

function add(
  kind: 'created' | 'revised' | 'voided',
  amountMinor: number,
  headers: readonly RecordHeader[] = [],
): void {
  const value = encode(rollEventOf({ kind, entry: entry(amountMinor), adjustment: false }));
  log.add({ offset, timestampMs: 0, key: null, value, headers }, 0);
  offset += 1;
}

describe('the events of ledgers', () => {
  test('that say what the one before them said are told of', () => {
    add('created', 100);
    add('created', 100);
    add('revised', 200);
    add('created', 100);

    expect(log.summary()).toMatchObject({ events: 4, entries: 1, repeated: ['0@1'], toldAgain: 0 });
  });

  test('that were told once more on request are no repeats, and have to say what the last one said', () => {
    add('created', 100);
    const { hash } = log.summary();
    add('created', 100, replayHeaders('r'));
    add('created', 100, replayHeaders('r'));

    expect(log.summary()).toMatchObject({
      ...{ events: 1, entries: 1, repeated: [], toldAgain: 2, contradicting: [], hash },
    });
    add('created', 300, replayHeaders('r'));
    expect(log.summary()).toMatchObject({ events: 1, contradicting: ['0@3'], hash });
    add('voided', 100);
    add('created', 100, replayHeaders('r'));
    expect(log.summary()).toMatchObject({ entries: 0, contradicting: ['0@3', '0@5'] });
  });
});
