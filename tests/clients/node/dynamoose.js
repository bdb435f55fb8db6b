// A program written with Dynamoose, unmodified: a model, an index, conditions, transactions. Prints `done`.
// usage: node dynamoose.js ENDPOINT
'use strict'

const assert = require('node:assert/strict')
const dynamoose = require('dynamoose')

const [endpoint] = process.argv.slice(2)
const credentials = { accessKeyId: 'any', secretAccessKey: 'any' }
dynamoose.aws.ddb.set(new dynamoose.aws.ddb.DynamoDB({ endpoint, region: 'us-east-1', credentials }))

const schema = new dynamoose.Schema(
  {
    room: { type: String, hashKey: true },
    id: { type: Number, rangeKey: true },
    author: { type: String, index: { name: 'byAuthor', type: 'global' } },
    text: { type: String, required: true },
    tags: { type: Set, schema: [String] },
    seen: { type: Object, schema: { by: { type: Array, schema: [String] } } },
  },
  { timestamps: true },
)
// It makes the table itself, and waits until it is there.
const Message = dynamoose.model('DynamooseMessage', schema, { waitForActive: { enabled: true, check: { frequency: 50 } }, throughput: 'ON_DEMAND' })
new dynamoose.Table('DynamooseMessage', [Message])

async function main() {
  const first = { room: 'a', id: 1, author: 'ann', text: 'hello', tags: new Set(['x', 'y']), seen: { by: ['bob'] } }
  await Message.create(first)
  await assert.rejects(Message.create(first), { name: 'ConditionalCheckFailedException' })
  const got = await Message.get({ room: 'a', id: 1 })
  assert.deepEqual([got.text, [...got.tags].sort(), got.seen.by], ['hello', ['x', 'y'], ['bob']])
  assert.ok(got.createdAt instanceof Date || got.createdAt > 0)

  await Message.batchPut(Array.from({ length: 30 }, (_, n) => ({ room: 'b', id: n, author: n % 2 ? 'ann' : 'bob', text: `t${n}` })).slice(0, 25))
  const range = await Message.query('room').eq('b').where('id').between(5, 8).sort('descending').exec()
  assert.deepEqual(range.map((each) => each.id), [8, 7, 6, 5])
  const mine = await Message.query('author').eq('ann').using('byAuthor').where('room').eq('b').count().exec()
  assert.equal(mine.count, 12)
  let seen = 0
  for (let last; ; ) {
    let page = Message.query('room').eq('b').limit(10)
    if (last) page = page.startAt(last)
    const found = await page.exec()
    seen += found.length
    if (!(last = found.lastKey)) break
  }
  assert.equal(seen, 25)

  const condition = new dynamoose.Condition().where('text').eq('hello')
  await Message.update({ room: 'a', id: 1 }, { $SET: { text: 'changed' }, $REMOVE: ['author'] }, { condition })
  await assert.rejects(Message.update({ room: 'a', id: 1 }, { text: 'again' }, { condition }), { name: 'ConditionalCheckFailedException' })
  const changed = await Message.get({ room: 'a', id: 1 })
  assert.deepEqual([changed.text, changed.author], ['changed', undefined])

  await dynamoose.transaction([
    Message.transaction.create({ room: 'c', id: 1, text: 'one' }),
    Message.transaction.update({ room: 'a', id: 1 }, { text: 'two' }),
  ])
  await assert.rejects(dynamoose.transaction([Message.transaction.create({ room: 'c', id: 1, text: 'once more' })]), { name: 'TransactionCanceledException' })
  await Message.delete({ room: 'c', id: 1 })
  assert.equal((await Message.scan('room').eq('c').exec()).length, 0)
  assert.equal((await Message.scan().all().exec()).length, 26)
  console.log('done')
}

main().catch((failure) => {
  console.error(failure)
  process.exit(1)
})
