const ws = new WebSocket('ws://localhost:8000/ws/events?api_key=YOUR_KEY');
