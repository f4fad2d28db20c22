/** The projector on a real broker, registry and Postgres; each test has a topic and tables of its own. */
import { afterEach, describe, expect, test } from '@jest/globals';
import { createMetricsRegistry } from '../../api/metrics-registry.ts';
import { RollguardError } from '../../kernel/errors.ts';
import type { Projector } from '../../projections/projector.ts';
import { readDeadLetters, type DeadLetter } from '../../streams/dead-letter-reader.ts';
import type { KafkaPort, PlainProducer } from '../../streams/kafka/port.ts';
import { Figures } from '../support/figures.ts';
import { partitionCount, projected, until, type Projected } from './projected.ts';

const timeoutMs = 90_000;
const open: (Projected | Projector)[] = [];

afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close();
}, timeoutMs);

async function setUp(name: string): Promise<Projected> {
  const made = await projected(name);
  open.push(made);
  return made;
}

function started(projector: Projector): Projector {
  open.push(projector);
  projector.start();
  return projector;
}

describe('the projector', () => {
  test(
    'has in the table what the events say in the end, however it was stopped in between',
    async () => {
      const on = await setUp('projector-line');
      await on.write(2_000);
      const metrics = createMetricsRegistry();
      const first = started(on.projector({ metrics }));
      await on.caughtUp();
      expect(await on.table()).toEqual(on.expected());
      await on.write(500);
      await first.close();
      await on.write(500);
      started(on.projector({ limits: { batchRecordsMax: 7 } }));
      await on.mirrored();

      expect(await on.table()).toEqual(on.expected());
      const { body } = await metrics.render();
      expect(body).toMatch(/roll_service_replay_missing_total [1-9]/);
      expect(body).toMatch(/roll_service_replay_mismatches_total [1-9]/);
    },
    timeoutMs,
  );

  test(
    'compares what is told once more with the table, and applies none of it',
    async () => {
      const on = await setUp('projector-again');
      await on.write(500);
      await on.writeAgain('r-1', true);
      await on.writeAgain('r-2', false);
      const figures = new Figures();
      started(on.projector({ metrics: figures }));
      await on.caughtUp();
      const entries = on.expected().size;

      expect(entries).toBeGreaterThan(100);
      expect(await on.table()).toEqual(on.expected());
      const toldAgain = figures.of('rollguard_projector_events_told_again_total');
      expect(toldAgain).toEqual({ matches: entries, mismatches: entries });
    },
    timeoutMs,
  );

  test(
    'begins anew when its offset rows are deleted, and gives the same rows',
    async () => {
      const on = await setUp('projector-anew');
      await on.write(1_000);
      const metrics = createMetricsRegistry();
      started(on.projector({ metrics }));
      await on.caughtUp();
      const before = await on.table();
      await on.database.query('DELETE FROM roll_service_shadow_ledgers');
      await on.database.query('DELETE FROM roll_service_consumer_offsets');
      await on.mirrored();

      expect(await on.table()).toEqual(before);
    },
    timeoutMs,
  );

  test(
    'killed between the commit in Postgres and the one in Kafka: nothing twice, and the mirror mends',
    async () => {
      const on = await setUp('projector-between');
      await on.write(1_000);
      const dying = started(on.projector({ port: neverTelling(on.port) }));
      await on.caughtUp();
      const between = await on.offsets();
      await dying.close();
      const metrics = createMetricsRegistry();
      started(on.projector({ metrics }));
      await on.mirrored();

      expect(between.map(({ kafka }) => kafka)).toEqual(Array(partitionCount).fill(0));
      expect(await on.table()).toEqual(on.expected());
      expect((await metrics.render()).body).toMatch(/roll_service_replay_matches_total 0/);
    },
    timeoutMs,
  );

  test(
    'that lost its partitions without noticing applies nothing and sets no offset back',
    async () => {
      const on = await setUp('projector-zombie');
      const gate = gated(on.port);
      const metrics = createMetricsRegistry();
      await on.write(600);
      const zombie = started(on.projector({ port: gate.port, metrics }));
      await until(() => gate.isHolding());
      // It has fetched and not applied; its place is given up behind its back, and another one takes over.
      await gate.forget();
      await on.write(600);
      started(on.projector());
      await on.mirrored();
      const after = await on.offsets();
      gate.release();
      await until(async () =>
        /batches_refused_total\{[^}]*\} [1-9]/.test((await metrics.render()).body),
      );
      await zombie.close();

      expect(await on.offsets()).toEqual(after);
      expect(await on.table()).toEqual(on.expected());
    },
    timeoutMs,
  );

  test(
    'shares the partitions with another one, and has them all when that one goes',
    async () => {
      const on = await setUp('projector-two');
      const counted = [createMetricsRegistry(), createMetricsRegistry()];
      const [first, second] = counted.map((metrics) => started(on.projector({ metrics })));
      await until(() => first?.isRunning === true && second?.isRunning === true);
      await on.write(1_000);
      await on.mirrored();
      expect(await on.table()).toEqual(on.expected());
      await second?.close();
      await on.write(1_000);
      await on.mirrored();

      expect(await on.table()).toEqual(on.expected());
    },
    timeoutMs,
  );

  test(
    'goes on where the table stands when Postgres has thrown it out in the middle',
    async () => {
      const on = await setUp('projector-away');
      const metrics = createMetricsRegistry();
      await on.write(2_000);
      started(on.projector({ metrics, limits: { batchRecordsMax: 10 } }));
      await until(async () => (await on.table()).size > 0);
      await on.database.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1',
        [on.groupId.slice(0, 63)],
      );
      await on.mirrored();

      expect(await on.table()).toEqual(on.expected());
      expect((await metrics.render()).body).toMatch(
        /projector_failures_total\{[^}]*code="DATABASE_UNAVAILABLE"\} 1/,
      );
    },
    timeoutMs,
  );

  test(
    'tells of records that were deleted before it had them, and goes on behind them',
    async () => {
      const on = await setUp('projector-gap');
      const metrics = createMetricsRegistry();
      await on.write(300);
      const first = started(on.projector());
      await on.mirrored();
      await first.close();
      await on.writeRaw(0, Buffer.from('that nobody reads'));
      await on.deleteAll(0);
      started(on.projector({ metrics }));
      await on.write(300);
      await on.mirrored();

      expect((await metrics.render()).body).toMatch(/projector_gaps_total\{[^}]*\} 1/);
      expect(await on.table()).toEqual(on.expected());
    },
    timeoutMs,
  );

  test(
    'gives a record that no table can take to the dead letters, with its bytes, and goes on',
    async () => {
      const on = await setUp('projector-poison');
      const poison = Buffer.from('no Avro at all');
      await on.write(300);
      await on.writeRaw(0, poison);
      await on.write(300);
      const metrics = createMetricsRegistry();
      started(on.projector({ metrics }));
      await on.mirrored();
      const letters: DeadLetter[] = [];
      await readDeadLetters(on.port, on.deadLetterTopic, (letter) => letters.push(letter) > 0);

      expect(letters.map(({ value, from, code }) => ({ value, code, topic: from.topic }))).toEqual([
        { value: poison, code: 'WIRE_FORMAT', topic: on.topic },
      ]);
      expect(await on.table()).toEqual(on.expected());
      expect((await metrics.render()).body).toMatch(/dead_lettered_total\{[^}]*\} 1/);
    },
    timeoutMs,
  );
});

/** Its commits in Kafka never arrive. */
function neverTelling(port: KafkaPort): KafkaPort {
  return withProducer(port, (producer) => ({
    ...bound(producer),
    commitOffsets: () => Promise.reject(new RollguardError('KAFKA_UNAVAILABLE', 'killed')),
  }));
}

/** Holds what was fetched back until it is released. */
function gated(port: KafkaPort) {
  let release: () => void = () => undefined;
  const released = new Promise<void>((resolve) => (release = resolve));
  let isHolding = false;
  let leave = (): Promise<void> => Promise.resolve();
  return {
    release,
    isHolding: () => isHolding,
    forget: () => leave(),
    port: {
      ...boundPort(port),
      openReader: () => {
        const reader = port.openReader();
        return {
          assign: reader.assign.bind(reader),
          unassign: reader.unassign.bind(reader),
          pause: reader.pause.bind(reader),
          resume: reader.resume.bind(reader),
          wakeUp: reader.wakeUp.bind(reader),
          close: reader.close.bind(reader),
          poll: async (waitMs: number) => {
            const fetched = await reader.poll(waitMs);
            if (fetched.some(({ records }) => records.length > 0)) {
              isHolding = true;
              await released;
            }
            return fetched;
          },
        };
      },
      openMember: (options) => {
        const member = port.openMember(options);
        leave = () => member.leave();
        return {
          join: member.join.bind(member),
          // A paused process heartbeats no more, and hears nothing.
          heartbeat: () => (isHolding ? Promise.resolve('stable') : member.heartbeat()),
          committedOffsets: member.committedOffsets.bind(member),
          leave: () => Promise.resolve(),
        };
      },
    } satisfies KafkaPort,
  };
}

function withProducer(
  port: KafkaPort,
  wrap: (producer: PlainProducer) => PlainProducer,
): KafkaPort {
  return {
    ...boundPort(port),
    openPlainProducer: async () => wrap(await port.openPlainProducer()),
  };
}

function bound(producer: PlainProducer): PlainProducer {
  return {
    produce: producer.produce.bind(producer),
    commitOffsets: producer.commitOffsets.bind(producer),
    recover: producer.recover.bind(producer),
    close: producer.close.bind(producer),
  };
}

function boundPort(port: KafkaPort): KafkaPort {
  return {
    admin: port.admin,
    openReader: port.openReader.bind(port),
    openProducer: port.openProducer.bind(port),
    openPlainProducer: port.openPlainProducer.bind(port),
    openMember: port.openMember.bind(port),
    close: port.close.bind(port),
  };
}
