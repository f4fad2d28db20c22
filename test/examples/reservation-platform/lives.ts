/** Hand-made actions of one property, for tests that need to see every fact on one screen. */
import type {
  ChainSetup,
  CommandAction,
  CommandName,
  LifecycleState,
  PlatformAction,
  ReservationRow,
} from '../../../examples/reservation-platform/model.ts';
import { uuidV5 } from '../../../kernel/uuid.ts';

const namespace = '9d1c1a0e-58a5-5d8c-8f6b-0a5d3b1f7e11';
const id = (name: string): string => uuidV5(namespace, name);

export const healthyStates = ['IN_PROGRESS', 'PUBLISHED', 'CONSUMED', 'APPLIED'] as const;

export function setupIn(timezone: string, firstBusinessDate = '2026-03-20'): ChainSetup {
  const tenant = { id: id('tenant'), name: 'Tenant', slug: 'tenant' };
  const property = {
    id: id('property'),
    tenant_id: tenant.id,
    property_name: 'House',
    property_code: 'HOUSE',
    total_rooms: 2,
    currency: 'EUR',
    timezone,
  };
  const roomType = {
    id: id('type'),
    tenant_id: tenant.id,
    property_id: property.id,
    type_name: 'Double',
    type_code: 'DBL',
    base_price: '100.00',
    currency: 'EUR',
  };
  const rooms = ['1', '2'].map((roomNumber) => ({
    id: id(`room ${roomNumber}`),
    tenant_id: tenant.id,
    property_id: property.id,
    room_type_id: roomType.id,
    room_number: roomNumber,
  }));
  return {
    tenants: [tenant],
    properties: [property],
    roomTypes: [roomType],
    rooms,
    firstBusinessDate,
  };
}

export function reservation(name: string, changes: Partial<ReservationRow> = {}): ReservationRow {
  return {
    id: id(`reservation ${name}`),
    tenant_id: id('tenant'),
    property_id: id('property'),
    guest_id: id(`guest ${name}`),
    room_type_id: id('type'),
    confirmation_number: `HOUSE-${name}`,
    check_in_date: '2026-03-28',
    check_out_date: '2026-03-30',
    booking_date: '2026-03-20T10:00:00Z',
    actual_check_in: null,
    actual_check_out: null,
    room_number: null,
    number_of_adults: 2,
    number_of_children: 0,
    room_rate: '100.00',
    total_amount: '200.00',
    paid_amount: '0.00',
    currency: 'EUR',
    status: 'CONFIRMED',
    source: 'DIRECT',
    reservation_type: 'TRANSIENT',
    guest_name: name,
    guest_email: 'guest@example.com',
    internal_notes: null,
    cancellation_date: null,
    cancellation_reason: null,
    cancellation_fee: null,
    is_no_show: false,
    no_show_date: null,
    no_show_fee: null,
    quoted_at: null,
    quote_expires_at: null,
    expired_at: null,
    ...changes,
  };
}

let commandCount = 0;

export function command(
  commandName: CommandName,
  row: ReservationRow,
  options: { readonly at?: string; readonly states?: readonly LifecycleState[] } = {},
): CommandAction {
  const atMs = Date.parse(options.at ?? '2026-03-21T10:00:00Z');
  commandCount += 1;
  return {
    kind: 'command',
    atMs,
    eventId: id(`command ${commandCount}`),
    commandName,
    path: (options.states ?? healthyStates).map((state, index) => ({
      state,
      atMs: atMs + (index + 1) * 100,
    })),
    reservation: row,
  };
}

export function closeOf(businessDate: string, at = `${businessDate}T23:59:00Z`): PlatformAction {
  return {
    kind: 'advance-date',
    atMs: Date.parse(at),
    tenantId: id('tenant'),
    propertyId: id('property'),
    businessDate,
  };
}
