// The heartbeat thread's entry: loads TypeScript without a build step, however the main thread does it.
import { register } from 'tsx/esm/api';

register();
const { runHeartbeatWorker } = await import('./heartbeat-worker.ts');
runHeartbeatWorker();
