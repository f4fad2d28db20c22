/** Which server a URL leads to, in its own words. */
import { openDatabase } from '../database/connection.ts';
import { RollguardError } from '../kernel/errors.ts';
import type { DatabaseIdentity } from './capture-standing.ts';
import { observeCapture } from './observe-capture.ts';

/** @throws DATABASE_UNAVAILABLE; UNSUPPORTED on a standby, which nothing can be captured from. */
export async function readIdentity(adminDatabaseUrl: string): Promise<DatabaseIdentity> {
  const database = await openDatabase({
    ...{ url: adminDatabaseUrl, setting: 'PLATFORM_ADMIN_DATABASE_URL', isReadOnly: true },
    applicationName: 'rollguard connectors',
  });
  try {
    const source = { database, connect: undefined, connectorName: '', slotName: '' };
    const { server } = await observeCapture(source, undefined);
    if (server !== undefined && !server.isStandby) {
      return { system: server.system, timeline: server.timeline };
    }
    const message =
      server === undefined
        ? "the platform's Postgres (PLATFORM_ADMIN_DATABASE_URL) does not answer"
        : 'PLATFORM_ADMIN_DATABASE_URL is a standby: name the primary, or promote it first';
    throw new RollguardError(
      server === undefined ? 'DATABASE_UNAVAILABLE' : 'UNSUPPORTED',
      message,
    );
  } finally {
    await database.close();
  }
}
