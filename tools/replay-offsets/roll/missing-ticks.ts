/**
 * Ticks are kept, and a replay holds back those that its properties tell again. What a property has come
 * to know that no tick says (its rows were read, and nobody had told yet) is told now, once.
 */
import type { Clock } from '../../../kernel/clock.ts';
import type { KafkaPort, KafkaStreams } from '../../../streams/index.ts';
import type { ProduceRecord, TransactionalProducer } from '../../../streams/kafka/port.ts';
import { readRanges, wholeTopics } from '../../../streams/kafka/read-ranges.ts';
import { addDays } from '../../../topology/calendar/calendar-date.ts';
import type { PropertyCalendar } from '../../../topology/roll/derive.ts';
import { replayDifferenceHeaders } from '../../../topology/roll/replay-header.ts';
import {
  decodeMessage,
  encodeMessage,
  splitKey,
  type Tick,
} from '../../../topology/roll/roll-messages.ts';
import { propertiesOf } from './stored-roll.ts';

export interface MissingTicksOptions {
  readonly port: KafkaPort;
  readonly streams: KafkaStreams;
  readonly producer: TransactionalProducer;
  readonly ticksTopic: string;
  readonly replayId: string;
  readonly clock: Clock;
}

export interface MissingTicks {
  readonly written: number;
  /** Properties that ticks say more of than their rows do. */
  readonly behind: readonly string[];
}

export async function tellMissingTicks(options: MissingTicksOptions): Promise<MissingTicks> {
  const { port, streams, ticksTopic } = options;
  const ranges = await wholeTopics(port, [ticksTopic]);
  // Every partition has every tick.
  const said = new Map<string, Tick>();
  await readRanges(port, ranges.slice(0, 1), (record) => {
    const { key, message } = decodeMessage(record);
    said.set(key, message as Tick);
    return true;
  });
  const behind: string[] = [];
  let written = 0;
  for await (const page of propertiesOf(streams)) {
    const ticks = page.flatMap(([key, known]) => {
      const steps = stepsFrom(said.get(key), known);
      if (steps === undefined) behind.push(key);
      return (steps ?? []).map((step) => ({ key, step }));
    });
    await writeTicks(ticks, ranges.length, options);
    written += ticks.length;
  }
  return { written, behind };
}

/** From what was said to what is known, a date at a time; undefined: more was said than is known. */
function stepsFrom(
  said: PropertyCalendar | undefined,
  { zone, lastClosedDate }: PropertyCalendar,
): readonly PropertyCalendar[] | undefined {
  if (said === undefined) {
    return zone === undefined && lastClosedDate === undefined ? [] : [{ zone, lastClosedDate }];
  }
  if (said.zone === zone && said.lastClosedDate === lastClosedDate) return [];
  if (said.zone !== undefined && zone === undefined) return undefined;
  if (said.lastClosedDate === undefined) return [{ zone, lastClosedDate }];
  if (lastClosedDate === undefined || lastClosedDate < said.lastClosedDate) return undefined;
  const steps: PropertyCalendar[] =
    said.zone === zone ? [] : [{ zone, lastClosedDate: said.lastClosedDate }];
  for (let date = said.lastClosedDate; date < lastClosedDate;) {
    date = addDays(date, 1);
    steps.push({ zone, lastClosedDate: date });
  }
  return steps;
}

async function writeTicks(
  ticks: readonly { readonly key: string; readonly step: PropertyCalendar }[],
  partitionCount: number,
  { producer, ticksTopic: topic, replayId, clock }: MissingTicksOptions,
): Promise<void> {
  if (ticks.length === 0) return;
  const headers = replayDifferenceHeaders(replayId);
  const records = ticks.map(({ key, step: { zone, lastClosedDate } }): ProduceRecord => {
    const [tenantId, propertyId] = splitKey(key);
    const tick: Tick = { tenantId, propertyId, zone, lastClosedDate };
    return { ...encodeMessage(key, tick), timestampMs: clock.nowMs(), headers };
  });
  const partitions = Array.from({ length: partitionCount }, (_, partition) => partition);
  await producer.produce(partitions.map((partition) => ({ topic, partition, records })));
  await producer.commit();
}
