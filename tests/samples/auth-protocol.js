const ws = new WebSocket('ws://localhost:8000/ws/events', ['api-key.YOUR_KEY']);
