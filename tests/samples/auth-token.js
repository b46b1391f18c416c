const ws = new WebSocket('ws://localhost:8000/ws/events?token=YOUR_TOKEN');
