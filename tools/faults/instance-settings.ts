/** The engine's times in a campaign, and what follows from them. */

/** Of the engine, when no setting says otherwise. */
const defaultSessionTimeoutMs = 10_000;
const wishedSessionTimeoutMs = 6_000;
const marginMs = 2_000;

/** As the environment tells an instance; one that it does not know yet is ignored. */
export const instanceSettings = {
  ROLLGUARD_SESSION_TIMEOUT_MS: String(wishedSessionTimeoutMs),
  ROLLGUARD_HEARTBEAT_INTERVAL_MS: '500',
  ROLLGUARD_NUM_STANDBY_REPLICAS: '1',
} as const;

/** After so long the group has gone on without an instance that stands still, whichever timeout it has. */
export const frozenMsMin = Math.max(defaultSessionTimeoutMs, wishedSessionTimeoutMs) + marginMs;
