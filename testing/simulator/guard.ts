/** The Availability Guard in the simulated world: the real topology, a small hotel, callers. */
import { partitionFor } from '../../kernel/murmur2.ts';
import { noMetrics } from '../../kernel/metrics.ts';
import type { Topology } from '../../streams/index.ts';
import type { LockAnswer } from '../../topology/guard/answer.ts';
import { partitionKeyOf } from '../../topology/guard/lock-id.ts';
import { defaultGuardOptions } from '../../topology/guard/guard-options.ts';
import { guardSubTopologies, guardTopology } from '../../topology/guard/guard-topology.ts';
import { notificationsTopicDefault } from '../../topology/guard/notification.ts';
import { guardViolations } from './guard-invariants.ts';
import {
  guardEventsTopic,
  lockCommand,
  releaseCommand,
  tenantId,
  type GuardCall,
} from './guard-workload.ts';
import { applicationId } from './machine.ts';
import type { Scenario } from './scenario.ts';
import { streamsViolations } from './streams-invariants.ts';
import {
  commandsTopic,
  lifecycleTopic,
  reservationsTopic,
  serviceId,
  ttlSecondsMax,
} from './streams-workload.ts';

/** Longer than any time to live by whichever clock, and the next sweep. */
const settleMs = (ttlSecondsMax + 5) * 1_000;

function simulatedGuardTopology(partitions: number, hasStreams: boolean): Topology {
  const commands = {
    ...{ topic: commandsTopic, serviceId, deadLetterTopic: `${applicationId}-dlq` },
    decodeAvro: (value: Buffer) => JSON.parse(String(value)) as never,
  };
  return guardTopology({
    ...(hasStreams ? { commands, followsReservations: true } : {}),
    ...{ topicPrefix: 'platform', eventsTopic: guardEventsTopic },
    ...{ partitionCount: partitions, sourcePartitionCount: partitions },
    decode: (_table, value) => JSON.parse(String(value)) as never,
    encodeEvent: (event) => Buffer.from(JSON.stringify(event)),
    ...{ options: defaultGuardOptions, metrics: noMetrics },
  });
}

/** @param hasStreams whether the platform's reservations and commands are there as well. */
export function guardScenario(partitions: number, hasStreams: boolean): Scenario {
  /** The last lock that each slot was told of. */
  const told = new Map<string, string>();
  const streamTopics = hasStreams ? [commandsTopic, reservationsTopic, lifecycleTopic] : [];
  const inputTopics = ['platform.public.rooms', 'platform.public.properties', ...streamTopics];
  return {
    topics: Object.fromEntries(
      [...inputTopics, guardEventsTopic, notificationsTopicDefault].map((name) => [
        name,
        partitions,
      ]),
    ),
    topology: () => simulatedGuardTopology(partitions, hasStreams),
    outputTopic: guardEventsTopic,
    settleMs: hasStreams ? settleMs : 0,
    requestOf: (call, id) => {
      const wish = call as GuardCall;
      const key = partitionKeyOf({ tenantId, roomTypeId: wish.roomTypeId });
      const partition = partitionFor(Buffer.from(key), partitions);
      const target = { subTopology: guardSubTopologies.guard, partition };
      if (wish.do === 'lock') return { ...target, request: lockCommand(wish, id) };
      const lockId = told.get(slotOf(wish));
      return lockId === undefined ? undefined : { ...target, request: releaseCommand(lockId, id) };
    },
    answered: (call, answer) => {
      const held = answer as LockAnswer;
      if (held.status === 'LOCKED') told.set(slotOf(call as GuardCall), held.lock.lockId);
    },
    violations: (state) => [
      ...guardViolations(state, { partitions, hasStreams }),
      ...(hasStreams ? streamsViolations(state, partitions) : []),
    ],
  };
}

function slotOf({ roomTypeId, slot }: GuardCall): string {
  return `${roomTypeId} ${slot}`;
}
