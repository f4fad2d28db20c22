/**
 * Named places in the engine at which a test makes the process die, hang or fail. Armed by a text
 * (`ROLLGUARD_FAILPOINTS`, read by main.ts only); without one `noFailpoints` is passed around, whose
 * `hit` does nothing. Places lie on commits, polls and restores, never on single records.
 *
 *   after-produce:kill@3 , before-end:pause(20000) , any:kill~0.01 , seed=7
 *   point:action, then @n (the n-th time it is reached, the first unless given) or ~p (each time with
 *   probability p, drawn from the seed)
 */
import { RollguardError } from './errors.ts';
import { seededRandom, type Random } from './random.ts';

/** Every point, and what a crash there leaves behind. */
export const failpoints = {
  'after-poll': 'records are fetched and queued, nothing is done with them',
  'before-fence': 'the task is assigned here; its previous owner may still write',
  'during-restore': 'a part of the changelog is in the store',
  'before-produce': 'records are processed; nothing of that has left the process',
  'after-produce': 'changelog and outputs are in the log, in an open transaction',
  'after-offsets': 'the offsets are in it too; a commit of calls alone has none',
  'before-end': 'only the end of the transaction is missing',
  'after-end': 'the transaction is committed; the store and whoever waits do not know',
  'after-answer': 'whoever waited is answered, the next transaction is primed; the store is older',
  'before-checkpoint': 'a checkpoint of the store is due and not begun',
  'during-checkpoint': 'its batch is handed to RocksDB, which may or may not have it',
  'after-checkpoint': 'it is in RocksDB; nothing of the process has gone on yet',
} as const;

export type FailpointName = keyof typeof failpoints;

export interface Failpoints {
  /** Called at the place; returns when nothing is armed there. */
  hit(name: FailpointName): void;
}

export const noFailpoints: Failpoints = { hit: () => undefined };

/** How a failpoint acts; the process's own way is in `main.ts`, tests bring another. */
export interface FailpointEffects {
  /** Ends the process at once, as a crash does: nothing is flushed, nobody is told. */
  kill(): void;
  /** Stops the whole process for so long, all its threads, by SIGSTOP. */
  pause(ms: number): void;
  /** Called before either, with a line that says which failpoint acts. */
  report(line: string): void;
}

// An error is one whose outcome nobody can tell: a place behind the commit must not deny it.
type Action =
  | { readonly kind: 'kill' }
  | { readonly kind: 'pause'; readonly ms: number }
  | { readonly kind: 'error' };

interface Clause {
  readonly text: string;
  readonly name: FailpointName | 'any';
  readonly action: Action;
  /** Undefined: each time with the probability. */
  readonly at: number | undefined;
  readonly probability: number;
}

const clausePattern =
  /^([a-z-]+):(?:(kill|error)|pause\((\d{1,7})\))(?:@([1-9]\d{0,8})|~(0?\.\d+|1))?$/;
const seedPattern = /^seed=(\d{1,10})$/;
const defaultSeed = 1;

/** @throws CONFIG_INVALID naming what is wrong, and all points when a name is. */
export function parseFailpoints(text: string, effects: FailpointEffects): Failpoints {
  const parts = text.split(',').map((part) => part.trim());
  const seeds = parts.flatMap((part) => seedPattern.exec(part)?.[1] ?? []);
  const clauses = parts.filter((part) => !seedPattern.test(part)).map(parseClause);
  return new ArmedFailpoints(clauses, seededRandom(Number(seeds.at(-1) ?? defaultSeed)), effects);
}

function parseClause(text: string): Clause {
  const [, name = '', kind, pauseMs, at, probability] = clausePattern.exec(text) ?? [];
  if (kind === undefined && pauseMs === undefined) {
    throw invalid(
      `'${text}' is not <point>:<kill|error|pause(ms)>, with @<n-th time> or ~<probability>`,
    );
  }
  if (name !== 'any' && !(name in failpoints)) {
    throw invalid(`no failpoint '${name}'; there are ${Object.keys(failpoints).join(', ')}, any`);
  }
  const action: Action =
    pauseMs !== undefined
      ? { kind: 'pause', ms: Number(pauseMs) }
      : { kind: kind === 'error' ? 'error' : 'kill' };
  const everyTime = probability !== undefined;
  return {
    text,
    name: name as Clause['name'],
    action,
    at: everyTime ? undefined : Number(at ?? 1),
    probability: Number(probability ?? 1),
  };
}

class ArmedFailpoints implements Failpoints {
  readonly #clauses: readonly Clause[];
  readonly #random: Random;
  readonly #effects: FailpointEffects;
  readonly #counts = new Map<Clause, number>();

  constructor(clauses: readonly Clause[], random: Random, effects: FailpointEffects) {
    this.#clauses = clauses;
    this.#random = random;
    this.#effects = effects;
  }

  hit(name: FailpointName): void {
    for (const clause of this.#clauses) {
      if (clause.name !== 'any' && clause.name !== name) continue;
      const count = (this.#counts.get(clause) ?? 0) + 1;
      this.#counts.set(clause, count);
      const isDue =
        clause.at === undefined ? this.#random.next() < clause.probability : clause.at === count;
      if (isDue) this.#act(clause, name, count);
    }
  }

  #act({ text, action }: Clause, name: FailpointName, count: number): void {
    this.#effects.report(`failpoint ${name} acts the ${count}. time it is reached: ${text}`);
    if (action.kind === 'kill') this.#effects.kill();
    else if (action.kind === 'pause') this.#effects.pause(action.ms);
    else throw new RollguardError('OUTCOME_UNKNOWN', `failpoint ${name} threw`);
  }
}

function invalid(message: string): RollguardError {
  return new RollguardError('CONFIG_INVALID', `ROLLGUARD_FAILPOINTS: ${message}`);
}
