/** The sides of a comparison: how each is started, and what about it must be known to read its figures. */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isRollguardError, messageOf } from '../../kernel/errors.ts';
import { allocatorSettings } from '../../tools/start/application-process.ts';
import type { BenchContext } from '../bench-broker.ts';
import { jvmCommand, jvmFlags, provideJvmPeer } from './jvm-peer.ts';
import { PeerProcess, type PeerProcessOptions } from './peer-process.ts';
import { writeSettings, type PeerSettings } from './peer-settings.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const stateRoot = path.join(root, '.rollguard/bench-peers');

export const peerNames = ['jvm', 'jvm-cache', 'kafkats'] as const;
export type PeerName = (typeof peerNames)[number];
export type SideName = 'rollguard' | PeerName;

export interface Side {
  readonly name: SideName;
  readonly about: string;
  start(settings: PeerSettings): PeerProcess;
}

export interface NotRun {
  readonly side: SideName;
  readonly why: string;
}

export interface Sides {
  /** Ours first. */
  readonly sides: readonly Side[];
  readonly notRun: readonly NotRun[];
}

/** Our side and the peers that can be had here. */
export async function provideSides(
  peers: readonly PeerName[],
  context: BenchContext,
): Promise<Sides> {
  const sides: Side[] = [nodeSide('rollguard', 'Rollguard, RocksDB', context)];
  const notRun: NotRun[] = [];
  for (const name of peers) {
    try {
      sides.push(
        name === 'kafkats'
          ? nodeSide(name, '@kafkats/flow 0.12.0, exactly_once, LMDB', context)
          : await jvmSide(name, context),
      );
    } catch (error) {
      if (!isMissing(error)) throw error;
      notRun.push({ side: name, why: messageOf(error) });
    }
  }
  return { sides, notRun };
}

function isMissing(error: unknown): boolean {
  return isRollguardError(error, 'STACK_TOOL_MISSING') || isRollguardError(error, 'STACK_DOWNLOAD');
}

export function stateDirOf(applicationId: string): string {
  return path.join(stateRoot, applicationId);
}

/** The folder of a run's state, there and empty. */
export function emptyStateDir(applicationId: string): string {
  const stateDir = stateDirOf(applicationId);
  rmSync(stateDir, { recursive: true, force: true });
  mkdirSync(stateDir, { recursive: true });
  return stateDir;
}

function nodeSide(name: 'rollguard' | 'kafkats', about: string, context: BenchContext): Side {
  const script = fileURLToPath(new URL(`./${name}-peer.ts`, import.meta.url));
  return {
    ...{ name, about: `${about}, Node.js ${process.versions.node}` },
    start: (settings) =>
      new PeerProcess({
        command: process.execPath,
        // Flags of the bench are the side's too: `node --cpu-prof bench/bench.mjs streams` profiles it.
        args: [...process.execArgv, '--import', 'tsx', script, writeSettings(settings)],
        // As `npm start` runs it.
        env: name === 'rollguard' ? allocatorSettings : {},
        ...processOptions(settings, context),
      }),
  };
}

async function jvmSide(name: 'jvm' | 'jvm-cache', context: BenchContext): Promise<Side> {
  const jvm = await provideJvmPeer(context);
  const isCached = name === 'jvm-cache';
  const cache = isCached ? ', a cache before the store' : '';
  return {
    name,
    about: `Kafka Streams 4.3.1, exactly_once_v2, one stream thread, RocksDB${cache}, ${jvmFlags.join(' ')}`,
    start: (settings) =>
      new PeerProcess({
        ...jvmCommand(jvm, settings, { isCached }),
        ...processOptions(settings, context),
      }),
  };
}

function processOptions(
  { applicationId }: PeerSettings,
  { clock, signal }: BenchContext,
): Omit<PeerProcessOptions, 'command' | 'args'> {
  return { cwd: root, logFile: path.join(stateRoot, `${applicationId}.log`), clock, signal };
}
