import { goldenSuite } from '../support/golden-suite.ts'

goldenSuite(1)
