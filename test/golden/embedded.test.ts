import { goldenSuite } from '../support/golden-suite.ts'

// Every tenth pair; all of them in test/slow.
goldenSuite(10)
