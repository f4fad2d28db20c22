/**
 * Every contract of a folder against its committed history, without a registry: `x.avsc` lies beside
 * `history/x/v1.avsc`, `v2.avsc`, … and must read what each of them wrote (BACKWARD_TRANSITIVE). A
 * contract that is in no version is refused too: the next change would not be held to it.
 */
import { readFileSync, readdirSync, type Dirent } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { RollguardError } from '../../kernel/errors.ts';
import { avroReader, type AvroSchema } from '../../schemas/avro-codec.ts';
import { incompatibilities } from '../../schemas/compatibility.ts';

export interface ContractReport {
  /** The `.avsc`, as a path from the working folder. */
  readonly file: string;
  /** How many recorded versions it was held against. */
  readonly versions: number;
  readonly problems: readonly ContractProblem[];
}

export interface ContractProblem {
  readonly kind: 'incompatible' | 'unrecorded' | 'orphaned' | 'misnamed';
  readonly message: string;
  /** Of an incompatibility: the version whose data cannot be read, where in the schema, why. */
  readonly version?: number;
  readonly path?: string;
  readonly reason?: string;
}

const historyFolder = 'history';
const extension = '.avsc';
const versionName = /^v([1-9]\d*)\.avsc$/;

/**
 * @throws INPUT_INVALID when the folder has no contract at all, SCHEMA_INVALID naming the file.
 */
export function checkContracts(folder: string): ContractReport[] {
  const { contracts, histories } = listFolder(folder);
  const known = new Set(contracts.map(historyOf));
  const orphans = histories.filter((history) => !known.has(history));
  if (contracts.length === 0 && orphans.length === 0) {
    throw new RollguardError('INPUT_INVALID', `${shown(folder)} has no ${extension} file to check`);
  }
  return [...contracts.map(checkContract), ...orphans.map(orphanReport)];
}

interface Listing {
  readonly contracts: readonly string[];
  /** The folders of one contract each. */
  readonly histories: readonly string[];
}

function listFolder(folder: string): Listing {
  const contracts: string[] = [];
  const histories: string[] = [];
  for (const entry of entriesOf(folder)) {
    const entryPath = path.join(folder, entry.name);
    if (entry.isFile() && entry.name.endsWith(extension)) contracts.push(entryPath);
    if (!entry.isDirectory() || entry.name === 'node_modules' || entry.name.startsWith('.')) {
      continue;
    }
    if (entry.name === historyFolder) {
      const inside = entriesOf(entryPath).filter((each) => each.isDirectory());
      histories.push(...inside.map(({ name }) => path.join(entryPath, name)));
    } else {
      const below = listFolder(entryPath);
      contracts.push(...below.contracts);
      histories.push(...below.histories);
    }
  }
  return { contracts, histories };
}

function entriesOf(folder: string): Dirent[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true });
    return entries.sort((left, right) => (left.name < right.name ? -1 : 1));
  } catch (cause) {
    throw new RollguardError('INPUT_INVALID', `cannot read the folder ${folder}`, { cause });
  }
}

function historyOf(contract: string): string {
  return path.join(path.dirname(contract), historyFolder, path.basename(contract, extension));
}

function checkContract(file: string): ContractReport {
  const schema = readSchema(file);
  const history = historyOf(file);
  const { versions, misnamed } = readHistory(history);
  const problems = [
    ...misnamed.map(misnamedProblem),
    ...versions.flatMap((version) => incompatibleProblems(version, schema)),
    ...unrecordedProblems(schema, { file, history, versions }),
  ];
  return { file: shown(file), versions: versions.length, problems };
}

interface RecordedVersion {
  readonly number: number;
  readonly schema: AvroSchema;
}

function readHistory(history: string): {
  readonly versions: readonly RecordedVersion[];
  readonly misnamed: readonly string[];
} {
  let names: string[];
  try {
    names = readdirSync(history);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { versions: [], misnamed: [] };
    throw new RollguardError('INPUT_INVALID', `cannot read ${history}`, { cause: error });
  }
  const versions = names.flatMap((name): RecordedVersion[] => {
    const number = Number(versionName.exec(name)?.[1]);
    if (Number.isNaN(number)) return [];
    return [{ number, schema: readSchema(path.join(history, name)) }];
  });
  const misnamed = names.filter((name) => name.endsWith(extension) && !versionName.test(name));
  return {
    versions: versions.sort((left, right) => left.number - right.number),
    misnamed: misnamed.map((name) => path.join(history, name)),
  };
}

function readSchema(file: string): AvroSchema {
  try {
    const schema = JSON.parse(readFileSync(file, 'utf8')) as AvroSchema;
    avroReader(schema);
    return schema;
  } catch (cause) {
    throw new RollguardError('SCHEMA_INVALID', `${shown(file)} is no valid Avro schema`, { cause });
  }
}

function incompatibleProblems(version: RecordedVersion, schema: AvroSchema): ContractProblem[] {
  return incompatibilities(version.schema, schema).map((found) => ({
    kind: 'incompatible',
    message: `cannot read v${version.number}: ${found.path}: ${found.reason}`,
    version: version.number,
    ...found,
  }));
}

function unrecordedProblems(
  schema: AvroSchema,
  where: {
    readonly file: string;
    readonly history: string;
    readonly versions: readonly RecordedVersion[];
  },
): ContractProblem[] {
  const { file, history, versions } = where;
  if (versions.some((version) => isDeepStrictEqual(version.schema, schema))) return [];
  const newest = versions.at(-1)?.number ?? 0;
  const target = path.join(history, `v${newest + 1}${extension}`);
  const what = newest === 0 ? 'it has no history' : `no version up to v${newest} equals it`;
  const remedy = `mkdir -p ${shown(history)} && cp ${shown(file)} ${shown(target)}`;
  return [
    { kind: 'unrecorded', message: `${what}; once it can be released, record it: ${remedy}` },
  ];
}

function misnamedProblem(file: string): ContractProblem {
  const message = `${shown(file)} is not held against it: name it v<number>${extension}`;
  return { kind: 'misnamed', message };
}

function orphanReport(history: string): ContractReport {
  const contract = path.join(path.dirname(path.dirname(history)), path.basename(history));
  const file = shown(`${contract}${extension}`);
  const message = `the contract of ${shown(history)} is gone: data of its versions is still out there; bring the file back or remove the history with it`;
  return { file, versions: 0, problems: [{ kind: 'orphaned', message }] };
}

/** From the working folder; in full when it is not below it. */
function shown(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative === '' || relative.startsWith('..') ? path.resolve(file) : relative;
}
