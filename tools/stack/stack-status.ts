/** How a stack is, asked of the parts themselves: a noted health is only what was true once. */
import { messageOf } from '../../kernel/errors.ts';
import { healthEndpoint } from './endpoints.ts';
import { connectPart } from './parts/connect.ts';
import { kafkaPart } from './parts/kafka.ts';
import { postgresPart } from './parts/postgres.ts';
import { registryPart } from './parts/registry.ts';
import { isRunning } from './processes.ts';
import { stackFolders, type FoldersOptions } from './stack-folders.ts';
import {
  partNames,
  readStackState,
  type PartName,
  type StackEndpoints,
  type StackState,
} from './stack-state.ts';

export interface PartStatus {
  readonly name: PartName;
  /** `down`: no such process; `unhealthy`: it runs and does not answer. */
  readonly health: 'healthy' | 'unhealthy' | 'down';
  /** Why it is not healthy; empty when it is. */
  readonly detail: string;
  readonly pid?: number;
  readonly ports?: Readonly<Record<string, number>>;
  readonly logFile?: string;
}

export interface StackStatus {
  readonly isHealthy: boolean;
  readonly parts: readonly PartStatus[];
  readonly endpoints?: StackEndpoints;
}

const checks = {
  postgres: postgresPart.check,
  kafka: kafkaPart.check,
  registry: registryPart.check,
  connect: connectPart.check,
};

export async function stackStatus(options: FoldersOptions): Promise<StackStatus> {
  const state = readStackState(stackFolders(options).stateFile);
  const parts = await Promise.all(partNames.map((name) => partStatus(name, state)));
  const isHealthy = parts.every((part) => part.health === 'healthy');
  return { isHealthy, parts, ...(state === undefined ? {} : { endpoints: state.endpoints }) };
}

async function partStatus(name: PartName, state: StackState | undefined): Promise<PartStatus> {
  const part = state?.parts.find((candidate) => candidate.name === name);
  if (state === undefined || part === undefined) {
    return { name, health: 'down', detail: 'not started' };
  }
  const { pid, ports, logFile } = part;
  const known = { name, pid, ports, logFile };
  if (!isRunning(part)) return { ...known, health: 'down', detail: 'its process has ended' };
  try {
    await checks[name]({ url: healthEndpoint(name, state.endpoints) });
    return { ...known, health: 'healthy', detail: '' };
  } catch (error) {
    return { ...known, health: 'unhealthy', detail: messageOf(error) };
  }
}
