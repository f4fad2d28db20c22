/** `rollguard ledger get|days|roll`: the Roll Service's answers over HTTP, and a business date closed by hand. */
import { Command, InvalidArgumentError } from 'commander';
import type { LedgerBody, TotalsBody } from '../../api/ledger-answers.ts';
import { closedDatesTopic, rollApplicationId } from '../../topology/roll/roll-names.ts';
import { ApiClient } from '../api-client.ts';
import { apiVerb, showAnswer, tenantNote, type ApiVerbFlags } from '../api-verb.ts';
import { applicationSettings, commandPort } from '../application-settings.ts';
import type { CliContext } from '../cli-context.ts';
import { closeDate, type PropertyState } from '../ledger/close-date.ts';
import { renderClosed, renderDays, renderLedger } from '../ledger/ledger-report.ts';
import { calendarDate } from '../option-values.ts';

interface DaysFlags extends ApiVerbFlags {
  readonly property: string;
  readonly from: string;
  readonly to: string;
}

interface RollFlags extends ApiVerbFlags {
  readonly property: string;
  readonly date: string;
  readonly brokers?: string;
  readonly application?: string;
  readonly wait: number;
  readonly dryRun?: true;
}

const service = 'the Roll Service';
const waitSeconds = 15;

/** @param openPort Kafka for the command; another one in tests. */
export function ledgerCommand(cli: CliContext, openPort = commandPort): Command {
  return new Command('ledger')
    .description('what each business day earned, and business dates closed by hand')
    .addCommand(getCommand(cli))
    .addCommand(daysCommand(cli))
    .addCommand(rollCommand(cli, openPort));
}

function verb(name: string): Command {
  return apiVerb(name, { whose: 'ledger', toldIn: 'logs' });
}

function getCommand(cli: CliContext): Command {
  return verb('get')
    .description("a reservation's ledger, entry by entry")
    .argument('<reservationId>')
    .addHelpText(
      'after',
      `
Examples:
  rollguard ledger get 5e000000-0000-4000-8000-000000000001
  rollguard ledger get 5e000000-0000-4000-8000-000000000001 --json
${tenantNote}`,
    )
    .action(async (reservationId: string, flags: ApiVerbFlags) => {
      const path = `/v1/ledgers/${encodeURIComponent(reservationId)}`;
      const { body } = await new ApiClient(flags, cli, service).ask({ method: 'GET', path });
      showAnswer(flags, cli, body, () => renderLedger(body as LedgerBody));
    });
}

function daysCommand(cli: CliContext): Command {
  return verb('days')
    .description("a property's business dates: rooms sold, revenue, arrivals, departures")
    .requiredOption('--property <id>', 'the property')
    .requiredOption('--from <date>', 'the first business date', calendarDate)
    .requiredOption('--to <date>', 'the last, included', calendarDate)
    .addHelpText(
      'after',
      `
Examples:
  rollguard ledger days --property 9e000000-0000-4000-8000-000000000001 --from 2026-05-01 --to 2026-05-31
${tenantNote}`,
    )
    .action(async (flags: DaysFlags) => {
      const { property: propertyId, from, to } = flags;
      const body = await askDays(flags, cli, { propertyId, from, to });
      showAnswer(flags, cli, body, () => renderDays(body));
    });
}

function rollCommand(cli: CliContext, openPort: typeof commandPort): Command {
  return verb('roll')
    .description('close a business date by hand, and every one before it that is still open')
    .requiredOption('--property <id>', 'the property')
    .requiredOption('--date <date>', 'the date to close, YYYY-MM-DD', calendarDate)
    .option('--wait <seconds>', 'how long to wait until it has closed', seconds, waitSeconds)
    .option('--dry-run', 'only say what would close')
    .option('--brokers <list>', 'Kafka, host:port, comma separated (default: KAFKA_BROKERS)')
    .option('--application <id>', 'the application id (default: roll-service with its suffix)')
    .addHelpText(
      'after',
      `
Examples:
  rollguard ledger roll --property 9e000000-0000-4000-8000-000000000001 --date 2026-05-10 --dry-run
  rollguard ledger roll --property 9e000000-0000-4000-8000-000000000001 --date 2026-05-10 \\
    --tenant 7e000000-0000-4000-8000-000000000001

A closed date never opens again. Closing it once more changes nothing. Without KAFKA_BROKERS a running
local stack is used.
${tenantNote}`,
    )
    .action((flags: RollFlags) => roll(flags, cli, openPort));
}

async function roll(
  flags: RollFlags,
  cli: CliContext,
  openPort: typeof commandPort,
): Promise<void> {
  const { property: propertyId, date, wait } = flags;
  const settings = applicationSettings('ledger', flags, cli);
  const topic = closedDatesTopic(flags.application ?? rollApplicationId(settings));
  const result = await closeDate({
    ...{ date, topic, clock: cli.clock, dryRun: flags.dryRun === true, waitMs: wait * 1_000 },
    ask: (): Promise<PropertyState> => askDays(flags, cli, { propertyId, from: date, to: date }),
    openPort: () => openPort(settings, cli),
  });
  showAnswer(flags, cli, result, () => renderClosed(result));
  if (result.status !== 'recorded') return;
  const look = `rollguard ledger days --property ${propertyId} --from ${date} --to ${date}`;
  cli.progress(`ledger: not closed after ${wait} s; once ${service} reads it, it is: ${look}`);
}

async function askDays(
  flags: ApiVerbFlags,
  cli: CliContext,
  query: Readonly<Record<'propertyId' | 'from' | 'to', string>>,
): Promise<TotalsBody> {
  const client = new ApiClient(flags, cli, service);
  const { body } = await client.ask({ method: 'GET', path: '/v1/ledgers', query });
  return body as TotalsBody;
}

function seconds(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number of seconds.');
}
