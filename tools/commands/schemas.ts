/** `rollguard schemas check|register`: the contracts of our topics, held to what was released. */
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { RollguardError } from '../../kernel/errors.ts';
import { contractNames, contractText, valueSubject } from '../../schemas/contracts.ts';
import { createRegistryClient } from '../../schemas/registry-client.ts';
import type { CliContext } from '../cli-context.ts';
import { checkContracts, type ContractReport } from '../schemas/check-contracts.ts';

const repositorySchemas = fileURLToPath(new URL('../../schemas', import.meta.url));
const compatibility = 'BACKWARD_TRANSITIVE';

export function schemasCommand(cli: CliContext): Command {
  const schemas = new Command('schemas').description('the Avro contracts of the topics we write');
  addCheck(schemas, cli);
  addRegister(schemas, cli);
  return schemas;
}

interface CheckFlags {
  readonly dir?: string;
  readonly json?: true;
}

function addCheck(schemas: Command, cli: CliContext): void {
  schemas
    .command('check')
    .description('check every contract against its committed history, offline; exit 3 on a break')
    .option('--dir <folder>', "where the .avsc files are (default: this repository's schemas/)")
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', checkHelp)
    .action((flags: CheckFlags) => check(flags, cli));
}

const checkHelp = `
Examples:
  rollguard schemas check
  rollguard schemas check --dir contracts --json

A contract x.avsc must read what every history/x/v<number>.avsc beside it wrote (${compatibility})
and equal one of them: a changed contract is recorded as the next version in the same commit.`;

function check(flags: CheckFlags, cli: CliContext): void {
  const contracts = checkContracts(path.resolve(flags.dir ?? repositorySchemas));
  const isOk = contracts.every(({ problems }) => problems.length === 0);
  if (flags.json === true) cli.out(`${JSON.stringify({ isOk, contracts })}\n`);
  else cli.out(contracts.map(renderReport).join(''));
  // Said by the report; an error on top of it would say it twice.
  if (!isOk) cli.exitCode = 3;
}

function renderReport({ file, versions, problems }: ContractReport): string {
  if (problems.length > 0)
    return problems.map(({ message }) => `FAIL ${file} ${message}\n`).join('');
  return `ok   ${file} reads ${versions === 1 ? 'its version' : `all ${versions} versions`}\n`;
}

interface RegisterFlags {
  readonly registryUrl?: string;
  readonly topicSuffix: string;
  readonly dryRun?: true;
  readonly json?: true;
}

function addRegister(schemas: Command, cli: CliContext): void {
  schemas
    .command('register')
    .description(`register every contract under its topic's subject, ${compatibility}`)
    .option('--registry-url <url>', 'the Schema Registry (default: SCHEMA_REGISTRY_URL)')
    .option('--topic-suffix <suffix>', 'of the topics, as in shadow mode', '')
    .option('--dry-run', 'only say what would be registered; needs no registry')
    .option('--json', 'print one JSON object on stdout')
    .addHelpText('after', registerHelp)
    .action((flags: RegisterFlags) => register(flags, cli));
}

const registerHelp = `
Examples:
  rollguard schemas register --registry-url http://localhost:8081
  rollguard schemas register --topic-suffix .shadow --dry-run
  SCHEMA_REGISTRY_URL=http://registry/apis/ccompat/v7 rollguard schemas register --json

Registering again what is there gives the same ids. A refused contract: exit 3.`;

interface Registration {
  readonly subject: string;
  readonly compatibility: string;
  /** Absent in a dry run. */
  readonly id?: number;
}

async function register(flags: RegisterFlags, cli: CliContext): Promise<void> {
  const contracts = contractNames.map((name) => ({
    subject: valueSubject(`${name}${flags.topicSuffix}`),
    text: contractText(name),
  }));
  const subjects: Registration[] = [];
  if (flags.dryRun === true) {
    subjects.push(...contracts.map(({ subject }) => ({ subject, compatibility })));
  } else {
    const registry = createRegistryClient({ url: registryUrl(flags, cli), clock: cli.clock });
    for (const { subject, text } of contracts) {
      const id = await registry.register(subject, text);
      subjects.push({ subject, compatibility, id });
    }
  }
  if (flags.json === true) cli.out(`${JSON.stringify({ subjects })}\n`);
  else cli.out(subjects.map(renderRegistration).join(''));
}

function registryUrl(flags: RegisterFlags, cli: CliContext): string {
  const url = flags.registryUrl ?? cli.env['SCHEMA_REGISTRY_URL'] ?? '';
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return url;
  const message =
    url === ''
      ? 'where to register: set SCHEMA_REGISTRY_URL or give --registry-url'
      : `SCHEMA_REGISTRY_URL or --registry-url is ${url}: it must be an http(s) URL`;
  throw new RollguardError('CONFIG_INVALID', message);
}

function renderRegistration({ subject, id }: Registration): string {
  const done = id === undefined ? 'would be registered' : `registered with id ${id}`;
  return `${subject} ${done} (${compatibility})\n`;
}
