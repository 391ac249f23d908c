require("node:readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const { headers, body, secret } = JSON.parse(line);
  try {
    console.log(JSON.stringify({ event: receive(headers, body, secret) }));
  } catch (error) {
    console.log(JSON.stringify({ error: String(error) }));
  }
});
