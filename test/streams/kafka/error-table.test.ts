/** What each of Kafka's error codes leads to, in the answer to each request: the port does as the table says. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ErrorCode } from '../../../kernel/error-codes.ts';
import { brokerErrors, type BrokerErrorReaction } from '../../../streams/kafka/error-reactions.ts';
import type {
  GroupMember,
  KafkaPort,
  TransactionalProducer,
  GroupOffsets,
} from '../../../streams/kafka/port.ts';
import { errorCodeOf } from '../../support/error-code.ts';
import { FakeKafka, type ApiName } from '../../support/fake-kafka.ts';
import { storedBatch } from './batches.ts';

const timeoutMs = 60_000;

/** Answered once: `resolved` is the request tried again, with success. */
const outcomes: Readonly<Record<BrokerErrorReaction, ErrorCode | 'resolved'>> = {
  wait: 'resolved',
  'find-leader': 'resolved',
  'find-coordinator': 'resolved',
  'find-topic': 'resolved',
  abort: 'TRANSACTION_ABORTED',
  fenced: 'PRODUCER_FENCED',
  recover: 'OUTCOME_UNKNOWN',
  generation: 'ILLEGAL_GENERATION',
  replaced: 'INSTANCE_FENCED',
  'too-large': 'RECORD_TOO_LARGE',
  'out-of-range': 'OFFSET_OUT_OF_RANGE',
  fatal: 'KAFKA_FATAL',
};

interface Parts {
  readonly kafka: FakeKafka;
  readonly port: KafkaPort;
  readonly producer: () => Promise<TransactionalProducer>;
  readonly joined: () => Promise<GroupMember>;
}

interface Kind {
  readonly api: ApiName;
  /** What comes before is answered without an error; the function it leads to makes the request. */
  readonly prepare: (parts: Parts) => Promise<() => Promise<unknown>>;
  /** Where this request gives a reaction, or a code, a meaning of its own. */
  readonly otherwise?: Readonly<Record<string, ErrorCode | 'resolved'>>;
}

const partition = { topic: 'fake', partition: 0 };
const records = [{ key: null, value: Buffer.from('v'), timestampMs: 1 }];
const offsets: GroupOffsets = {
  ...{ groupId: 'group', memberId: 'member', generationId: 1 },
  offsets: [{ ...partition, offset: 1 }],
};
/** A join begins again when the group has moved on. */
const joinsAgain = { generation: 'resolved' } as const;

const kinds: Readonly<Record<string, Kind>> = {
  'InitProducerId, taking over': {
    api: 'initProducerId',
    prepare: ({ producer }) => Promise.resolve(() => producer()),
  },
  'InitProducerId, recovering': {
    api: 'initProducerId',
    prepare: async ({ producer }) => {
      const opened = await producer();
      return () => opened.recover();
    },
  },
  FindCoordinator: {
    api: 'findCoordinator',
    prepare: ({ kafka }) => {
      const fresh = kafka.port();
      const options = { transactionalId: 'other', transactionTimeoutMs: 1_000 };
      return Promise.resolve(() => fresh.openProducer(options).finally(() => fresh.close()));
    },
  },
  AddPartitionsToTxn: {
    api: 'addPartitions',
    prepare: async ({ producer }) => {
      const opened = await producer();
      return () => opened.addPartitions([partition]);
    },
  },
  Produce: {
    api: 'produce',
    prepare: async ({ producer }) => {
      const opened = await producer();
      await opened.addPartitions([partition]);
      return () => opened.produce([{ ...partition, records }]);
    },
  },
  AddOffsetsToTxn: {
    api: 'addOffsets',
    prepare: async ({ producer }) => {
      const opened = await producer();
      return () => opened.sendOffsets(offsets);
    },
  },
  TxnOffsetCommit: {
    api: 'txnOffsetCommit',
    prepare: async ({ producer }) => {
      const opened = await producer();
      return () => opened.sendOffsets(offsets);
    },
  },
  'EndTxn, commit': {
    api: 'endTxn',
    prepare: async ({ producer }) => {
      const opened = await producer();
      await opened.addPartitions([partition]);
      return () => opened.commit();
    },
  },
  'EndTxn, abort': {
    api: 'endTxn',
    prepare: async ({ producer }) => {
      const opened = await producer();
      await opened.addPartitions([partition]);
      return () => opened.abort();
    },
  },
  JoinGroup: {
    api: 'joinGroup',
    prepare: ({ joined }) => Promise.resolve(() => joined()),
    otherwise: joinsAgain,
  },
  SyncGroup: {
    api: 'syncGroup',
    prepare: ({ joined }) => Promise.resolve(() => joined()),
    otherwise: joinsAgain,
  },
  Heartbeat: {
    api: 'heartbeat',
    prepare: async ({ joined }) => {
      const member = await joined();
      return () => member.heartbeat();
    },
    otherwise: { REBALANCE_IN_PROGRESS: 'resolved' },
  },
  OffsetFetch: {
    api: 'offsetFetch',
    prepare: async ({ joined }) => {
      const member = await joined();
      return () => member.committedOffsets([partition]);
    },
  },
  ListOffsets: {
    api: 'listOffsets',
    prepare: ({ port }) => Promise.resolve(() => port.admin.listOffsets([partition], 'latest')),
  },
  Fetch: {
    api: 'fetch',
    prepare: ({ port }) => Promise.resolve(() => readOne(port)),
  },
};

/** Resolves with a record, rejects with the error that the partition was given. */
async function readOne(port: KafkaPort): Promise<void> {
  const reader = port.openReader();
  try {
    reader.assign([{ ...partition, offset: 0 }]);
    for (;;) {
      for (const { records: found, error } of await reader.poll(1_000)) {
        if (error !== undefined) throw error;
        if (found.length > 0) return;
      }
    }
  } finally {
    await reader.close();
  }
}

describe('an error code in the answer to', () => {
  let kafka: FakeKafka;
  let parts: Parts;

  beforeAll(async () => {
    kafka = await FakeKafka.start();
    const bytes = storedBatch({ baseOffset: 0, producerId: -1, values: ['v'], kind: 'plain' });
    kafka.log = () => ({ end: 1, bytes });
    const port = kafka.port();
    parts = {
      kafka,
      port,
      producer: () => port.openProducer({ transactionalId: 'id', transactionTimeoutMs: 1_000 }),
      joined: async () => {
        const member = port.openMember({
          ...{ groupId: 'group', topics: ['fake'], userData: () => Buffer.alloc(0) },
          ...{ sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000, assignor: () => new Map() },
        });
        await member.join();
        return member;
      },
    };
  });

  afterAll(() => kafka.close());

  test.each(Object.entries(kinds))(
    '%s leads to what the table says, whichever it is',
    async (_name, { api, prepare, otherwise = {} }) => {
      const seen: Record<string, string> = {};
      const wanted: Record<string, string> = {};
      for (const [code, { name, reaction }] of brokerErrors) {
        kafka.errorOf = () => 0;
        const request = await prepare(parts);
        const before = kafka.countOf(api);
        kafka.failOnce(api, code);
        const outcome = await errorCodeOf(request());
        const isAgain = kafka.countOf(api) > before + 1;
        seen[name] = `${outcome}${isAgain ? ', asked again' : ''}`;
        const expected = otherwise[name] ?? otherwise[reaction] ?? outcomes[reaction];
        const isPatient = expected === 'resolved' && otherwise[name] === undefined;
        wanted[name] = `${expected}${isPatient ? ', asked again' : ''}`;
      }

      expect(seen).toEqual(wanted);
    },
    timeoutMs,
  );
});

describe('a producer after an error', () => {
  let kafka: FakeKafka;

  beforeAll(async () => {
    kafka = await FakeKafka.start();
  });

  afterAll(() => kafka.close());

  test.each([
    ['a fenced one', 47, 'PRODUCER_FENCED', 'PRODUCER_FENCED'],
    ['one whose outcome is unknown', 45, 'OUTCOME_UNKNOWN', 'OUTCOME_UNKNOWN'],
    ['one that has to abort', 120, 'TRANSACTION_ABORTED', 'resolved'],
    ['one that was refused for good', 87, 'TRANSACTION_ABORTED', 'resolved'],
  ])(
    '%s commits nothing any more, and asks Kafka for nothing it may not',
    async (_name, code, commit, abort) => {
      kafka.errorOf = () => 0;
      const port = kafka.port();
      const options = { transactionalId: 'after', transactionTimeoutMs: 1_000 };
      const producer = await port.openProducer(options);
      kafka.failOnce('produce', code);
      await errorCodeOf(producer.produce([{ ...partition, records }]));
      const ends = kafka.countOf('endTxn');
      const committed = await errorCodeOf(producer.commit());
      const endsByCommit = kafka.countOf('endTxn') - ends;
      const aborted = await errorCodeOf(producer.abort());
      await producer.recover();
      await producer.produce([{ ...partition, records }]);
      await producer.commit();

      expect([committed, endsByCommit, aborted]).toEqual([commit, 0, abort]);
    },
    timeoutMs,
  );

  test('gives up when Kafka asks to try again for longer than the request may take', async () => {
    kafka.errorOf = ({ api }) => (api === 'endTxn' ? 51 : 0);
    const port = kafka.port({ requestTimeoutMs: 300 });
    const options = { transactionalId: 'patience', transactionTimeoutMs: 1_000 };
    const producer = await port.openProducer(options);
    await producer.addPartitions([partition]);

    expect(await errorCodeOf(producer.commit())).toBe('KAFKA_UNAVAILABLE');
  });
});
