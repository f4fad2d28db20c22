/** A seed's history: what the workload does, and what goes wrong, drawn before anything runs. */
import { seededRandom, type Random } from '../../kernel/random.ts';
import { requestKinds, type RequestKind } from '../in-process-kafka.ts';
import { countingSteps } from './counting.ts';
import { guardSteps } from './guard-workload.ts';
import { streamsSteps } from './streams-workload.ts';
import { inOrder, type Schedule, type SimulatedSettings, type Step } from './schedule.ts';

const workloads = { count: countingSteps, guard: guardSteps, streams: streamsSteps } as const;
const machinesMax = 3;
const faultsMax = 14;
/** Of all histories: those in which the broker restarts. */
const restartsPart = 0.2;
/** Requests of a transaction are where exactly-once is won or lost. */
const favouredRequests: readonly RequestKind[] = [
  ...(['EndTxn', 'EndTxn', 'TxnOffsetCommit', 'Produce', 'AddPartitions'] as const),
  ...(['InitProducerId', 'JoinGroup', 'Heartbeat'] as const),
];

export function randomSchedule(seed: number): Schedule {
  // Neighbouring seeds would begin alike.
  const random = seededRandom(Math.imul(seed + 1, 0x9e3779b1));
  const drawn = random.next();
  const scenario = drawn < 0.5 ? 'count' : drawn < 0.8 ? 'guard' : 'streams';
  const machines = 1 + random.integer(machinesMax);
  const partitions = 1 + random.integer(scenario === 'count' ? 3 : 2);
  const settings = randomSettings(random);
  const calmAtMs = 12_000 + random.integer(14_000);
  const workload = workloads[scenario];
  const steps: Step[] = [...workload({ random, partitions, untilMs: calmAtMs })];
  for (let machine = 0; machine < machines; machine += 1) {
    steps.push({ kind: 'start', machine, atMs: machine === 0 ? 0 : random.integer(4_000) });
  }
  const draw = { random, machines, calmAtMs, settings };
  const faults = random.integer(faultsMax);
  for (let fault = 0; fault < faults; fault += 1) steps.push(...randomFault(draw));
  for (let atMs = random.integer(4_000); atMs < calmAtMs; atMs += 1_000 + random.integer(4_000)) {
    steps.push({ kind: 'clean', atMs });
  }
  // Last, so that seeds from before it was drawn show what they showed.
  if (random.next() < restartsPart) {
    const atMs = 500 + random.integer(calmAtMs - 1_000);
    const losesMarkers = random.next() < 0.7;
    steps.push({ kind: 'restart', atMs, forMs: 1 + random.integer(5_000), losesMarkers });
  }
  const inTime = inOrder(steps.filter(({ atMs }) => atMs < calmAtMs));
  return { seed, scenario, machines, partitions, calmAtMs, settings, steps: inTime };
}

function randomSettings(random: Random): SimulatedSettings {
  const one = (...of: readonly number[]): number => of[random.integer(of.length)] ?? 0;
  return {
    commitIntervalMs: one(50, 200, 600),
    pollTimeoutMs: one(400, 1_500),
    transactionTimeoutMs: one(1_500, 4_000, 20_000),
    transactionRecordsMax: one(1, 3, 20),
    sessionTimeoutMs: one(1_500, 3_000),
    checkpointIntervalMs: one(300, 1_000, 4_000),
    checkpointRecordsMax: one(2, 10, 1_000),
    tombstoneRetentionMs: one(6_000, 8_000),
    cacheBytesMax: one(1, 100_000),
    jitter: one(0, 0.2, 0.5),
    numStandbyReplicas: one(0, 1, 1, 2),
    acceptableRecoveryLag: one(0, 5, 10_000),
    isStatic: one(0, 0, 1),
    fetchRecordsMax: one(1, 4, 1_000),
  };
}

interface Draw {
  readonly random: Random;
  readonly machines: number;
  readonly calmAtMs: number;
  readonly settings: SimulatedSettings;
}

function randomFault({ random, machines, calmAtMs, settings }: Draw): readonly Step[] {
  const at = { machine: random.integer(machines), atMs: 500 + random.integer(calmAtMs - 1_000) };
  const { sessionTimeoutMs, tombstoneRetentionMs } = settings;
  const aWhileMs = 200 + random.integer(2 * sessionTimeoutMs + 2_000);
  const restart = (afterMs: number): Step => ({
    ...{ kind: 'start', machine: at.machine, atMs: at.atMs + afterMs },
  });
  switch (random.integer(11)) {
    case 0: {
      const losesDisk = random.next() < 0.15;
      // Long enough, now and then, for the cleaner to take tombstones away that its disk does not know.
      const isLong = random.next() < 0.4;
      const downMs = random.integer(4_000) + (isLong ? tombstoneRetentionMs : 0);
      return [{ kind: 'kill', ...at, keep: random.next(), losesDisk }, restart(downMs + 1)];
    }
    case 1:
      return [{ kind: 'stop', ...at }, restart(1_000 + random.integer(4_000))];
    case 2:
    case 3:
      return [{ kind: 'pause', ...at, forMs: aWhileMs }];
    case 4:
      return [{ kind: 'cut', ...at, forMs: aWhileMs }];
    case 5: {
      const byMs = random.integer(2_000) - 1_000;
      return [{ kind: 'clock', ...at, byMs }];
    }
    case 6:
      return [{ kind: 'slow-disk', ...at, forMs: aWhileMs, byMs: 20 + random.integer(1_500) }];
    case 7: {
      // One after the other, each started again before the next is stopped, or not.
      const betweenMs = 500 + random.integer(4_000);
      return Array.from({ length: machines }, (_, machine): readonly Step[] => {
        const atMs = at.atMs + machine * betweenMs;
        const downMs = 200 + random.integer(2 * sessionTimeoutMs);
        return [
          { kind: 'stop', machine, atMs },
          { kind: 'start', machine, atMs: atMs + downMs },
        ];
      }).flat();
    }
    case 8: {
      const leg = random.next() < 0.5 ? 'request' : 'answer';
      const count = 1 + random.integer(3);
      const byMs = 50 + random.integer(2 * sessionTimeoutMs);
      return [{ kind: 'delay', ...at, request: anyRequest(random), leg, count, byMs }];
    }
    default: {
      const faults = ['lose-request', 'lose-answer', 'deliver-late'] as const;
      const fault = faults[random.integer(faults.length)] ?? 'lose-answer';
      const count = 1 + random.integer(3);
      const lateMs = 1 + random.integer(random.next() < 0.5 ? 200 : 4_000);
      return [{ kind: 'fault', ...at, request: anyRequest(random), fault, count, lateMs }];
    }
  }
}

function anyRequest(random: Random): RequestKind {
  const kinds = random.next() < 0.7 ? favouredRequests : requestKinds;
  return kinds[random.integer(kinds.length)] ?? 'EndTxn';
}
