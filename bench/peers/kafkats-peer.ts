/** The side of `@kafkats/flow`: an aggregate over LMDB, its own durable store, exactly once. */
import { buffer, flow, string } from '@kafkats/flow';
import { lmdb } from '@kafkats/flow-state-lmdb';
import { RollguardError } from '../../kernel/errors.ts';
import { readSettings } from './peer-settings.ts';
import { servePeer } from './serve-peer.ts';

const { applicationId, brokers, input, output, stateDir, commitIntervalMs } = readSettings(
  process.argv[2] ?? '',
);
const app = flow({
  applicationId,
  client: { brokers: [...brokers], clientId: applicationId },
  processingGuarantee: 'exactly_once',
  commitIntervalMs,
  // It waits for every write by itself: lingering would only add to each.
  producer: { lingerMs: 0 },
  stateStoreProvider: lmdb({ stateDir }),
});
app
  .stream(input, { key: string(), value: buffer(), offsetReset: 'earliest' })
  .groupByKey({ key: string(), value: buffer() })
  .aggregate<Buffer>(() => Buffer.alloc(0), modified, {
    ...{ storeName: 'values', key: string(), value: buffer() },
  })
  .toStream()
  .to(output, { key: string(), value: buffer() });
await app.start();
await servePeer({
  count: () => {
    throw new RollguardError('UNSUPPORTED', 'its store cannot be asked from outside');
  },
  stop: () => app.close(),
});

function modified(_: string, value: Buffer, found: Buffer): Buffer {
  const next = Buffer.from(found.length === 0 ? value : found);
  next.writeUInt32BE((next.readUInt32BE(0) + 1) >>> 0, 0);
  return next;
}
