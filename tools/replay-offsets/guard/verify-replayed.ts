/** Whether a replay of the guard has come to what its decisions say, by a fold of their own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { RollguardError } from '../../../kernel/errors.ts';
import type { KafkaPort, Topology } from '../../../streams/index.ts';
import { tombstoneRetentionMs } from '../../verify/guard-to-verify.ts';
import { verifyGuard, type GuardReport } from '../../verify/verify-guard.ts';
import type { ReplayParts } from '../replayed-application.ts';

export interface VerifyReplayedOptions extends ReplayParts {
  readonly port: KafkaPort;
  readonly topology: Topology;
  readonly applicationId: string;
  readonly eventsTopic: string;
  /** Undefined: there is none. */
  readonly stateDir: string | undefined;
}

/**
 * @returns what is not as it should be and is not the replay's: of the events, which it does not write.
 * @throws DIFFERENCE_FOUND when state is not what the decisions say.
 */
export async function verifyReplayed(options: VerifyReplayedOptions): Promise<readonly string[]> {
  const { applicationId } = options;
  const report = await inFolder(options.stateDir, (stateDir) =>
    verifyGuard({ ...options, stateDir, tombstoneRetentionMs }),
  );
  const differing = report.tasks.flatMap((each) =>
    each.differing.map((line) => `${each.task}: ${line}`),
  );
  if (differing.length === 0) return notesOf(report);
  throw new RollguardError(
    'DIFFERENCE_FOUND',
    `state of ${applicationId} is not what its decisions say: ${differing.join('; ')}`,
  );
}

function notesOf({ events, truncated }: GuardReport): readonly string[] {
  const differing = events.flatMap((each) => each.differing);
  return [...differing, ...truncated.map((line) => `events are not compared: ${line}`)];
}

async function inFolder<Result>(
  stateDir: string | undefined,
  use: (stateDir: string) => Promise<Result>,
): Promise<Result> {
  if (stateDir !== undefined) return use(stateDir);
  const empty = await mkdtemp(path.join(tmpdir(), 'rollguard-replay-'));
  try {
    return await use(empty);
  } finally {
    await rm(empty, { recursive: true, force: true });
  }
}
