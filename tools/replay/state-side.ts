/** The ledgers of a running service's state, asked over HTTP: so many at a time, twice more while it restores. */
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import {
  fieldsOfAnswer,
  type AnsweredEntry,
  type EntryFields,
} from '../../topology/roll/entry-fields.ts';
import type { CliContext } from '../cli-context.ts';
import { ApiClient } from '../api-client.ts';
import type { ServiceProperty } from '../../reconciliation/replay-reservations.ts';
import type { ExpectedLedgers, StoredLedgers } from '../../reconciliation/replay-side.ts';

const callsMax = 8;
const attemptsMax = 3;
const retryDelayMs = 1_000;
/** Any date: only what is said of the property itself is looked at. */
const anyDate = '2000-01-01';

export interface LedgerState {
  read(expected: ExpectedLedgers): Promise<StoredLedgers>;
  /** What the service says of a property; undefined: nothing is known of it. @throws API_UNAVAILABLE */
  property(tenantId: string, propertyId: string): Promise<ServiceProperty>;
}

export function ledgerState(flags: { readonly url?: string }, cli: CliContext): LedgerState {
  const ask = async (tenantId: string, request: Asked): Promise<unknown> => {
    const client = new ApiClient({ ...flags, tenant: tenantId }, cli, 'the Roll Service');
    return patiently(cli.clock, async () => {
      const { body } = await client.ask({ method: 'GET', ...request });
      return body;
    });
  };
  return {
    read: async ({ tenantId, ledgers }) => {
      const ids = [...ledgers.keys()];
      const stored = new Map<string, readonly EntryFields[]>();
      const work = async (): Promise<void> => {
        for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
          const body = await ask(tenantId, { path: `/v1/ledgers/${id}` }).catch(unlessUnknown);
          stored.set(id, entriesOf(body).map(fieldsOfAnswer));
        }
      };
      await Promise.all(Array.from({ length: Math.min(callsMax, ids.length) }, work));
      return stored;
    },
    property: async (tenantId, propertyId) => {
      const query = { propertyId, from: anyDate, to: anyDate };
      const body = await ask(tenantId, { path: '/v1/ledgers', query });
      const { lastClosedDate } = body as { readonly lastClosedDate: string | null };
      return { lastClosedDate: lastClosedDate ?? undefined };
    },
  };
}

function entriesOf(body: unknown): readonly AnsweredEntry[] {
  const { entries } = body as { readonly entries?: readonly AnsweredEntry[] };
  if (Array.isArray(entries)) return entries as readonly AnsweredEntry[];
  throw new RollguardError('API_UNAVAILABLE', 'the answer is no ledger; check --url');
}

interface Asked {
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
}

/** A reservation of which nothing is known has an empty ledger; a service without ledgers has none at all. */
function unlessUnknown(error: unknown): { readonly entries: readonly AnsweredEntry[] } {
  if (!isRollguardError(error) || error.code !== 'NOT_FOUND') throw error;
  if (!error.message.startsWith('no route ')) return { entries: [] };
  throw new RollguardError('API_UNAVAILABLE', error.message, { cause: error });
}

async function patiently<T>(clock: Clock, ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      const isRestoring = isRollguardError(error) && error.code === 'NOT_READY';
      if (!isRestoring || attempt === attemptsMax) throw error;
      await clock.sleep(retryDelayMs);
    }
  }
}
