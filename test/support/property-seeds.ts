import fc from 'fast-check';

// In CI properties draw the same cases each time, so that a change is judged by itself. Elsewhere they draw others each
// time; a failure prints its seed.
if (process.env.CI) fc.configureGlobal({ seed: 20_261_126 });
