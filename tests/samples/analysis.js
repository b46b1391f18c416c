const eventSource = new EventSource(`/api/events/analyze/${batchId}/stream?camera_id=${cameraId}`);

let accumulatedText = '';

eventSource.onmessage = (event) => {
  const data = JSON.parse(event.data);

  switch (data.event_type) {
    case 'progress':
      accumulatedText = data.accumulated_text;
      updateTypingIndicator(accumulatedText);
      break;
    case 'complete':
      hideTypingIndicator();
      displayFinalResult(data);
      eventSource.close();
      break;
    case 'error':
      showError(data.message);
      if (!data.recoverable) {
        eventSource.close();
      }
      break;
  }
};

eventSource.onerror = () => {
  console.error('SSE connection error');
  eventSource.close();
};
