/**
 * The application as a child process of its own: so that its memory and CPU are its own figures, and
 * so that it ends when its parent does, however that ends (the IPC channel closes).
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { late, settledWithin } from '../../kernel/settled-within.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
/**
 * MiB. What a call makes is dead when its commit has ended; with Node's 16 much of it lives through a
 * collection until then, and copying it is a tenth of a lock's CPU. A running process cannot change it.
 */
const youngSpace = '--max-semi-space-size=64';
/**
 * glibc's allocator. Left alone it keeps what large buffers leave behind, and fills it with what lives
 * long: after a restore of a million keys a process stays twice as large. Other allocators ignore it.
 */
export const allocatorSettings = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072' };
const readyTimeoutMs = 120_000;
const stopTimeoutMs = 20_000;
const probeIntervalMs = 200;

export interface ApplicationOptions {
  readonly settings: Readonly<Record<string, string>>;
  /** Written on, so that a restart keeps what the process before it said. */
  readonly logFile: string;
  readonly clock: Clock;
  /** True: what it says goes through this process into the log, and no limit on its files keeps it from it. */
  readonly isPiped?: boolean;
}

export class ApplicationProcess {
  readonly #child: ChildProcess;
  readonly #options: ApplicationOptions;
  readonly #exited: Promise<number | null>;
  #exitCode: number | null | undefined;
  #url = '';
  #grpcAddress = '';

  constructor(options: ApplicationOptions) {
    this.#options = options;
    const { logFile, isPiped = false } = options;
    const log = openSync(logFile, 'a');
    const output = isPiped ? 'pipe' : log;
    this.#child = spawn(process.execPath, [youngSpace, '--import', 'tsx', 'main.ts'], {
      cwd: root,
      env: { ...allocatorSettings, ...process.env, ...options.settings },
      // It writes into the file itself: whatever it said is there when it has ended.
      stdio: ['ignore', output, output, 'ipc'],
      // Its own process group: Ctrl-C reaches the parent, which then stops it in order.
      detached: true,
    });
    closeSync(log);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (bytes: Buffer) => appendFileSync(logFile, bytes));
    }
    this.#child.on('message', (message) => {
      if (typeof message === 'object' && 'httpPort' in message) {
        this.#url = `http://127.0.0.1:${String(message.httpPort)}`;
      }
      if (typeof message === 'object' && 'grpcPort' in message) {
        this.#grpcAddress = `127.0.0.1:${String(message.grpcPort)}`;
      }
    });
    this.#exited = new Promise((resolve) => {
      // A pipe may still have what it said last.
      this.#child.once(isPiped ? 'close' : 'exit', (code: number | null) => {
        this.#exitCode = code;
        resolve(code);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when the process has ended, however: with its exit code, null after a signal. */
  get ended(): Promise<number | null> {
    return this.#exited;
  }

  /** Where the HTTP API answers. */
  get url(): string {
    return this.#url;
  }

  /** Where the gRPC API answers, host:port. */
  get grpcAddress(): string {
    return this.#grpcAddress;
  }

  /** Waits until it is restored and consuming. @throws STACK_START naming the log. */
  async ready(signal: AbortSignal): Promise<void> {
    const { clock, logFile } = this.#options;
    const deadlineMs = clock.monotonicMs() + readyTimeoutMs;
    let reason = 'it does not answer';
    while (!signal.aborted && clock.monotonicMs() < deadlineMs) {
      this.assertAlive();
      const answer = this.#url === '' ? undefined : await probe(`${this.#url}/health/readiness`);
      if (answer?.ok === true) return;
      if (answer !== undefined) reason = answer.body;
      await clock.sleep(probeIntervalMs, signal);
    }
    signal.throwIfAborted();
    throw new RollguardError(
      'STACK_START',
      `the application is not ready (${reason}); its log: ${logFile}`,
    );
  }

  /** @throws STACK_START when the process has ended by itself. */
  assertAlive(): void {
    if (this.#exitCode === undefined) return;
    const { logFile } = this.#options;
    throw new RollguardError(
      'STACK_START',
      `the application ended with code ${String(this.#exitCode)}; its log: ${logFile}`,
    );
  }

  /** Kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  /** Stands still until `thaw`, its connections open. */
  freeze(): void {
    this.#child.kill('SIGSTOP');
  }

  thaw(): void {
    this.#child.kill('SIGCONT');
  }

  /** SIGTERM, and SIGKILL when it takes too long. @returns its exit code; null: a signal ended it. */
  async stop(): Promise<number | null> {
    if (this.#exitCode !== undefined) return this.#exitCode;
    this.#child.kill('SIGTERM');
    const { clock } = this.#options;
    if ((await settledWithin(clock, stopTimeoutMs, this.#exited)) === late) {
      this.#child.kill('SIGKILL');
    }
    return this.#exited;
  }
}

async function probe(url: string): Promise<{ ok: boolean; body: string } | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
    return { ok: response.ok, body: await response.text() };
  } catch {
    return undefined;
  }
}
