// Loaded into an instance before anything else (`node --import`): the wall clock of its process is off by
// ROLLGUARD_CLOCK_SKEW_MS, for everyone in it, as on a machine whose clock is; what it measures is right.
const RightDate = globalThis.Date;
const skewMs = Number(process.env.ROLLGUARD_CLOCK_SKEW_MS ?? 0);

globalThis.Date = class Date extends RightDate {
  constructor(...given) {
    if (given.length === 0) super(RightDate.now() + skewMs);
    else super(...given);
  }

  static now() {
    return RightDate.now() + skewMs;
  }
};
