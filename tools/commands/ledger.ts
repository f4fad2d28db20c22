/** `rollguard ledger get|days|roll`: the Roll Service's answers over HTTP, and a business date closed by hand. */
import { Command, InvalidArgumentError } from 'commander';
import type { LedgerBody, TotalsBody } from '../../api/ledger-answers.ts';
import { isCalendarDate } from '../../topology/calendar/calendar-date.ts';
import { closedDatesTopic, rollApplicationId } from '../../topology/roll/roll-names.ts';
import { ApiClient, type ApiClientFlags } from '../api-client.ts';
import { applicationSettings, commandPort } from '../application-settings.ts';
import type { CliContext } from '../cli-context.ts';
import { closeDate, type PropertyState } from '../ledger/close-date.ts';
import { renderClosed, renderDays, renderLedger } from '../ledger/ledger-report.ts';

interface Flags extends ApiClientFlags {
  readonly json?: true;
}

interface DaysFlags extends Flags {
  readonly property: string;
  readonly from: string;
  readonly to: string;
}

interface RollFlags extends Flags {
  readonly property: string;
  readonly date: string;
  readonly brokers?: string;
  readonly application?: string;
  readonly wait: number;
  readonly dryRun?: true;
}

const service = 'the Roll Service';
const waitSeconds = 15;
const tenantNote = `
Ids are UUIDs. The tenant can be set once as ROLLGUARD_TENANT_ID.`;

/** @param openPort Kafka for the command; another one in tests. */
export function ledgerCommand(cli: CliContext, openPort = commandPort): Command {
  return new Command('ledger')
    .description('what each business day earned, and business dates closed by hand')
    .addCommand(getCommand(cli))
    .addCommand(daysCommand(cli))
    .addCommand(rollCommand(cli, openPort));
}

function verb(name: string): Command {
  return new Command(name)
    .option('--tenant <id>', 'whose ledger (default: ROLLGUARD_TENANT_ID)')
    .option(
      '--url <url>',
      'where Rollguard listens (default: ROLLGUARD_URL, else HTTP_HOST and HTTP_PORT)',
    )
    .option('--correlation-id <id>', 'tells the request apart in logs (default: random)')
    .option('--json', 'print the answer as one JSON object on stdout');
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
    .action(async (reservationId: string, flags: Flags) => {
      const path = `/v1/ledgers/${encodeURIComponent(reservationId)}`;
      const { body } = await new ApiClient(flags, cli, service).ask({ method: 'GET', path });
      show(flags, cli, body, () => renderLedger(body as LedgerBody));
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
      show(flags, cli, body, () => renderDays(body));
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
  show(flags, cli, result, () => renderClosed(result));
  if (result.status !== 'recorded') return;
  const look = `rollguard ledger days --property ${propertyId} --from ${date} --to ${date}`;
  cli.progress(`ledger: not closed after ${wait} s; once ${service} reads it, it is: ${look}`);
}

async function askDays(
  flags: Flags,
  cli: CliContext,
  query: Readonly<Record<'propertyId' | 'from' | 'to', string>>,
): Promise<TotalsBody> {
  const client = new ApiClient(flags, cli, service);
  const { body } = await client.ask({ method: 'GET', path: '/v1/ledgers', query });
  return body as TotalsBody;
}

function show(flags: Flags, cli: CliContext, body: unknown, render: () => string): void {
  cli.out(flags.json === true ? `${JSON.stringify(body)}\n` : render());
}

function calendarDate(text: string): string {
  if (isCalendarDate(text)) return text;
  throw new InvalidArgumentError('It must be a date like 2026-03-29.');
}

function seconds(text: string): number {
  if (/^\d{1,4}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It must be a whole number of seconds.');
}
