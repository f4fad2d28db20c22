/**
 * The verifier that Postgres stores instead of a password (SCRAM-SHA-256, RFC 5802). `ALTER ROLE …
 * PASSWORD` takes it as it is, so the password itself is in no statement and no server log.
 */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { RollguardError } from '../kernel/errors.ts';

const iterations = 4096;
const keyBytes = 32;

/**
 * @param salt 16 random bytes
 * @throws CONFIG_INVALID for a password that is empty or not printable ASCII (others would need
 * SASLprep to be the same password for every client).
 */
export function scramVerifier(password: string, salt: Uint8Array): string {
  if (!/^[\x20-\x7e]+$/.test(password)) {
    const message = 'the password of the capturing role must be printable ASCII and not empty';
    throw new RollguardError('CONFIG_INVALID', message);
  }
  const salted = pbkdf2Sync(password, salt, iterations, keyBytes, 'sha256');
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  const storedKey = createHash('sha256').update(clientKey).digest('base64');
  const serverKey = createHmac('sha256', salted).update('Server Key').digest('base64');
  const encodedSalt = Buffer.from(salt).toString('base64');
  return `SCRAM-SHA-256$${iterations}:${encodedSalt}$${storedKey}:${serverKey}`;
}
