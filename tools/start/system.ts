/**
 * The whole system for the first command: the stack, the sample platform's tables, the connector, the
 * application. It belongs to this process: whatever ends it, nothing stays behind.
 */
import { rmSync } from 'node:fs';
import path from 'node:path';
import { ConnectClient } from '../../connectors/connect-client.ts';
import { toConnect } from '../../connectors/debezium-postgres.ts';
import { platformConnector } from '../../connectors/platform-connector.ts';
import { applyConnectors } from '../../connectors/reconcile.ts';
import { connectPlatformDatabase } from '../../examples/reservation-platform/database.ts';
import { createPlatformSchema } from '../../examples/reservation-platform/schema.ts';
import type { Clock } from '../../kernel/clock.ts';
import { createCapturedTopics } from '../connectors/create-captured-topics.ts';
import { prepareStackDatabase, stackSecret } from '../connectors/prepare-stack-database.ts';
import { stackFolders, type StackFolders } from '../stack/stack-folders.ts';
import type { StackState } from '../stack/stack-state.ts';
import { isOwnedByThisProcess, stackDown, stackUp } from '../stack/stack.ts';
import { ApplicationProcess } from './application-process.ts';

const connectorTimeoutMs = 90_000;
/** Of the platform's command center, which keeps the last command of each key. */
const commandsTopic = {
  ...{ name: 'commands.primary', partitionCount: 4 },
  configs: { 'cleanup.policy': 'compact' },
};

export interface SystemOptions {
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly progress: (line: string) => void;
  readonly signal: AbortSignal;
  /** State, data and logs; undefined: the default stack's. */
  readonly stateDir?: string | undefined;
  /** True: begins with empty data. */
  readonly isFresh: boolean;
  /** 0 picks a free one. */
  readonly httpPort: number;
  /** True: the application writes its tables, into the stack's Postgres. */
  readonly hasTables?: boolean;
  /** Of the application, beside those that the stack gives. */
  readonly settings?: Readonly<Record<string, string>>;
  /** True: the application reads the platform's database as well, where it has tables of its own. */
  readonly backfills?: boolean;
  /** True: nothing is started of the application; whoever wants it does that. */
  readonly isBare?: boolean;
}

export interface System {
  readonly stack: StackState;
  /** The one that was started last. */
  readonly application: ApplicationProcess;
  /** Folder of the application's state stores. */
  readonly stateFolder: string;
  readonly applicationLog: string;
  /** Where the application writes its tables; undefined: nowhere. */
  readonly tablesUrl: string | undefined;
  /** False: it was asked for other services (ROLLGUARD_SERVICES), so nobody holds a room. */
  readonly hasGuard: boolean;
  /** Of everything that is started. */
  readonly logsFolder: string;
  /** Starts the application, which has ended, once more; with these settings over those it had. */
  startApplication(settings?: Readonly<Record<string, string>>): void;
  /**
   * Starts another instance beside it, with a state folder and a log of its own; with these settings over
   * those that it has. Whoever starts it stops it.
   */
  startBeside(name: string, settings?: Readonly<Record<string, string>>): ApplicationProcess;
  /** Starts what has ended of the stack once more, with its data. */
  mendStack(): Promise<void>;
  /** The application first, then the stack if it is ours. */
  stop(): Promise<void>;
}

/** @throws what its parts throw, after everything that was started is stopped again. */
export async function startSystem(options: SystemOptions): Promise<System> {
  const { signal } = options;
  const folders = stackFolders(options);
  if (options.isFresh) {
    await stackDown({ ...options, deleteData: true });
    rmSync(stateFolder(folders), { recursive: true, force: true });
  }
  let stack = await stackUp(options);
  let application: ApplicationProcess | undefined;
  const applicationLog = path.join(folders.logs, 'application.log');
  rmSync(applicationLog, { force: true });
  const startApplication = (settings = {}): ApplicationProcess => {
    const changed = { ...options, settings: { ...options.settings, ...settings } };
    const files = { stateDir: stateFolder(folders), logFile: applicationLog };
    return (application = startApplicationProcess(stack, changed, files));
  };
  const startBeside = (name: string, settings = {}): ApplicationProcess => {
    const changed = { ...options, httpPort: 0, settings: { ...options.settings, ...settings } };
    const files = {
      stateDir: `${stateFolder(folders)}-${name}`,
      logFile: path.join(folders.logs, `${name}.log`),
    };
    return startApplicationProcess(stack, changed, files);
  };
  const stop = async (): Promise<void> => {
    await application?.stop();
    if (isOwnedByThisProcess(stack)) await stackDown(options);
  };
  try {
    await connectPlatform(stack, options);
    signal.throwIfAborted();
    if (options.isBare !== true) startApplication();
    return {
      get stack() {
        return stack;
      },
      get application() {
        return application ?? startApplication();
      },
      stateFolder: stateFolder(folders),
      tablesUrl: options.hasTables === true ? stack.endpoints.rollguardDatabaseUrl : undefined,
      applicationLog,
      hasGuard: options.settings?.['ROLLGUARD_SERVICES']?.includes('guard') ?? true,
      logsFolder: folders.logs,
      startApplication: (settings) => void startApplication(settings),
      startBeside,
      mendStack: async () => {
        stack = await stackUp(options);
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Tables, role, publication, secret and connector; what is there already stays as it is. */
async function connectPlatform(stack: StackState, options: SystemOptions): Promise<void> {
  const { clock, progress, signal } = options;
  const { endpoints } = stack;
  const database = await connectPlatformDatabase(endpoints.platformAdminDatabaseUrl);
  await createPlatformSchema(database).finally(() => database.close());
  const settings = platformConnector({
    databaseUrl: endpoints.platformDatabaseUrl,
    passwordReference: stackSecret(stack).reference,
    registryUrl: endpoints.registryApiUrl,
  });
  const { database: target, tables, publication } = settings;
  await prepareStackDatabase(stack, { user: target.user, tables, publication });
  const others = [commandsTopic];
  await createCapturedTopics(settings, { brokers: endpoints.kafkaBrokers, clock, others });
  await applyConnectors({
    client: new ConnectClient({ url: endpoints.kafkaConnectUrl, clock, signal }),
    connectors: [toConnect(settings)],
    waitTimeoutMs: connectorTimeoutMs,
    ...{ clock, progress, signal },
  });
}

function startApplicationProcess(
  stack: StackState,
  options: SystemOptions,
  { stateDir, logFile }: { readonly stateDir: string; readonly logFile: string },
): ApplicationProcess {
  options.progress(`application: starting, its log is ${path.relative(options.root, logFile)}`);
  return new ApplicationProcess({
    settings: {
      KAFKA_BROKERS: stack.endpoints.kafkaBrokers,
      SCHEMA_REGISTRY_URL: stack.endpoints.schemaRegistryUrl,
      ...(options.hasTables === true && {
        ROLLGUARD_DATABASE_URL: stack.endpoints.rollguardDatabaseUrl,
      }),
      ROLLGUARD_STATE_DIR: stateDir,
      HTTP_PORT: String(options.httpPort),
      // Beside a live application, which has its fixed port.
      ...(options.httpPort === 0 ? { GRPC_PORT: '0' } : {}),
      ...(options.backfills === true && {
        PLATFORM_DATABASE_URL: stack.endpoints.platformDatabaseUrl,
      }),
      ...options.settings,
    },
    logFile,
    clock: options.clock,
  });
}

function stateFolder(folders: StackFolders): string {
  return path.join(folders.stateFolder, 'state');
}
