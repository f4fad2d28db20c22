/**
 * Where a report goes: a file, which is there when it is whole and not before, or stdout. A long one is
 * written as it comes.
 */
import { closeSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { RollguardError, messageOf } from '../../kernel/errors.ts';

export interface ReportWriter {
  write(text: string): void;
  /** Puts the file in its place. */
  finish(): void;
  /** Leaves nothing behind, unless it was finished. */
  discard(): void;
}

/** Opens the file with the first text. @throws CONFIG_INVALID when it cannot be written. */
export function fileWriter(file: string): ReportWriter {
  const partial = `${file}.${process.pid}.partial`;
  let opened: number | undefined;
  let isLeft = false;
  const close = (): void => {
    if (opened !== undefined) closeSync(opened);
    opened = undefined;
  };
  const attempt = (work: () => void): void => {
    try {
      work();
    } catch (cause) {
      const message = `the report cannot be written to ${file}: ${messageOf(cause)}; name another with --output`;
      throw new RollguardError('CONFIG_INVALID', message, { cause });
    }
  };
  return {
    write: (text) => {
      attempt(() => {
        opened ??= openedFile(partial);
        isLeft = true;
        writeAll(opened, text);
      });
    },
    finish: () => {
      close();
      attempt(() => {
        renameSync(partial, file);
        isLeft = false;
      });
    },
    discard: () => {
      close();
      if (isLeft) rmSync(partial, { force: true });
      isLeft = false;
    },
  };
}

/** @param out stdout. */
export function outputWriter(out: (text: string) => void): ReportWriter {
  return { write: out, finish: () => undefined, discard: () => undefined };
}

/** Writes to each of them. */
export function allWriters(writers: readonly ReportWriter[]): ReportWriter {
  const each = (act: (writer: ReportWriter) => void) => () => writers.forEach(act);
  return {
    write: (text) => {
      for (const writer of writers) writer.write(text);
    },
    finish: each((writer) => writer.finish()),
    discard: each((writer) => writer.discard()),
  };
}

function openedFile(file: string): number {
  mkdirSync(path.dirname(file), { recursive: true });
  return openSync(file, 'w');
}

function writeAll(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let at = 0; at < bytes.length;) at += writeSync(file, bytes, at);
}
