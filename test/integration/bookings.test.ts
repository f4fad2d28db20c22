/** The first of the real bookings; all of them are a long run (`bookings.full.test.ts`). */
import { describeRealBookings } from './real-bookings.ts';

describeRealBookings({ limit: 150, timeoutMs: 240_000 });
