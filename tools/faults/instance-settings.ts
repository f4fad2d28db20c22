/** The engine's times in a campaign, and what follows from them. */

const sessionTimeoutMs = 6_000;
const marginMs = 2_000;

/** Whoever is gone is missed after the shortest time that a broker allows. */
export const shortSession = {
  SESSION_TIMEOUT_MS: String(sessionTimeoutMs),
  HEARTBEAT_INTERVAL_MS: '500',
} as const;

/** As the environment tells an instance. */
export const instanceSettings = { ...shortSession, NUM_STANDBY_REPLICAS: '1' } as const;

/** After so long the group has gone on without an instance that stands still. */
export const frozenMsMin = sessionTimeoutMs + marginMs;
