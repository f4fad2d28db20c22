/** In which order a look asks: what is read in between moves on meanwhile. */
import { expect, test } from '@jest/globals';
import { observeCapture, type CaptureSource } from '../../capture/observe-capture.ts';

test('the slot is asked first, then what was delivered, then where the log ends', async () => {
  const asked: string[] = [];
  const slot = { slot_name: 's', active: true, wal_status: 'reserved', confirmed: '0/64' };
  const server = { system: '1', timeline: '0000000A', standby: false, kept_mb: '-1', ...slot };
  const database = {
    query: (text: string) => {
      const isSlot = text.includes('pg_replication_slots');
      asked.push(isSlot ? 'slot' : 'end');
      return Promise.resolve({ rows: [isSlot ? server : { lsn: '1/C8' }], rowCount: 1 });
    },
  };
  const connect = {
    offset: () => {
      asked.push('delivered');
      return Promise.resolve({ lsn: 150n, isStreaming: true });
    },
    status: () =>
      Promise.resolve({ connector: { state: 'RUNNING' }, tasks: [{ state: 'FAILED' }] }),
  };
  const source = { database, connect, connectorName: 'c', slotName: 's' };
  const seen = await observeCapture(source as unknown as CaptureSource, undefined);

  expect(asked).toEqual(['slot', 'delivered', 'end']);
  expect(seen.deliveredLsn).toBe(150n);
  expect(seen.connector).toBe('failed');
  expect(seen.server).toMatchObject({ timeline: 10, lsn: 2n ** 32n + 200n });
  expect(seen.server?.slot?.confirmedLsn).toBe(100n);
});
