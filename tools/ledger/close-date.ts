/**
 * Closes a business date by hand: writes it to the topic of closed dates, as the clock does, and waits
 * until the running service says that it is closed. What is written is input for ever, so what cannot
 * be meant is refused first.
 */
import { RollguardError } from '../../kernel/errors.ts';
import type { Clock } from '../../kernel/clock.ts';
import { partitionFor } from '../../kernel/murmur2.ts';
import type { KafkaPort } from '../../streams/kafka/port.ts';
import type { TotalsBody } from '../../api/ledger-answers.ts';
import { addDays, utcDayOf } from '../../topology/calendar/calendar-date.ts';
import { localDate } from '../../topology/calendar/property-time.ts';
import { datesPerAdvanceMax } from '../../topology/roll/business-dates.ts';
import { closedDateFact, encodeMessage, propertyKey } from '../../topology/roll/roll-messages.ts';

/** What the service says of the property. */
export type PropertyState = Pick<
  TotalsBody,
  'tenantId' | 'propertyId' | 'timeZone' | 'lastClosedDate'
>;

export interface CloseDateOptions {
  readonly date: string;
  readonly ask: () => Promise<PropertyState>;
  /** The topic of closed dates. */
  readonly topic: string;
  readonly openPort: () => KafkaPort;
  readonly clock: Clock;
  readonly dryRun: boolean;
  /** How long to wait for the service to close it. */
  readonly waitMs: number;
}

export interface CloseDateResult {
  /** 'recorded': written down for good, and not closed yet. */
  readonly status: 'closed' | 'recorded' | 'had-closed-before' | 'would-close';
  readonly propertyId: string;
  readonly date: string;
  /** Of the property, as the service said last. */
  readonly lastClosedDate: string | null;
  /** The dates that this closes, the first and the last of them; null: none. */
  readonly closes: { readonly from: string; readonly to: string } | null;
}

const pollMs = 250;
const transactionTimeoutMs = 30_000;

/** @throws NOT_FOUND, REQUEST_INVALID, TOPIC_MISSING, and what the service or Kafka refuses with */
export async function closeDate(options: CloseDateOptions): Promise<CloseDateResult> {
  const { date, ask, dryRun, clock } = options;
  const property = await ask();
  const { propertyId, lastClosedDate } = property;
  const base = { propertyId, date, lastClosedDate };
  if (lastClosedDate !== null && date <= lastClosedDate) {
    return { ...base, status: 'had-closed-before', closes: null };
  }
  checkDate(date, property, clock.nowMs());
  const from = lastClosedDate === null ? date : addDays(lastClosedDate, 1);
  const closes = { from, to: date };
  if (dryRun) return { ...base, status: 'would-close', closes };
  await record(options, property);
  const seen = await closedDateSeen(options);
  const isClosed = seen !== null && seen >= date;
  return { ...base, status: isClosed ? 'closed' : 'recorded', lastClosedDate: seen, closes };
}

function checkDate(
  date: string,
  { propertyId, timeZone, lastClosedDate }: PropertyState,
  nowMs: number,
): void {
  if (timeZone === null) {
    const message = `no property ${propertyId} is known for this tenant; its captured row gives it its time zone`;
    throw new RollguardError('NOT_FOUND', message);
  }
  const today = localDate(timeZone, nowMs);
  if (date > today) {
    const message = `--date ${date} is in the future: it is ${today} at the property (${timeZone})`;
    throw new RollguardError('REQUEST_INVALID', message);
  }
  const days = utcDayOf(date) - utcDayOf(lastClosedDate ?? date);
  if (days > datesPerAdvanceMax || utcDayOf(today) - utcDayOf(date) > datesPerAdvanceMax) {
    const since = lastClosedDate === null ? `before ${today}` : `after ${lastClosedDate}`;
    const message = `--date ${date} is more than ${datesPerAdvanceMax} days ${since}; check the year, or go there in steps`;
    throw new RollguardError('REQUEST_INVALID', message);
  }
}

async function record(
  { topic, openPort, clock, date }: CloseDateOptions,
  { tenantId, propertyId }: PropertyState,
): Promise<void> {
  const port = openPort();
  try {
    const [known] = await port.admin.describeTopics([topic]);
    if (known === undefined) {
      const message = `${topic} does not exist: the Roll Service makes it when it starts; check --application`;
      throw new RollguardError('TOPIC_MISSING', message);
    }
    const key = propertyKey(tenantId, propertyId);
    const message = encodeMessage(key, closedDateFact(key, date));
    const partition = partitionFor(message.key, known.partitionCount);
    const producer = await port.openProducer({
      ...{ transactionalId: `${topic}-by-hand`, transactionTimeoutMs },
    });
    try {
      const timestampMs = clock.nowMs();
      await producer.produce([
        { topic, partition, records: [{ ...message, timestampMs, headers: [] }] },
      ]);
      await producer.commit();
    } finally {
      await producer.close();
    }
  } finally {
    await port.close();
  }
}

/** The property's last closed date, when it has reached `date` or the time is over. */
async function closedDateSeen({
  ask,
  date,
  clock,
  waitMs,
}: CloseDateOptions): Promise<string | null> {
  const untilMs = clock.monotonicMs() + waitMs;
  let seen: string | null = null;
  for (;;) {
    try {
      seen = (await ask()).lastClosedDate;
    } catch {
      // It is written down: what the service cannot say now it may say in a moment.
    }
    if ((seen !== null && seen >= date) || clock.monotonicMs() >= untilMs) return seen;
    await clock.sleep(pollMs);
  }
}
