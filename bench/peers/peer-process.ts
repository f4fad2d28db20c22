/** A side in a process of its own, so that its CPU and its memory are its own, whatever it is written in. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Clock } from '../../kernel/clock.ts';
import { RollguardError } from '../../kernel/errors.ts';
import { late, settledWithin } from '../../kernel/settled-within.ts';
import { processUsage, type ProcessUsage } from '../../tools/start/process-usage.ts';

const stopTimeoutMs = 60_000;

export interface PeerProcessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Beside the environment of the bench. */
  readonly env?: Readonly<Record<string, string>>;
  readonly logFile: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export class PeerProcess {
  readonly #options: PeerProcessOptions;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<unknown>;
  readonly #kill = (): void => void this.#child.kill('SIGKILL');

  constructor(options: PeerProcessOptions) {
    this.#options = options;
    const { command, args, cwd, env, signal } = options;
    // A group of its own: Ctrl-C reaches the bench, which ends it.
    const child = spawn(command, args, { cwd, env: { ...env, ...process.env }, detached: true });
    child.stderr.pipe(createWriteStream(options.logFile));
    this.#child = child;
    this.#ended = once(child, 'exit').catch(() => undefined);
    child.stdin.on('error', () => undefined);
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    signal.addEventListener('abort', this.#kill);
  }

  /** Waits until its store serves. @returns the figures it tells with it. */
  async ready(): Promise<Readonly<Record<string, number>>> {
    const figures = await this.#answer('ready');
    return figures === '' ? {} : (JSON.parse(figures) as Record<string, number>);
  }

  /** How often a key came, as its store says. */
  async count(key: string): Promise<number> {
    this.#child.stdin.write(`get ${key}\n`);
    return Number(await this.#answer('value'));
  }

  /** @throws STACK_START when it has ended by itself. */
  usage(): ProcessUsage {
    const usage = this.#isOver ? undefined : processUsage(this.#child.pid ?? 0);
    if (usage === undefined) throw this.#failed();
    return usage;
  }

  /** In order: it commits what is open and leaves its group. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    if ((await settledWithin(this.#options.clock, stopTimeoutMs, this.#ended)) === late) {
      throw this.#failed();
    }
    if (this.#child.exitCode !== 0) throw this.#failed();
  }

  /** Whatever happened: afterwards there is no process. */
  async end(): Promise<void> {
    this.#options.signal.removeEventListener('abort', this.#kill);
    this.#kill();
    await this.#ended;
  }

  get #isOver(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  async #answer(word: string): Promise<string> {
    const line = await this.#lines.next();
    if (line.done === true || !line.value.startsWith(word)) throw this.#failed();
    return line.value.slice(word.length).trim();
  }

  #failed(): Error {
    const { signal, logFile } = this.#options;
    if (signal.aborted) return signal.reason as Error;
    const how = this.#isOver
      ? `ended with ${String(this.#child.exitCode ?? this.#child.signalCode)}`
      : 'does not do what it is asked';
    return new RollguardError('STACK_START', `the side's process ${how}; its log: ${logFile}`);
  }
}
