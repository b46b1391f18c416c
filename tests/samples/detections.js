class DetectionsWebSocket {
  constructor(apiKey, callbacks) {
    this.url = `ws://localhost:8000/ws/detections?api_key=${apiKey}`;
    this.callbacks = callbacks;
    this.lastSeq = 0;
    this.connect();
  }

  connect() {
    this.ws = new WebSocket(this.url);

    this.ws.onopen = () => {
      console.log('Connected to detections stream');
      // Auto-subscribed to detection.* events
    };

    this.ws.onmessage = (event) => {
      const data = JSON.parse(event.data);

      // Check for sequence gaps
      if (data.seq && data.seq > this.lastSeq + 1) {
        console.warn(`Sequence gap detected: expected ${this.lastSeq + 1}, got ${data.seq}`);
      }
      if (data.seq) {
        this.lastSeq = data.seq;
      }

      switch (data.type) {
        case 'detection':
          this.callbacks.onDetection?.(data.data);
          break;
        case 'detection.batch':
          this.callbacks.onBatch?.(data.data);
          break;
        case 'ping':
          // Server heartbeat - check lastSeq for gaps
          if (data.lastSeq && data.lastSeq > this.lastSeq) {
            console.warn('Missed messages during idle');
          }
          this.ws.send(JSON.stringify({ type: 'pong' }));
          break;
        case 'pong':
          break;
      }
    };

    // Similar reconnection handling as EventsWebSocket...
  }
}

// Usage
const detectionsWs = new DetectionsWebSocket('your-api-key', {
  onDetection: (detection) => {
    console.log(`New detection: ${detection.object_type} on ${detection.camera_id}`);
    updateLiveView(detection);
  },
  onBatch: (batch) => {
    console.log(`Batch ${batch.batch_id}: ${batch.detection_count} detections`);
  },
});
