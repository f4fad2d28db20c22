/**
 * A decision: what was asked, when by the decision clock, what was answered, and every change it made.
 * It is JSON and says all that `evolve` needs, so a log of decisions gives the state again without
 * anything being decided a second time.
 */
import type { BulkReleaseAnswer, LockAnswer, Refusal, ReleaseAnswer } from './answer.ts';
import type { PropertyRecord, RoomRecord, TypeRooms } from './catalogue.ts';
import type { BulkReleaseCommand, ExpireCommand, LockCommand, ReleaseCommand } from './command.ts';
import type { CommandRef, PropertyRef, SlotRecord } from './guard-state.ts';
import type { CommandInput, ForgetCommand, GuardInput, StreamInput } from './input.ts';
import type { InventoryEvent } from './inventory-event.ts';
import type { StoredLock } from './stored-lock.ts';

/** What the guard did for its own sake. */
export interface SweepAnswer {
  readonly status: 'SWEPT';
  readonly count: number;
}

/** What was learnt from a captured table is kept. */
export interface NotedAnswer {
  readonly status: 'NOTED';
}

/** What became of a command that came through Kafka. */
export type CommandAnswer =
  | LockAnswer
  | ReleaseAnswer
  | BulkReleaseAnswer
  /** It had come before: nothing was changed. */
  | { readonly status: 'DUPLICATE' }
  /** Its time to live was over when it came: nothing was granted. */
  | { readonly status: 'LATE' };

/** The answer to each kind of input. */
export type AnswerTo<Input extends GuardInput> = Input extends LockCommand
  ? LockAnswer
  : Input extends ReleaseCommand
    ? ReleaseAnswer
    : Input extends BulkReleaseCommand
      ? BulkReleaseAnswer | Refusal
      : Input extends ExpireCommand | ForgetCommand
        ? SweepAnswer
        : Input extends CommandInput
          ? CommandAnswer
          : Input extends StreamInput
            ? NotedAnswer
            : never;

export type Change =
  | {
      readonly kind: 'lock';
      readonly lockId: string;
      /** The version that was replaced; undefined: the hold is new. */
      readonly before: number | undefined;
      readonly after: StoredLock;
    }
  | { readonly kind: 'forgotten-lock'; readonly lockId: string }
  | { readonly kind: 'slot'; readonly after: SlotRecord }
  | { readonly kind: 'forgotten-slot'; readonly partitionKey: string; readonly slot: string }
  | { readonly kind: 'command'; readonly command: CommandRef; readonly decidedAtMs: number }
  | { readonly kind: 'forgotten-command'; readonly command: CommandRef }
  | { readonly kind: 'room'; readonly after: RoomRecord }
  | { readonly kind: 'type-rooms'; readonly partitionKey: string; readonly after: TypeRooms }
  | { readonly kind: 'property'; readonly property: PropertyRef; readonly after: PropertyRecord }
  | { readonly kind: 'catalogue'; readonly isComplete: boolean };

/** What was let pass for lack of knowledge; to be counted. */
export type Leniency = 'unknown-room' | 'unknown-capacity' | 'room-of-another-type';

export interface Decision<Input extends GuardInput = GuardInput> {
  /** By the decision clock: never before an earlier decision of this partition. */
  readonly decidedAtMs: number;
  readonly command: Input;
  readonly answer: AnswerTo<Input>;
  /** In the order in which they are to be made; none: nothing but the clock changed. */
  readonly changes: readonly Change[];
  readonly events: readonly InventoryEvent[];
  readonly leniencies: readonly Leniency[];
}
