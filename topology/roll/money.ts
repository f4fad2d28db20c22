/**
 * Money as whole minor units of its currency (cents, yen, fils), read from decimal text without a
 * float in between. An amount that its currency cannot express is unreadable, never rounded.
 */

/** ISO 4217: decimals of a currency's minor unit where they are not two. */
const minorDigits: Readonly<Record<string, number>> = {
  ...everyCurrency('BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF', 0),
  ...everyCurrency('BHD IQD JOD KWD LYD OMR TND', 3),
  ...everyCurrency('CLF UYW', 4),
};

/** Decimals that a currency's amounts have. */
export function minorDigitsOf(currency: string): number {
  return minorDigits[currency] ?? 2;
}

/** ISO 4217's code for "no currency is involved": an entry made before its reservation is known. */
export const noCurrency = 'XXX';

const decimalPattern = /^(-?)(\d{1,15})(?:\.(\d{1,15}))?$/;

/**
 * `75.50` EUR → 7550; `7550.00` JPY → 7550; `0.075` BHD → 75. Undefined when the text is no decimal, has
 * decimals that the currency lacks, or exceeds 2^53.
 */
export function parseMinorUnits(text: string, currency: string): number | undefined {
  const match = decimalPattern.exec(text);
  if (match === null) return undefined;
  const [, sign = '', whole = '', fraction = ''] = match;
  const digits = minorDigitsOf(currency);
  if (/[1-9]/.test(fraction.slice(digits))) return undefined;
  const units = Number(whole + fraction.slice(0, digits).padEnd(digits, '0'));
  if (!Number.isSafeInteger(units)) return undefined;
  return sign === '-' && units !== 0 ? -units : units;
}

function everyCurrency(codes: string, digits: number): Record<string, number> {
  return Object.fromEntries(codes.split(' ').map((code) => [code, digits]));
}
