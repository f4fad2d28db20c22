/** Whether the guard's state can be made of its decisions, before the one there is is given up for it. */
import { RollguardError } from '../../../kernel/errors.ts';
import type { KafkaPort } from '../../../streams/index.ts';
import { partitionsOfTopics } from '../../stopped-application/application-topics.ts';
import { foldDecisions } from '../../verify/verify-guard.ts';
import type { ReplayParts } from '../replayed-application.ts';

export interface CheckFoldableOptions extends ReplayParts {
  readonly port: KafkaPort;
  readonly applicationId: string;
  readonly decisionsTopic: string;
}

const namedMax = 3;

/** @throws PRECONDITION_FAILED naming the decisions that do not follow from those before them. */
export async function checkFoldable(options: CheckFoldableOptions): Promise<void> {
  const { port, applicationId, decisionsTopic, signal, progress } = options;
  for (const { partition } of await partitionsOfTopics(port, [decisionsTopic])) {
    signal.throwIfAborted();
    progress(`replay: whether ${decisionsTopic}-${partition} can be folded`);
    const { problems } = await foldDecisions(partition, { port, applicationId, matches: [] });
    if (problems.length === 0) continue;
    throw new RollguardError(
      'PRECONDITION_FAILED',
      `state cannot be made of ${decisionsTopic}-${partition}, and was left as it is: ` +
        `${problems.slice(0, namedMax).join('; ')}. Any reset but --to-earliest keeps it`,
    );
  }
}
