/** `rollguard.v1.Query`: decodes, asks what HTTP asks, encodes. */
import type {
  Metadata,
  ServerUnaryCall,
  UntypedServiceImplementation,
  sendUnaryData,
} from '@grpc/grpc-js';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError, isRollguardError } from '../../kernel/errors.ts';
import type { Logger } from '../../kernel/logger.ts';
import type { ReadPosition, RollQueries } from '../../topology/roll/roll-queries.ts';
import {
  answerLedger,
  answerTotals,
  type Asked,
  type LedgerBody,
  type TotalsBody,
} from '../ledger-answers.ts';
import { readOptionsOf } from '../read-options.ts';
import { checkTenant, tenantHeader } from '../request-fields.ts';
import { deadlineMsOf } from './call-deadline.ts';
import { grpcErrorOf } from './status-details.ts';

export interface QueryServiceOptions {
  readonly queries: RollQueries;
  readonly clock: Clock;
  readonly logger: Logger;
}

type Fields = Readonly<Record<string, unknown>>;
type Call = ServerUnaryCall<Fields, object>;

export function queryService(options: QueryServiceOptions): UntypedServiceImplementation {
  const { queries } = options;
  return {
    GetLedger: unary(options, async (asked) => {
      const { body, position } = await answerLedger(queries, asked);
      return ledgerMessage(body, position);
    }),
    GetDailyTotals: unary(options, async (asked) => {
      const { body, position } = await answerTotals(queries, asked);
      return totalsMessage(body, position);
    }),
  };
}

function unary(
  { clock, logger }: QueryServiceOptions,
  answer: (asked: Asked) => Promise<object>,
): (call: Call, callback: sendUnaryData<object>) => void {
  const work = async (call: Call): Promise<object> => {
    // Nobody waits for the answer any more.
    if (call.cancelled || deadlineMsOf(call) <= clock.nowMs()) {
      throw new RollguardError('DEADLINE_EXCEEDED', 'the deadline was over before work began');
    }
    const { request: fields, metadata } = call;
    const tenantId = tenantOfCall(fields['tenantId'], metadata);
    // As text, the way the header of an HTTP request that has it twice arrives.
    const read = readOptionsOf((name) => metadata.get(name).map(String).join(', '));
    return answer({ fields, tenantId, read });
  };
  return (call, callback) => {
    work(call).then(
      (message) => callback(null, message),
      (error: unknown) => {
        if (!isRollguardError(error)) logger.error('call failed', { path: call.getPath(), error });
        callback(grpcErrorOf(error));
      },
    );
  };
}

/** @throws REQUEST_INVALID when no tenant is named, or two that differ. */
function tenantOfCall(field: unknown, metadata: Metadata): string {
  const where = `tenant_id, or metadata ${tenantHeader},`;
  // As text, the way the header of an HTTP request that has it twice arrives.
  const named = metadata.get(tenantHeader).map(String).join(', ');
  if (field === '' || named === '') return checkTenant(field === '' ? named : field, where);
  if (field === named) return checkTenant(field, where);
  const message = `tenant_id and metadata ${tenantHeader} must name the same tenant`;
  throw new RollguardError('REQUEST_INVALID', message);
}

function ledgerMessage({ entries, ...ids }: LedgerBody, position: ReadPosition): object {
  const messages = entries.map(({ eventPayload, ...entry }) => ({
    ...entry,
    eventPayload: JSON.stringify(eventPayload),
  }));
  return { ...ids, entries: messages, position };
}

function totalsMessage(body: TotalsBody, position: ReadPosition): object {
  const { timeZone, lastClosedDate, totals, days, ...query } = body;
  return {
    ...query,
    ...(timeZone === null ? {} : { timeZone }),
    ...(lastClosedDate === null ? {} : { lastClosedDate }),
    totals,
    days: days.map(({ businessDate, occupancy, ...counts }) => ({
      businessDate,
      counts,
      ...(occupancy === null ? {} : { occupancy }),
    })),
    position,
  };
}
