/**
 * The guard of one partition in a replay: nothing is decided. What was decided is folded from the log of
 * decisions by the same `evolve` that made it, and the versions of captured rows, which no decision tells
 * of, from the catalogue, which is to be read as far as the guard had read it and no further. Nothing goes
 * out: it went out when it was decided.
 */
import { RollguardError, messageOf } from '../../kernel/errors.ts';
import type {
  KeyValueStore,
  MaybePromise,
  Processor,
  ProcessorContext,
  StreamRecord,
} from '../../streams/index.ts';
import { forgottenLocks, type AuditTrail } from './audit-trail.ts';
import { snapshotMarkOf } from './catalogue-rows.ts';
import { readDecisionLine, type LoggedDecision } from './decision-log.ts';
import { evolve } from './evolve.ts';
import type { GuardRecord } from './guard-processor.ts';
import { openGuardStores } from './guard-store-builders.ts';
import { StoredGuardState } from './stored-guard-state.ts';

/** A line of the log of decisions as it was read. */
export interface DecisionLine {
  readonly kind: 'decision-line';
  readonly bytes: Buffer;
}

export class GuardFoldProcessor implements Processor<string, GuardRecord | DecisionLine> {
  #context!: ProcessorContext;
  #state!: StoredGuardState;
  #marks!: KeyValueStore<string, number>;
  #rowVersions!: KeyValueStore<string, string>;
  #audit!: AuditTrail;

  async init(context: ProcessorContext): Promise<void> {
    this.#context = context;
    const { state, rowVersions, audit } = openGuardStores(context);
    this.#marks = state.marks;
    this.#rowVersions = rowVersions;
    this.#audit = audit;
    this.#state = await StoredGuardState.load(state);
  }

  process({ key, value }: StreamRecord<string, GuardRecord | DecisionLine>): MaybePromise<void> {
    if (value.kind === 'decision-line') return this.#fold(value);
    if (value.kind === 'mark') this.#marks.put(snapshotMarkOf(value), 1);
    // Whatever else is in the catalogue was decided on, and is in the log.
    return value.kind === 'row' ? this.#note(key, value.version) : undefined;
  }

  #fold({ bytes }: DecisionLine): MaybePromise<void> {
    const decision = this.#evolved(bytes);
    this.#audit.note(decision);
    return forgottenLocks(decision.changes).length === 0 ? undefined : this.#audit.forget(decision);
  }

  /** @throws INPUT_REFUSED for a line that does not follow from those before it: the replay stops. */
  #evolved(bytes: Buffer): LoggedDecision {
    try {
      const decision = readDecisionLine(bytes);
      evolve(this.#state, decision);
      return decision;
    } catch (cause) {
      const { topic, partition, offset } = this.#context.origin() ?? {};
      throw new RollguardError(
        'INPUT_REFUSED',
        `${topic}-${partition} at offset ${offset} cannot be folded: ${messageOf(cause)}`,
        { cause },
      );
    }
  }

  /** The newest version that was read is the one decided on. */
  async #note(key: string, version: string): Promise<void> {
    const known = await this.#rowVersions.get(key);
    if (known === undefined || known < version) this.#rowVersions.put(key, version);
  }
}
