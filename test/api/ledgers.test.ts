import { describe, expect, test } from '@jest/globals';
import { createHttpApplication } from '../../api/http-server.ts';
import { createMetricsRegistry } from '../../api/metrics-registry.ts';
import { healthRoutes } from '../../api/routes/health.ts';
import { ledgerRoutes } from '../../api/routes/ledgers.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { silentLogger } from '../../kernel/logger.ts';
import type { PropertyQuery, RollQueries } from '../../topology/roll/roll-queries.ts';

const tenant = '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d0001';
const reservation = '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d0002';
const property = '0b6f5b5e-6a54-4a35-9d0e-0d3d7a9d0003';

const entry = {
  ledgerId: 'l1',
  tenantId: tenant,
  reservationId: reservation,
  propertyId: property,
  lifecycleEventId: 'e1',
  rollType: 'EOD' as const,
  rollDate: '2026-03-28',
  businessDate: '2026-03-28',
  occurredMicros: Date.parse('2026-03-29T01:00:00Z') * 1_000,
  sourceEventType: 'business_date.closed',
  eventPayload: '{"night":"2026-03-28"}',
  amountMinor: 7_500,
  currency: 'EUR',
  revision: 'r1',
};
const day = {
  roomsSold: 1,
  arrivals: 1,
  departures: 0,
  cancellations: 0,
  noShows: 0,
  occupancy: 0.5,
};

function application(
  overrides: Partial<RollQueries> = {},
): ReturnType<typeof createHttpApplication> {
  const queries: RollQueries = {
    ledger: ({ tenantId, reservationId }) =>
      Promise.resolve(
        tenantId === tenant && reservationId === reservation
          ? {
              entries: [{ entry, createdAtMs: 0, updatedAtMs: 0 }],
              position: { partition: 2, offset: 17 },
            }
          : undefined,
      ),
    property: (query: PropertyQuery) =>
      Promise.resolve({
        days: [
          { businessDate: query.from, ...day, revenueMinor: { EUR: 7_500 } },
          { businessDate: query.to, ...day, revenueMinor: { EUR: 2_500 } },
        ],
        zone: 'Europe/Helsinki',
        lastClosedDate: query.to,
        position: { partition: 1, offset: 3 },
      }),
    ...overrides,
  };
  const health = healthRoutes(
    [{ name: 'roll', notReady: () => 'task ledger_0 is restoring' }],
    createMetricsRegistry(),
  );
  return createHttpApplication({ routes: [ledgerRoutes(queries), health], logger: silentLogger });
}

const asTenant = { 'x-tenant-id': tenant };

describe('HTTP reads', () => {
  test('answer a ledger with its entries and the position it reflects', async () => {
    const response = await (
      await application()
    ).inject({
      url: `/v1/ledgers/${reservation}`,
      headers: asTenant,
    });

    expect(response.statusCode).toBe(200);
    expect(response.headers['x-rollguard-position']).toBe('2:17');
    expect(response.json()).toMatchObject({
      reservationId: reservation,
      entries: [
        {
          rollType: 'EOD',
          amountMinor: 7_500,
          occurredAt: '2026-03-29T01:00:00.000Z',
          eventPayload: { night: '2026-03-28' },
        },
      ],
    });
  });

  test('answer the days of a property and their sums', async () => {
    const url = `/v1/ledgers?propertyId=${property}&from=2026-03-28&to=2026-03-29`;
    const response = await (await application()).inject({ url, headers: asTenant });

    expect(response.json()).toMatchObject({
      totals: { roomsSold: 2, arrivals: 2, departures: 0, revenueMinor: { EUR: 10_000 } },
      days: [{ businessDate: '2026-03-28' }, { businessDate: '2026-03-29' }],
      timeZone: 'Europe/Helsinki',
    });
  });

  test.each([
    ['no tenant', `/v1/ledgers/${reservation}`, {}, 400, 'header x-tenant-id must name one tenant'],
    [
      'another tenant',
      `/v1/ledgers/${reservation}`,
      { 'x-tenant-id': property },
      404,
      'no reservation',
    ],
    ['an id that is no UUID', '/v1/ledgers/17', asTenant, 400, 'reservationId: must be a UUID'],
    ['no property', '/v1/ledgers?from=2026-01-01&to=2026-01-02', asTenant, 400, 'propertyId: '],
    [
      'a wrong date',
      `/v1/ledgers?propertyId=${property}&from=2026-02-30&to=2026-03-01`,
      asTenant,
      400,
      'from: must be a date',
    ],
    [
      'an empty range',
      `/v1/ledgers?propertyId=${property}&from=2026-03-02&to=2026-03-01`,
      asTenant,
      400,
      'to: must not be before from',
    ],
    [
      '400 years',
      `/v1/ledgers?propertyId=${property}&from=1800-01-01&to=2199-01-01`,
      asTenant,
      400,
      'to: must be less than',
    ],
    ['no route', '/v1/nothing', asTenant, 404, 'no route GET /v1/nothing'],
  ])('refuse %s as problem+json', async (_what, url, headers, status, detail) => {
    const response = await (await application()).inject({ url, headers });

    expect(response.statusCode).toBe(status);
    expect(response.headers['content-type']).toContain('application/problem+json');
    expect(response.json<{ detail: string }>().detail).toContain(detail);
  });

  test('a restoring owner answers 503 with advice when to come again', async () => {
    const ledger = (): Promise<never> =>
      Promise.reject(new RollguardError('NOT_READY', 'ledger_2 is not served here yet'));
    const response = await (
      await application({ ledger })
    ).inject({
      url: `/v1/ledgers/${reservation}`,
      headers: asTenant,
    });

    expect(response.statusCode).toBe(503);
    expect(response.headers['retry-after']).toBe('1');
    expect(response.json()).toMatchObject({ code: 'NOT_READY' });
  });

  test('an unexpected error tells the caller nothing of its inside', async () => {
    const ledger = (): Promise<never> => Promise.reject(new Error('secret path'));
    const response = await (
      await application({ ledger })
    ).inject({
      url: `/v1/ledgers/${reservation}`,
      headers: asTenant,
    });

    expect(response.statusCode).toBe(500);
    expect(response.body).not.toContain('secret');
  });

  test('readiness says which service is not ready and why, while liveness holds', async () => {
    const readiness = await (await application()).inject('/health/readiness');
    const liveness = await (await application()).inject('/health/liveness');

    expect(readiness.statusCode).toBe(503);
    expect(readiness.json()).toEqual({
      status: 'not ready',
      services: [{ name: 'roll', ready: false, reason: 'task ledger_0 is restoring' }],
    });
    expect(liveness.statusCode).toBe(200);
  });
});
