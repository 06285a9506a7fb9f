export { seededRandom } from '../../src/simulation/seeded-random.ts'
