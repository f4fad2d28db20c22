/**
 * The guard of one partition: decides what callers ask and what captured rows say, one after another,
 * and lets what is due expire. Every decision is written to the log of decisions, with where its input
 * stood; its events go out in the same transaction.
 */
import type { Counter } from '../../kernel/metrics.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { partitionFor } from '../../kernel/murmur2.ts';
import {
  deadLetterHeaders,
  type KeyValueStore,
  type MaybePromise,
  type Processor,
  type ProcessorContext,
  type RecordOrigin,
  type StreamRecord,
} from '../../streams/index.ts';
import { isAuditRead, type AuditTrail } from './audit-trail.ts';
import {
  catalogueTables,
  snapshotMarkOf,
  type CatalogueHandOver,
  type CatalogueMark,
  type CatalogueRow,
} from './catalogue-rows.ts';
import { recordOf, type RoutedCommand } from './commands/routed-command.ts';
import { decide, type DecisionContext } from './decide.ts';
import { decideNow, expiriesPerDecision } from './decide-now.ts';
import type { Decision } from './decision.ts';
import type { DecisionRecord } from './decision-log.ts';
import { evolve } from './evolve.ts';
import type { GuardOptions } from './guard-options.ts';
import { answerRead, isRead, type GuardRequest } from './guard-requests.ts';
import type { GuardInput } from './input.ts';
import type { InventoryEvent } from './inventory-event.ts';
import { partitionKeyOf } from './lock-id.ts';
import { handOversOf } from './hand-over.ts';
import { holdFactOf, type ConflictFact } from './reservations/hold-fact.ts';
import type { Order } from './reservations/reconcile.ts';
import type { ReservationMeter } from './reservations/reservation-meter.ts';
import { reservationKeyOf } from './reservations/reservation-fact.ts';
import { notificationOf } from './notification.ts';
import { openGuardStores } from './guard-store-builders.ts';
import { StoredGuardState } from './stored-guard-state.ts';

export interface OutgoingEvent {
  readonly event: InventoryEvent;
  /** Of the guard. */
  readonly partition: number;
}

/** What the guard of a partition reads. */
export type GuardRecord =
  CatalogueRow | CatalogueMark | CatalogueHandOver | RoutedCommand | OrderMessage;

/** An order on its way from a reservation to the hold it is about. */
export interface OrderMessage {
  readonly kind: 'order';
  readonly order: Order;
}

export interface GuardProcessorOptions {
  readonly options: GuardOptions;
  /** True while the platform's changes are not heard of: holds do not expire then. */
  readonly isCaptureSilent?: () => boolean;
  /** True: what becomes of holds is told to their reservations. */
  readonly tellsReservations: boolean;
  /** In shadow mode: counts what the platform did with what had a conflict here. */
  readonly conflicts?: ReservationMeter;
  /** Of the guard. */
  readonly partitionCount: number;
  /** Partitions of the captured tables' topics: as many marks complete a table. */
  readonly sourcePartitionCount: number;
  readonly leniencies: Counter;
}

// Often enough for a hold to be released within a second of its time, commit included.
const sweepIntervalMs = 200;
const sweepDecisionsMax = 10;
const forgetIntervalMs = 60_000;
const forgetLimit = 1_000;

export class GuardProcessor implements Processor<string, GuardRecord> {
  readonly #options: GuardProcessorOptions;
  /** As the settings say, and while nothing expires. */
  readonly #expiring: GuardOptions;
  readonly #paused: GuardOptions;
  #context!: ProcessorContext;
  #state!: StoredGuardState;
  #rowVersions!: KeyValueStore<string, string>;
  /** Said, and not heard of yet. */
  readonly #handedOver = new Set<string>();
  #audit!: AuditTrail;
  #marks!: KeyValueStore<string, number>;

  constructor(options: GuardProcessorOptions) {
    this.#options = options;
    this.#expiring = options.options;
    this.#paused = { ...options.options, isExpiryPaused: true };
  }

  async init(context: ProcessorContext): Promise<void> {
    this.#context = context;
    const { state, rowVersions, audit } = openGuardStores(context);
    this.#marks = state.marks;
    this.#rowVersions = rowVersions;
    this.#audit = audit;
    this.#state = await StoredGuardState.load(state);
    context.schedule(sweepIntervalMs, 'wall-clock', () => this.#expire());
    context.schedule(forgetIntervalMs, 'wall-clock', () => this.#forget());
  }

  process({ key, value }: StreamRecord<string, GuardRecord>): MaybePromise<void> {
    switch (value.kind) {
      case 'routed-command':
        this.#decideCommand(value);
        return undefined;
      case 'order':
        this.#decideOrder(value.order);
        return undefined;
      case 'hand-over':
        this.#decideInput(value.input);
        return undefined;
      case 'mark':
        return this.#mark(value);
      case 'row':
        return this.#row(key, value);
    }
  }

  async #row(key: string, value: CatalogueRow): Promise<void> {
    const known = await this.#rowVersions.get(key);
    // A snapshot that was begun again reads rows once more.
    if (known !== undefined && known >= value.version) return;
    this.#rowVersions.put(key, value.version);
    this.#decideInput(value.input);
  }

  call(request: unknown): unknown {
    const asked = request as GuardRequest;
    if (isRead(asked)) return answerRead(this.#state, asked);
    if (isAuditRead(asked)) return this.#audit.answer(asked);
    return this.#decideNow(asked).answer;
  }

  async #mark(mark: CatalogueMark): Promise<void> {
    this.#marks.put(snapshotMarkOf(mark), 1);
    if (this.#state.isCatalogueComplete()) return;
    for (const table of catalogueTables) {
      for (let partition = 0; partition < this.#options.sourcePartitionCount; partition += 1) {
        if ((await this.#marks.get(snapshotMarkOf({ table, partition }))) === undefined) return;
      }
    }
    this.#decideInput({ kind: 'catalogue', isComplete: true });
  }

  /** What is refused goes to the dead letters with its record as it was read. */
  #decideCommand({ input, original }: RoutedCommand): void {
    const { answer } = this.#decideNow(input);
    if (answer.status !== 'REFUSED') return;
    const { code, field, message } = answer;
    const error = new RollguardError(code, field === undefined ? message : `${field}: ${message}`);
    const record = recordOf(original);
    const { topic, partition } = original;
    const failure = { stage: 'process', error, attempt: 1 } as const;
    const headers = deadLetterHeaders({ topic, partition, record }, failure);
    const { key, value, timestampMs } = record;
    void this.#context.forward({ key, value, timestampMs, headers }, 'dead-letters');
  }

  /** One that comes too late changes nothing, and nothing is written of it. */
  #decideOrder(order: Order): void {
    const { changes, leniencies } = decide(this.#state, order, this.#now());
    if (changes.length > 0 || leniencies.length > 0) this.#decideNow(order);
  }

  #decideInput(input: GuardInput): void {
    // What is due by now must not be counted, or moved, as if it were held.
    this.#decideNow(input);
  }

  #decideNow<Input extends GuardInput>(input: Input): Decision<Input> {
    const { expiries, decision } = decideNow(this.#state, input, this.#now());
    for (const expiry of expiries) this.#tell(expiry, undefined);
    this.#tell(decision, this.#context.origin());
    return decision;
  }

  #expire(): void {
    for (let count = 0; count < sweepDecisionsMax; count += 1) {
      const decision = this.#sweep({ kind: 'expire', limit: expiriesPerDecision });
      if (decision === undefined) return;
    }
  }

  async #forget(): Promise<void> {
    const decision = this.#sweep({ kind: 'forget', limit: forgetLimit });
    if (decision !== undefined) await this.#audit.forget(decision);
  }

  /** Undefined when there was nothing to do; then nothing is written. */
  #sweep(input: GuardInput): Decision | undefined {
    const decision = decide(this.#state, input, this.#now());
    if (decision.changes.length === 0) return undefined;
    evolve(this.#state, decision);
    this.#tell(decision, undefined);
    return decision;
  }

  #now(): DecisionContext {
    const isPaused = this.#options.isCaptureSilent?.() ?? false;
    const options = isPaused ? this.#paused : this.#expiring;
    return { nowMs: Math.floor(this.#context.nowMs()), options };
  }

  /** @param origin where its input stood; undefined: a caller's request, or the time. */
  #tell(decision: Decision, origin: RecordOrigin | undefined): void {
    const { decidedAtMs: timestampMs, events, leniencies } = decision;
    const { partition } = this.#context;
    for (const leniency of leniencies) this.#options.leniencies.add(1, { leniency });
    const record: DecisionRecord = { origin, partition, decision };
    void this.#context.forward({ key: '', value: record, timestampMs }, 'decisions');
    for (const event of events) {
      const outgoing: OutgoingEvent = { event, partition };
      const key = partitionKeyOf(event);
      void this.#context.forward({ key, value: outgoing, timestampMs }, 'inventory-events');
    }
    this.#audit.note(decision);
    const notification = notificationOf(decision);
    if (notification !== undefined) void this.#context.forward(notification, 'notifications');
    if (this.#options.tellsReservations) this.#tellReservations(decision);
    this.#handOver(timestampMs);
    if (decision.answer.status === 'CONFLICT') this.#tellConflict(decision);
  }

  #tellConflict({ command: input, decidedAtMs: atMs }: Decision): void {
    const { conflicts, tellsReservations } = this.#options;
    const command = input.kind === 'command' ? input.command : input;
    if (conflicts === undefined || command.kind !== 'lock') return;
    const { tenantId, reservationId } = command;
    if (!tellsReservations || reservationId === undefined) {
      conflicts.conflict(tenantId, 'unknown');
      return;
    }
    const value: ConflictFact = { kind: 'conflict', tenantId, reservationId, atMs };
    void this.#context.forward({ key: reservationKeyOf(value), value, timestampMs: atMs }, 'holds');
  }

  /** Once each; said with what made it so, it is lost only together with that. */
  #handOver(timestampMs: number): void {
    if (this.#state.waitingRooms().length === 0) {
      this.#handedOver.clear();
      return;
    }
    for (const input of handOversOf(this.#state, (type) => this.#owns(type))) {
      const value: CatalogueHandOver = { kind: 'hand-over', input };
      const key = `room|${input.tenantId}|${input.roomId}`;
      const name = `${key}|${input.roomTypeId}|${input.version}`;
      if (this.#handedOver.has(name)) continue;
      this.#handedOver.add(name);
      void this.#context.forward({ key, value, timestampMs }, 'hand-overs');
    }
  }

  #owns(type: { readonly tenantId: string; readonly roomTypeId: string }): boolean {
    const key = Buffer.from(partitionKeyOf(type));
    return partitionFor(key, this.#options.partitionCount) === this.#context.partition;
  }

  #tellReservations({ changes, decidedAtMs: timestampMs }: Decision): void {
    for (const change of changes) {
      const fact = change.kind === 'lock' ? holdFactOf(change.after) : undefined;
      if (fact === undefined) continue;
      const key = reservationKeyOf(fact);
      void this.#context.forward({ key, value: fact, timestampMs }, 'holds');
    }
  }
}
