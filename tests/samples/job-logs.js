function streamJobLogs(jobId, apiKey, onLog) {
  const ws = new WebSocket(`ws://localhost:8000/ws/jobs/${jobId}/logs?api_key=${apiKey}`);

  ws.onmessage = (event) => {
    const data = JSON.parse(event.data);
    if (data.type === 'log') {
      onLog(data.data);
    } else if (data.type === 'ping') {
      ws.send(JSON.stringify({ type: 'pong' }));
    }
  };

  ws.onclose = () => {
    console.log('Job logs stream closed');
  };

  return ws;
}

// Usage
const ws = streamJobLogs('job-uuid', 'your-api-key', (log) => {
  console.log(`[${log.level}] ${log.message}`);
});
