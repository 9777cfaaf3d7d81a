#!/usr/bin/env -S node --max-semi-space-size=32
// A larger young generation: answers live for one exchange, and promoting them costs a tenth of the CPU.
import '../dist/main.js';
