/** The verifier against the known values of RFC 7677, section 3. */
import { createHash, createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { scramVerifier } from '../../connectors/scram-verifier.ts';

const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64');
/** The RFC's exchange of the user "user" with the password "pencil". */
const authMessage = [
  'n=user,r=rOprNGfwEbeRWgbNEkqO',
  'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
].join(',');
const clientProof = 'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=';
const serverSignature = '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

describe('the SCRAM verifier', () => {
  test('accepts the proof and gives the signature of the RFC’s exchange', () => {
    const [scheme, work, keys = ''] = scramVerifier('pencil', salt).split('$');
    const [storedKey = '', serverKey = ''] = keys.split(':');
    const stored = Buffer.from(storedKey, 'base64');
    const clientSignature = createHmac('sha256', stored).update(authMessage).digest();
    const clientKey = Buffer.from(clientProof, 'base64').map(
      (byte, index) => byte ^ clientSignature[index]!,
    );
    const signature = createHmac('sha256', Buffer.from(serverKey, 'base64')).update(authMessage);

    expect(scheme).toBe('SCRAM-SHA-256');
    expect(work).toBe('4096:W22ZaJ0SNY7soEsUEjb6gQ==');
    expect(createHash('sha256').update(clientKey).digest()).toEqual(stored);
    expect(signature.digest('base64')).toBe(serverSignature);
  });

  test.each(['', 'pässword', 'tab\t'])(
    'refuses %p, which clients might spell otherwise',
    (text) => {
      expect(() => scramVerifier(text, salt)).toThrow(/must be printable ASCII and not empty/);
    },
  );
});
