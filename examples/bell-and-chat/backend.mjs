// The backend: makes tokens for its users, and tells them something.

import express from 'express';
import { SignJWT } from 'jose';

const { FANFARE_URL = 'http://127.0.0.1:8080', FANFARE_AUTH_SECRET = '', FANFARE_PUBLISH_KEY = '' } = process.env;
const secret = new TextEncoder().encode(FANFARE_AUTH_SECRET);
const app = express();

app.get('/push-token', async (request, response) => {
  const user = request.query.user; // yours: who is logged in, from your session
  if (!user) return response.sendStatus(401);
  const token = await new SignJWT({ fanfare: { subscribe: ['user:${sub}', 'chat:*'], publish: ['chat:*'] } })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(String(user))
    .setIssuedAt()
    .setExpirationTime('1h')
    .sign(secret);
  response.type('text/plain').send(token);
});

app.post('/notify', express.json(), async (request, response) => {
  const { user, title } = request.body;
  const published = await fetch(`${FANFARE_URL}/v1/publish`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${FANFARE_PUBLISH_KEY}`, 'Content-Type': 'application/json' },
    body: JSON.stringify({ channel: `user:${user}`, data: { title } }),
  });
  response.sendStatus(published.ok ? 204 : 502);
});

app.use(express.static(process.env.PAGE ?? 'dist'));
const server = app.listen(Number(process.env.PORT ?? 3000), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port}`);
});
