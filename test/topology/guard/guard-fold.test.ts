/**
 * A replay of the guard: whatever a guard of one partition has decided, of callers, of Kafka, of rows and
 * of the time, its log of decisions and its catalogue give the same bytes in every store again.
 */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { noMetrics } from '../../../kernel/metrics.ts';
import { canonicalJson, type JsonValue } from '../../../topology/canonical-json.ts';
import type { CatalogueMark, CatalogueRow } from '../../../topology/guard/catalogue-rows.ts';
import {
  decisionLine,
  readDecisionLine,
  type DecisionRecord,
} from '../../../topology/guard/decision-log.ts';
import { defaultGuardOptions, type GuardOptions } from '../../../topology/guard/guard-options.ts';
import { evolve } from '../../../topology/guard/evolve.ts';
import {
  GuardFoldProcessor,
  type DecisionLine,
} from '../../../topology/guard/guard-fold-processor.ts';
import { GuardProcessor, type GuardRecord } from '../../../topology/guard/guard-processor.ts';
import { MemoryGuardState } from '../../../topology/guard/memory-guard-state.ts';
import { ProcessorBench } from '../../support/processor-bench.ts';
import { dayMs, lockCommand, releaseCommand, startMs, tenantId } from './guard-fixtures.ts';
import type { NaiveInput } from './naive-guard.ts';
import { capturedHotel, histories, type History } from './random-commands.ts';

const historyCount = 200;
const sweepIntervalMs = 200;
const forgetIntervalMs = 60_000;
const catalogueTopic = 'test-catalogue';

type Catalogued = CatalogueRow | CatalogueMark;

/** A live guard of one partition, and what it leaves on Kafka. */
class LiveGuard {
  readonly bench: ProcessorBench<GuardRecord>;
  readonly catalogue: { readonly key: string; readonly value: Catalogued }[] = [];
  /** As its callers may know it. */
  readonly state = new MemoryGuardState();
  #seen = 0;
  #commands = 0;
  readonly lines: Buffer[] = [];

  private constructor(bench: ProcessorBench<GuardRecord>) {
    this.bench = bench;
    bench.nowMs = startMs;
  }

  /** @param before of a fold: the guard that starts after it. */
  static async of(
    options: GuardOptions = defaultGuardOptions,
    before?: FoldBench,
  ): Promise<LiveGuard> {
    const leniencies = noMetrics.counter({ name: 'leniencies', help: '', labels: ['leniency'] });
    const counts = { partitionCount: 1, sourcePartitionCount: 1 };
    const processor = new GuardProcessor({
      ...{ options, ...counts, tellsReservations: true, leniencies },
    });
    return new LiveGuard(await ProcessorBench.with<GuardRecord>(processor, before));
  }

  /** The one that starts on what a fold of this one left. */
  async continuedOn(folded: FoldBench, options: GuardOptions): Promise<LiveGuard> {
    const next = await LiveGuard.of(options, folded);
    next.bench.nowMs = this.bench.nowMs;
    next.catalogue.push(...this.catalogue);
    next.#commands = this.#commands;
    for (const line of this.lines) next.#note(line);
    return next;
  }

  async play({ steps, drawn }: Pick<History, 'steps' | 'drawn'>): Promise<void> {
    for (const [index, { afterMs, input }] of steps.entries()) {
      this.bench.nowMs += afterMs;
      await this.bench.punctuations.get(sweepIntervalMs)?.();
      const asked = input(this.state, drawn);
      if (asked.kind === 'confirm') await this.#confirm(asked.lockId);
      else await this.ask(asked, index % 3 === 0);
    }
  }

  async ask(input: NaiveInput, comesByKafka = false): Promise<void> {
    switch (input.kind) {
      case 'lock':
      case 'release':
      case 'bulk-release':
        if (comesByKafka) await this.command(input);
        else await this.bench.processor.call?.(input);
        break;
      case 'room':
      case 'property': {
        const id = input.kind === 'room' ? input.roomId : input.propertyId;
        const version = String(this.catalogue.length).padStart(8, '0');
        await this.row({ key: `${input.kind}|${id}`, value: { kind: 'row', version, input } });
        break;
      }
      case 'catalogue':
        for (const table of ['rooms', 'properties'] as const) {
          await this.row({ key: table, value: { kind: 'mark', table, partition: 0 } });
        }
        break;
      default:
        await this.bench.punctuations.get(forgetIntervalMs)?.();
    }
    this.#learn();
  }

  async row(record: { readonly key: string; readonly value: Catalogued }): Promise<void> {
    this.catalogue.push(record);
    const offset = this.catalogue.length - 1;
    await this.bench.read({ topic: catalogueTopic, partition: 0, offset }, record);
  }

  async command(
    command: Extract<NaiveInput, { kind: 'lock' | 'release' | 'bulk-release' }>,
    commandId = `c${(this.#commands += 1)}`,
    ageMs = 60_000,
  ): Promise<void> {
    const issuedAtMs = this.bench.nowMs - ageMs;
    const input = { kind: 'command', tenantId, commandId, issuedAtMs, command } as const;
    const place = { topic: 'commands.primary', partition: 0, offset: this.#commands };
    const original = { ...place, timestampMs: 0, key: null, value: null, headers: [] };
    const value: GuardRecord = { kind: 'routed-command', input, original };
    await this.bench.read({ ...place, topic: 'test-commands' }, { key: commandId, value });
    this.#learn();
  }

  async #confirm(lockId: string): Promise<void> {
    const version = this.state.lock(lockId)?.version ?? 0;
    const order = { kind: 'confirm', tenantId, lockId, version, cause: 'applied' } as const;
    const place = { topic: 'test-orders', partition: 0, offset: 0 };
    await this.bench.read(place, { key: '', value: { kind: 'order', order } });
    this.#learn();
  }

  #learn(): void {
    const { forwarded } = this.bench;
    for (const { child, value } of forwarded.slice(this.#seen)) {
      if (child !== 'decisions') continue;
      this.#note(decisionLine(value as DecisionRecord));
    }
    this.#seen = forwarded.length;
  }

  #note(line: Buffer): void {
    this.lines.push(line);
    evolve(this.state, readDecisionLine(line));
  }
}

type FoldBench = ProcessorBench<GuardRecord | DecisionLine>;

async function fold(
  { lines, catalogue }: Pick<LiveGuard, 'lines' | 'catalogue'>,
  { catalogueFirst = false } = {},
): Promise<FoldBench> {
  const bench: FoldBench = await ProcessorBench.with(new GuardFoldProcessor());
  const readCatalogue = async (): Promise<void> => {
    for (const [offset, record] of catalogue.entries()) {
      await bench.read({ topic: catalogueTopic, partition: 0, offset }, record);
    }
  };
  if (catalogueFirst) await readCatalogue();
  for (const [offset, bytes] of lines.entries()) {
    const value = { kind: 'decision-line', bytes } as const;
    await bench.read({ topic: 'test-decisions', partition: 0, offset }, { key: '', value });
  }
  if (!catalogueFirst) await readCatalogue();
  return bench;
}

/** Who starts anew has read his holds from their JSON, whose fields are in another order then. */
function canonical(json: Buffer | string): string {
  return canonicalJson(JSON.parse(String(json)) as JsonValue);
}

function canonicalContent({ bench }: LiveGuard): unknown {
  return Object.entries(bench.content()).map(([store, entries]) => [
    store,
    Object.entries(entries).map(([key, value]) => [key, canonical(value)]),
  ]);
}

/** One that has captured the hotel. */
async function besideHotel(options?: GuardOptions): Promise<LiveGuard> {
  const live = await LiveGuard.of(options);
  for (const input of capturedHotel) await live.ask(input);
  return live;
}

describe('a fold of the guard', () => {
  test('gives every store of any history byte for byte, and says nothing', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.boolean(), async (history, catalogueFirst) => {
        const { options, isCaptured } = history;
        const live = isCaptured ? await besideHotel(options) : await LiveGuard.of(options);
        await live.play(history);

        const folded = await fold(live, { catalogueFirst });

        expect(folded.content()).toEqual(live.bench.content());
        expect(folded.forwarded).toEqual([]);
        expect([...folded.punctuations.keys()]).toEqual([]);
      }),
      { numRuns: historyCount },
    );
  });

  test('is what a guard goes on from as if it had never stopped', async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.nat(14), async ({ options, drawn, steps }, stopsAfter) => {
        const live = await besideHotel(options);
        await live.play({ drawn, steps: steps.slice(0, stopsAfter) });
        const next = await live.continuedOn(await fold(live), options);

        const rest = { drawn, steps: steps.slice(stopsAfter) };
        await live.play(rest);
        await next.play(rest);

        expect(next.lines.map(canonical)).toEqual(live.lines.map(canonical));
        expect(canonicalContent(next)).toEqual(canonicalContent(live));
      }),
      { numRuns: historyCount },
    );
  });

  test('stops at a line that does not follow from those before it', async () => {
    const live = await LiveGuard.of();
    await live.ask(lockCommand({ reservationId: 'R1' }));
    const lines = [...live.lines, ...live.lines];
    const unreadable = [Buffer.from('no JSON')];

    await expect(fold({ lines, catalogue: [] })).rejects.toMatchObject({
      code: 'INPUT_REFUSED',
      message: expect.stringMatching(
        /^test-decisions-0 at offset 1 cannot be folded: .*lock [0-9a-f-]{36} is not at version/,
      ) as unknown,
    });
    await expect(fold({ lines: unreadable, catalogue: [] })).rejects.toMatchObject({
      code: 'INPUT_REFUSED',
    });
  });
});

describe('a command of Kafka that is read again', () => {
  test('changes no hold, though what it had asked for was released since', async () => {
    const live = await besideHotel();
    const lock = lockCommand({ reservationId: 'R1' });
    await live.command(lock, 'lock-1');
    const lockId = live.state.locks()[0]?.lockId ?? '';
    await live.command(releaseCommand({ lockId }), 'release-1');
    const { locks, slots, versions, commands } = live.bench.content();
    live.bench.nowMs += 1_000;

    await live.command(lock, 'lock-1');
    await live.command(releaseCommand({ lockId }), 'release-1');

    expect(live.bench.content()).toMatchObject({ locks, slots, versions, commands });
    const answers = live.lines.slice(-2).map((line) => readDecisionLine(line).answer.status);
    expect(answers).toEqual(['DUPLICATE', 'DUPLICATE']);
  });

  test('grants nothing either when its id has been forgotten', async () => {
    const live = await besideHotel();
    const lock = lockCommand({ reservationId: 'R1' });
    await live.command(lock, 'lock-1');
    const lockId = live.state.locks()[0]?.lockId ?? '';
    await live.command(releaseCommand({ lockId }), 'release-1');
    const { locks, slots, versions } = live.bench.content();
    live.bench.nowMs += 3 * dayMs;
    await live.bench.punctuations.get(forgetIntervalMs)?.();
    expect(live.bench.content()['commands']).toEqual({});

    await live.command(lock, 'lock-1', 3 * dayMs);
    await live.command(releaseCommand({ lockId }), 'release-1', 3 * dayMs);

    expect(live.bench.content()).toMatchObject({ locks, slots, versions });
  });
});
