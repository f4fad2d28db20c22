/** All of the real bookings, on a stack of their own: they are many, and who shares one reads them all. */
import path from 'node:path';
import { describeRealBookings } from './real-bookings.ts';
import { root } from './test-system.ts';

describeRealBookings({
  timeoutMs: 1_200_000,
  options: { stateDir: path.join(root, '.rollguard/bookings'), isFresh: true },
  // By an independent program, as the data's README has it.
  counted: {
    ...{ checkout: 6_938, cancel: 7_793, no_show: 207 },
    ...{ nights: 26_454, revenue_cents: 232_911_686 },
  },
});
