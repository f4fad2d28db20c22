/**
 * What stays the same for a stack from one `up` to the next: passwords, the Kafka cluster id and the
 * ports last used. It lives as long as the data does, in a file only its owner can read.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { z } from 'zod';
import { RollguardError } from '../../kernel/errors.ts';
import { chooseFreePorts } from './ports.ts';
import { initialisedMarker } from './parts/postgres.ts';
import type { StackFolders } from './stack-folders.ts';
import { readJson, writeJson } from './stack-state.ts';

export const portNames = ['postgres', 'kafka', 'kafkaController', 'registry', 'connect'] as const;
export type PortName = (typeof portNames)[number];
export type Ports = Readonly<Record<PortName, number>>;

const passwordSchema = z.string().regex(/^[0-9a-f]{32}$/);
const identitySchema = z.object({
  /** 16 bytes in URL-safe base 64, as Kafka wants it. */
  clusterId: z.string().length(22),
  passwords: z.object({
    postgres: passwordSchema,
    platformReader: passwordSchema,
    rollguard: passwordSchema,
  }),
  ports: z.record(z.enum(portNames), z.number().int()),
  /** True once a first `up` has ended well: from then on the parts' data belong together. */
  isFurnished: z.boolean(),
});

export type StackIdentity = z.infer<typeof identitySchema>;

/**
 * Reads it, or makes a new one; ports that somebody else took are chosen anew, unless a part still
 * runs on them. @throws STACK_START when data is there that it does not belong to.
 */
export async function provideIdentity(
  folders: StackFolders,
  options: { readonly arePortsInUse: boolean },
): Promise<StackIdentity> {
  const known = readIdentity(folders.identityFile);
  refuseHalfTheData(known, folders);
  if (known !== undefined && options.arePortsInUse) return known;
  const identity: StackIdentity = {
    clusterId: known?.clusterId ?? newClusterId(),
    passwords: known?.passwords ?? {
      postgres: newPassword(),
      platformReader: newPassword(),
      rollguard: newPassword(),
    },
    ports: await chooseFreePorts(portNames, known?.ports),
    isFurnished: known?.isFurnished ?? false,
  };
  writeJson(folders.identityFile, identity);
  return identity;
}

/** Notes that all parts have been up once. */
export function markFurnished(file: string): void {
  const identity = readIdentity(file);
  if (identity?.isFurnished === false) writeJson(file, { ...identity, isFurnished: true });
}

/** Kafka's copy of tables whose database is gone, or data without passwords, would only mislead. */
function refuseHalfTheData(identity: StackIdentity | undefined, folders: StackFolders): void {
  const isPostgresThere = existsSync(initialisedMarker(folders.postgres));
  const isLost =
    identity === undefined ? isPostgresThere : identity.isFurnished && !isPostgresThere;
  if (!isLost) return;
  throw new RollguardError(
    'STACK_START',
    `of this stack's data only a part is left (${identity === undefined ? folders.identityFile : folders.postgres} is gone); ` +
      'run `rollguard stack down --delete-data` to begin anew',
  );
}

function readIdentity(file: string): StackIdentity | undefined {
  const json = readJson(file);
  if (json === undefined) return undefined;
  const parsed = identitySchema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new RollguardError(
    'CONFIG_INVALID',
    `${file}: ${z.prettifyError(parsed.error)}; run \`rollguard stack down --delete-data\``,
  );
}

function newClusterId(): string {
  // Kafka refuses an id that begins with a dash: command lines would take it for an option.
  for (;;) {
    const id = randomBytes(16).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}

function newPassword(): string {
  return randomBytes(16).toString('hex');
}
