// The programmatic example of the documentation, with its two `send` calls inside `onopen`, run by Node with `ws`.
// Usage: node seed_client.mjs ws://host:port/ws [another text ...]
// Prints every message that it hears, a line each, and leaves when every text has had its ending.
import { WebSocket } from "ws";

const [url, ...texts] = process.argv.slice(2);
const ws = new WebSocket(url);
let endings = 1 + texts.length;

ws.onopen = () => {
  // Primer mensaje para crear sesión
  const initialMessage = {
    type: "system",
    user_id: "user123",
    content: "",
  };
  ws.send(JSON.stringify(initialMessage));

  // Enviar mensaje de texto
  const textMessage = {
    type: "text",
    content: "Hola, ¿puedes calcular 2+2?",
    user_id: "user123",
  };
  ws.send(JSON.stringify(textMessage));
  for (const content of texts) {
    ws.send(JSON.stringify({ type: "text", content, user_id: "user123" }));
  }
};

ws.onmessage = (event) => {
  console.log(event.data);
  const { type } = JSON.parse(event.data);
  if (type === "response_complete" || type === "error") {
    endings -= 1;
    if (endings === 0) ws.close(1000);
  }
};

ws.onerror = (event) => {
  console.error(event.message);
  process.exit(1);
};
ws.onclose = () => process.exit(0);
