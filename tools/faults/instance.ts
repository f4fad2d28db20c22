/**
 * One instance of the application across its processes: its state folder, its log, its link to the
 * broker. What a campaign does to it, it does here; an end that nobody asked for is told.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { identify } from '../stack/processes.ts';
import { ApplicationProcess } from '../start/application-process.ts';
import { KafkaProxy } from './kafka-proxy.ts';
import { noteFolderLost } from './restore-log.ts';

export interface InstanceOptions {
  readonly number: number;
  readonly stateFolder: string;
  readonly logFile: string;
  /** Beside those that its own folder and link give. */
  readonly settings: Readonly<Record<string, string>>;
  /** The broker's host:port. */
  readonly broker: string;
  readonly clock: Clock;
  /** It ended by itself, with this code; null: a signal. */
  readonly endedAlone: (instance: Instance, code: number | null) => void;
}

/** By the monotonic clock. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The limit of a process on the size of its files: beyond it a write fails, with EFBIG for ENOSPC. */
type FileLimit = '0' | 'unlimited';

export class Instance {
  readonly number: number;
  readonly name: string;
  readonly stateFolder: string;
  readonly logFile: string;
  /** When its process stood still. */
  readonly frozen: Span[] = [];
  readonly proxy: KafkaProxy;
  readonly #options: InstanceOptions;
  #process: ApplicationProcess | undefined;
  readonly #closing = new AbortController();
  #lasting: Promise<void> = Promise.resolve();
  #skewMs = 0;

  static async create(options: InstanceOptions): Promise<Instance> {
    const [host = '', port] = options.broker.split(':');
    const proxy = await KafkaProxy.before({ host, port: Number(port) }, options.clock);
    return new Instance(options, proxy);
  }

  private constructor(options: InstanceOptions, proxy: KafkaProxy) {
    this.#options = options;
    this.proxy = proxy;
    this.number = options.number;
    this.name = `instance ${options.number}`;
    this.stateFolder = options.stateFolder;
    this.logFile = options.logFile;
    for (const old of [this.stateFolder, this.logFile])
      rmSync(old, { recursive: true, force: true });
  }

  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** Ever. */
  get hasRun(): boolean {
    return existsSync(this.logFile);
  }

  /** Of the HTTP API; undefined until it serves. */
  get url(): string | undefined {
    const url = this.#process?.url ?? '';
    return url === '' ? undefined : url;
  }

  start(): void {
    if (this.#process !== undefined) return;
    const { settings, logFile, clock, endedAlone } = this.#options;
    const { host, port } = this.proxy.address;
    const started = new ApplicationProcess({
      settings: {
        ...settings,
        KAFKA_BROKERS: `${host}:${port}`,
        ROLLGUARD_STATE_DIR: this.stateFolder,
        // So that clocks which are off are at work, instead of what keeps them from it.
        CLOCK_OFFSET_MAX_MS: '0',
        ...{ HTTP_PORT: '0', GRPC_PORT: '0' },
        ...(this.#skewMs === 0 ? {} : skewed(this.#skewMs)),
      },
      ...{ logFile, clock, isPiped: true },
    });
    this.#process = started;
    void started.ended.then((code) => {
      if (this.#process !== started) return;
      this.#process = undefined;
      endedAlone(this, code);
    });
  }

  /** @throws STACK_START when it does not get ready. */
  async ready(signal: AbortSignal): Promise<void> {
    if (this.#process === undefined) {
      throw new RollguardError('STACK_START', `${this.name} does not run`);
    }
    await this.#process.ready(signal);
  }

  async kill(): Promise<void> {
    await this.#taken()?.kill();
  }

  /** @returns false when it did not end in order: another code than 0, or too late. */
  async stop(): Promise<boolean> {
    const stopped = this.#taken();
    if (stopped === undefined) return true;
    const hasServed = stopped.url !== '';
    const code = await stopped.stop();
    // Before it serves, nothing is open that would have to be closed: the signal just ends it.
    return code === 0 || (code === null && !hasServed);
  }

  loseState(): void {
    rmSync(this.stateFolder, { recursive: true, force: true });
    noteFolderLost(this.logFile);
  }

  /** From its next start on. */
  setSkew(skewMs: number): void {
    this.#skewMs = skewMs;
  }

  /** When what lasts of the last fault is over. */
  calm(): Promise<void> {
    return this.#lasting;
  }

  freezeFor(lastsMs: number): void {
    const frozen = this.#process;
    if (frozen === undefined) return;
    const { clock } = this.#options;
    const fromMs = clock.monotonicMs();
    const thaw = (): void => frozen.thaw();
    // One that stands still does not notice that its parent is gone.
    process.once('exit', thaw);
    frozen.freeze();
    this.#last(lastsMs, () => {
      process.off('exit', thaw);
      thaw();
      this.frozen.push({ fromMs, toMs: clock.monotonicMs() });
    });
  }

  /** @throws STACK_TOOL_MISSING */
  fillDiskFor(lastsMs: number): void {
    const pid = this.#process?.pid;
    if (pid === undefined) return;
    // What a checkpoint should have written it has not: the next start has more to replay.
    noteFolderLost(this.logFile);
    limitFiles(pid, '0');
    this.#last(lastsMs, () => {
      if (this.#process?.pid === pid) limitFiles(pid, 'unlimited');
    });
  }

  /** Its link fails as `begin` says, until `end`. */
  linkFor(
    lastsMs: number,
    begin: (link: KafkaProxy) => void,
    end: (link: KafkaProxy) => void,
  ): void {
    begin(this.proxy);
    this.#last(lastsMs, () => {
      end(this.proxy);
    });
  }

  /** Whatever still lasts is over. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#lasting;
    await this.stop();
    this.proxy.close();
  }

  #last(lastsMs: number, end: () => void): void {
    this.#lasting = this.#options.clock.sleep(lastsMs, this.#closing.signal).then(end);
  }

  /** From now on its end is asked for. */
  #taken(): ApplicationProcess | undefined {
    const taken = this.#process;
    this.#process = undefined;
    return taken;
  }
}

/** The whole process, its libraries too: as the clock of a machine is. */
function skewed(skewMs: number): Readonly<Record<string, string>> {
  const given = process.env['NODE_OPTIONS'] ?? '';
  return {
    ROLLGUARD_CLOCK_SKEW_MS: String(skewMs),
    NODE_OPTIONS: `${given} --import ${new URL('skewed-date.mjs', import.meta.url).href}`,
  };
}

function limitFiles(pid: number, limit: FileLimit): void {
  try {
    // The soft limit alone: it may be lifted again.
    execFileSync('prlimit', ['--pid', String(pid), `--fsize=${limit}:`], { stdio: 'pipe' });
  } catch (error) {
    if (identify(pid) === undefined) return;
    throw new RollguardError(
      'STACK_TOOL_MISSING',
      'a full disk is made with prlimit of util-linux; install it, or leave it out: --disk-full 0',
      { cause: error },
    );
  }
}
