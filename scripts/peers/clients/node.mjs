// OpenAI's Node client with p-limit: node node.mjs REQUESTS OUT IN_FLIGHT
// Answers are appended as they come; what a user would write in twenty lines.
import { appendFileSync, readFileSync } from 'node:fs'
import OpenAI from 'openai'
import pLimit from 'p-limit'

const [requests, out, inFlight] = process.argv.slice(2)
const client = new OpenAI()
const limit = pLimit(Number(inFlight))
const lines = readFileSync(requests, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
await Promise.all(lines.map(({ custom_id, body }) => limit(async () => {
  const answer = await client.chat.completions.create(body)
  appendFileSync(out, JSON.stringify({ custom_id, content: answer.choices[0].message.content }) + '\n')
})))
