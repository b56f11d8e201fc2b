// Receives webhooks of users-sync. npm install standardwebhooks; WEBHOOK_OUT_SECRET=... PORT=3000 node receive.mjs
import { createServer } from 'node:http'
import { Webhook } from 'standardwebhooks'

const webhook = new Webhook(process.env.WEBHOOK_OUT_SECRET)

createServer(async (request, response) => {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  let message
  try {
    message = webhook.verify(Buffer.concat(chunks).toString(), request.headers)
  } catch {
    return response.writeHead(401).end()
  }
  // The id stays the same when a message is sent again: remember it, or make the work repeatable.
  console.log(request.headers['webhook-id'], message.type, message.data.id)
  response.writeHead(204).end()
}).listen(process.env.PORT)
