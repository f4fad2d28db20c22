/**
 * What a running stack is: one JSON file (`stack.json`, mode 0600, since its URLs hold passwords),
 * replaced whole by rename, so a reader never sees half of it. It is a claim, not a proof: a process
 * counts only with the start time noted beside its pid (`isRunning`).
 */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isNativeError } from 'node:util/types';
import { z } from 'zod';
import { RollguardError } from '../../kernel/errors.ts';

/** Start order; a part needs at most those before it. Stopped from the end. */
export const partNames = ['postgres', 'kafka', 'registry', 'connect'] as const;
export type PartName = (typeof partNames)[number];

const processSchema = z.object({
  pid: z.number().int().positive(),
  /** As the system prints it: equal text means the same process. */
  processStartTime: z.string().min(1),
});

const partSchema = processSchema.extend({
  name: z.enum(partNames),
  ports: z.record(z.string(), z.number().int()),
  logFile: z.string(),
  /** As last seen by whoever wrote the file; `stackStatus` asks the part itself. */
  health: z.enum(['starting', 'healthy', 'failed']),
  startedInMs: z.number().optional(),
});

const stateSchema = z.object({
  version: z.literal(1),
  endpoints: z.object({
    kafkaBrokers: z.string(),
    /** The Confluent API. */
    schemaRegistryUrl: z.string(),
    /** Apicurio's own API, for the Avro converter inside Connect. */
    registryApiUrl: z.string(),
    kafkaConnectUrl: z.string(),
    /** Reads the platform's tables; can write nothing. */
    platformDatabaseUrl: z.string(),
    /** Superuser on the platform's database: sets up tables, roles and publications. */
    platformAdminDatabaseUrl: z.string(),
    /** Owner of Rollguard's own database. */
    rollguardDatabaseUrl: z.string(),
  }),
  /** Connect's `${file:…}` and `${directory:…}` references may point into this folder only. */
  secretsFolder: z.string(),
  supervisor: processSchema,
  /** The process this stack ends with; without one it runs until `stack down`. */
  owner: processSchema.optional(),
  parts: z.array(partSchema),
});

export type ProcessId = z.infer<typeof processSchema>;
export type StackPart = z.infer<typeof partSchema>;
export type StackState = z.infer<typeof stateSchema>;
export type StackEndpoints = StackState['endpoints'];

/** The state as noted, or undefined when nothing is. @throws CONFIG_INVALID for an unreadable file. */
export function readStackState(file: string): StackState | undefined {
  const json = readJson(file);
  if (json === undefined) return undefined;
  const parsed = stateSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new RollguardError(
    'CONFIG_INVALID',
    `${file} is not a state file of this version (${z.prettifyError(parsed.error)}); ` +
      'stop what it names with the version that wrote it, or delete it',
  );
}

/** Replaces a JSON file in one step; only its owner can read it. */
export function writeJson(file: string, value: unknown): void {
  mkdirSync(path.dirname(file), { recursive: true });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, `${JSON.stringify(value, null, 2)}\n`, { mode: 0o600 });
  chmodSync(temporary, 0o600);
  renameSync(temporary, file);
}

/** The file's JSON; undefined when there is no such file. @throws CONFIG_INVALID when it does not parse. */
export function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (isNativeError(error) && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new RollguardError('CONFIG_INVALID', `${file} is not JSON; delete it`, { cause: error });
  }
}

export function removeStackState(file: string): void {
  rmSync(file, { force: true });
}
