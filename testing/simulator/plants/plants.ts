/** Every bug on purpose, by the name that `npm run simulate -- --plant` takes. */
import type { Plant } from '../plant.ts';
import {
  forwardRefused,
  forwardRepeated,
  standbyForgotten,
  standbyTorn,
  taskGivenToNobody,
  taskGivenTwice,
} from './group-plants.ts';
import { clockRunsBack, noFencing } from './owner-plants.ts';
import {
  answerBeforeCommit,
  endRepeated,
  endsForgotten,
  offsetsFirst,
  offsetsRepeated,
  takenAfterUnknown,
} from './producer-plants.ts';
import {
  abortedApplied,
  restoreStopsEarly,
  staleCheckpointTrusted,
  tombstonesForgotten,
} from './state-plants.ts';
import { commandsForgotten, endsUnheard, ordersWithoutVersion } from './streams-plants.ts';

export const plants: Readonly<Record<string, Plant>> = {
  'no-fencing': noFencing,
  'offsets-before-changelog': offsetsFirst,
  'answer-before-commit': answerBeforeCommit,
  'aborted-record-applied': abortedApplied,
  'stale-checkpoint-trusted': staleCheckpointTrusted,
  'clock-runs-back': clockRunsBack,
  'taken-after-unknown': takenAfterUnknown,
  'end-repeated': endRepeated,
  'ends-forgotten': endsForgotten,
  'offsets-repeated': offsetsRepeated,
  'restore-below-watermark': restoreStopsEarly,
  'checkpoint-older-than-tombstones': tombstonesForgotten,
  'commands-forgotten': commandsForgotten,
  'orders-without-version': ordersWithoutVersion,
  'ends-unheard': endsUnheard,
  'task-given-twice': taskGivenTwice,
  'task-given-to-nobody': taskGivenToNobody,
  'standby-forgotten': standbyForgotten,
  'standby-torn': standbyTorn,
  'forward-refused': forwardRefused,
  'forward-repeated': forwardRepeated,
};
